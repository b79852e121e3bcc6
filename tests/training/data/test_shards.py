"""Shards: named relative to their home, held against their hash, and refused where they are none."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.errors import MateriaError
from training.data.shards import Shard, check_shards, open_shard, predicates_of, read_texts


def test_a_shard_is_named_relative_to_its_home(corpus):
    assert corpus.train[0].name == "split=train/bucket=0/p.parquet" and len(corpus.train[0].sha256) == 64


def test_classes_are_the_predicates_of_the_shards(corpus):
    assert predicates_of(corpus.train) == ["biolink:causes", "biolink:treats"]


def test_texts_stream_in_order(corpus):
    texts = list(read_texts(corpus.train))
    assert len(texts) == 240 and texts[60:] == list(read_texts(corpus.train[1:]))


def test_a_changed_shard_is_found_by_its_hash(tmp_path, write_shard):
    shard = write_shard(tmp_path, "p.parquet", [])
    check_shards([shard])
    with (tmp_path / "p.parquet").open("ab") as file:
        file.write(b"x")
    with pytest.raises(MateriaError, match=r"^p.parquet: is not the shard that its manifest names: its SHA-256"):
        check_shards([shard])


def test_what_is_no_shard_is_named(tmp_path, corpus):
    (tmp_path / "text.parquet").write_text("no parquet at all")
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "other.parquet")
    pq.write_table(pq.read_table(corpus.train[0].path).drop("spans"), tmp_path / "old.parquet")
    table = pq.read_table(corpus.train[0].path)
    wrong = table.set_column(table.column_names.index("belief"), "belief", pa.nulls(60, pa.string()))
    pq.write_table(wrong, tmp_path / "wrong.parquet")
    cut = (tmp_path / "wrong.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(cut[: len(cut) // 2])
    for name, problem in (
        ("text.parquet", "is no readable Parquet file"),
        ("cut.parquet", "is no readable Parquet file"),
        ("other.parquet", "lacks the column sentences"),
        ("old.parquet", "lacks the column spans"),
        ("wrong.parquet", "its column belief is string, not double"),
        ("missing.parquet", "does not exist"),
    ):
        with pytest.raises(MateriaError, match=f"^{name}: .*{problem}"):
            with open_shard(Shard(str(tmp_path / name), name, "")):
                pass
