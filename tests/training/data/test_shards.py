"""Streaming of passages: every one once an epoch, an order that depends on the seed, and clear refusals."""

from itertools import islice

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.errors import MateriaError
from training.data.shards import Shard, read_passages, shuffled_passages


def ids(corpus, count, **kwargs):
    return [p["passage_id"] for p in islice(shuffled_passages(corpus.train, **kwargs), count)]


@pytest.mark.parametrize("buffer", [1, 16, 10_000])
def test_every_epoch_holds_every_passage_once(corpus, buffer):
    order = ids(corpus, 480, seed=1, buffer=buffer)
    assert len(set(order[:240])) == 240 and set(order[240:]) == set(order[:240])
    assert order[:240] != order[240:]


def test_the_order_depends_on_the_seed_only(corpus):
    assert ids(corpus, 300, seed=1, buffer=50) == ids(corpus, 300, seed=1, buffer=50)
    assert ids(corpus, 300, seed=1, buffer=50) != ids(corpus, 300, seed=2, buffer=50)
    assert ids(corpus, 240, seed=1, buffer=50) != sorted(ids(corpus, 240, seed=1, buffer=50))


def test_a_shard_is_named_relative_to_its_home(corpus):
    assert corpus.train[0].name == "split=train/bucket=0/p.parquet" and len(corpus.train[0].sha256) == 64


def test_no_passages_is_one_clear_sentence(tmp_path, write_shard):
    empty = write_shard(tmp_path, "empty.parquet", [])
    for shards in ([], [empty]):
        with pytest.raises(MateriaError, match="holds no passage of the train split"):
            next(shuffled_passages(shards, seed=1, buffer=4))


def test_what_is_no_shard_is_named(tmp_path):
    (tmp_path / "text.parquet").write_text("no parquet at all")
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "other.parquet")
    for name, problem in (
        ("text.parquet", "is no readable Parquet file"),
        ("other.parquet", "lacks the column passage_id"),
        ("missing.parquet", "does not exist"),
    ):
        with pytest.raises(MateriaError, match=f"^{name}: .*{problem}"):
            list(read_passages([Shard(str(tmp_path / name), name, "")]))
