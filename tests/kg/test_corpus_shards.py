"""The rows of a bucket's shards: what was taken, as often, mixed, and laid out to stream."""

from itertools import pairwise

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kg.corpus_shards import LAYOUT, add_counts, made_from, selected_passages, taken_passages
from kg.tables import CORPUS_PASSAGES, PASSAGES, SELECTION
from pipeline.storage import TableSink
from tests.kg.passages import FREE, A, rows

SPLITS = ("train", "train", "train", "validation", "test")


@pytest.fixture
def files(tmp_path):
    """300 papers and 200 facts; every seventh passage is not taken, every fifth twice."""
    paths, chosen = [], []
    for kind, count in (("literature", 300), ("verbalized", 200)):
        made = [([[A], [FREE]], {"passage_id": f"{kind}{i:03}", "split": SPLITS[i % 5]}) for i in range(count)]
        paths.append(str(tmp_path / f"{kind}.parquet"))
        pq.write_table(pa.Table.from_batches([rows(*made, kind=kind)], PASSAGES), paths[-1])
        chosen += [
            {"passage_id": f"{kind}{i:03}", "split": SPLITS[i % 5], "taken": 0 if i % 7 == 0 else 1 + (i % 5 == 0)}
            | {"tokens": 6, "source": "pubmed", "predicate": None, "reason": None, "other": None, "detail": None}
            for i in range(count)
        ]
    pq.write_table(pa.Table.from_pylist(chosen, SELECTION), tmp_path / "selection.parquet")
    return paths, [str(tmp_path / "selection.parquet")], {row["passage_id"]: row["taken"] for row in chosen}


def read(files, tmp_path, number=0):
    folder = tmp_path / f"sorting{number}"
    folder.mkdir()
    return pa.Table.from_batches(
        selected_passages(files[0], taken_passages(files[1]), folder, rows=64), CORPUS_PASSAGES
    )


def test_each_passage_stands_there_as_often_as_it_was_taken_with_its_copies_numbered(files, tmp_path):
    table = read(files, tmp_path)
    found: dict[str, list[int]] = {}
    for row in table.to_pylist():
        found.setdefault(row["passage_id"], []).append(row["repeat"])
        assert (row["tokens"], row["source"], row["kind"]) == (6, "pubmed", row["passage_id"][:-3])
        assert len(row["spans"]) == 2
    assert {name: sorted(copies) for name, copies in found.items()} == {
        name: list(range(taken)) for name, taken in files[2].items() if taken
    }


def test_splits_stand_apart_and_kinds_alternate(files, tmp_path):
    table = read(files, tmp_path)
    splits = table["split"].to_pylist()
    assert splits == sorted(splits, key=["train", "validation", "test"].index)
    kinds = [kind for kind, split in zip(table["kind"].to_pylist(), splits, strict=True) if split == "train"]
    changes = sum(a != b for a, b in pairwise(kinds))
    assert changes > 0.35 * len(kinds)


def test_one_more_passage_moves_no_other(files, tmp_path):
    before = read(files, tmp_path)["passage_id"].to_pylist()
    selection = pq.read_table(files[1][0]).to_pylist()
    left_out = "literature001"
    fewer = [row for row in selection if row["passage_id"] != left_out]
    pq.write_table(pa.Table.from_pylist(fewer, SELECTION), files[1][0])
    after = read(files, tmp_path, 1)["passage_id"].to_pylist()
    assert after == [name for name in before if name != left_out]


def test_nothing_taken_is_no_rows(files, tmp_path):
    none = [row | {"taken": 0} for row in pq.read_table(files[1][0]).to_pylist()]
    pq.write_table(pa.Table.from_pylist(none, SELECTION), files[1][0])
    assert read(files, tmp_path).num_rows == 0


def test_a_shard_is_made_from_its_files_and_from_what_was_taken_of_them(files):
    taken = taken_passages(files[1])
    same = made_from(["a", "b"], taken)
    assert made_from(["a", "b"], taken) == same
    others = {made_from(["a", "c"], taken), made_from(["a", "b"], taken.slice(1))}
    for name in ("taken", "tokens", "source"):
        place = taken.schema.get_field_index(name)
        other = pa.array([None, *taken[name].to_pylist()[1:]], taken.schema.field(name).type)
        others.add(made_from(["a", "b"], taken.set_column(place, name, other)))
    assert len(others) == 5 and same not in others


def test_counts_add_up(files, tmp_path):
    counts: dict = {}
    for batch in read(files, tmp_path).to_batches():
        add_counts(counts, batch)
    taken = sum(files[2].values())
    assert sum(split["tokens"] for split in counts.values()) == 6 * taken
    kinds = [figures for split in counts.values() for figures in split["kinds"].values()]
    assert sum(figures["rows"] for figures in kinds) == taken
    assert sum(figures["passages"] for figures in kinds) == sum(count > 0 for count in files[2].values())
    assert {figures["longest"] for figures in kinds} == {6}
    assert counts["train"]["languages"]["en"]["tokens"] == counts["train"]["tokens"]


def test_the_layout_is_that_of_a_file_to_stream(files, tmp_path):
    sink = TableSink(tmp_path / "out.parquet", CORPUS_PASSAGES, LAYOUT)
    table = read(files, tmp_path)
    for _ in range(20):
        sink.write(table)
    sink.close()
    metadata = pq.read_metadata(tmp_path / "out.parquet")
    assert metadata.num_rows == 20 * table.num_rows
    assert [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)][:-1] == [4096] * (
        metadata.num_row_groups - 1
    )
    columns = {
        metadata.row_group(0).column(i).path_in_schema: metadata.row_group(0).column(i)
        for i in range(metadata.num_columns)
    }
    assert columns["kind"].statistics.has_min_max
    assert columns["text"].statistics is None
    assert "RLE_DICTIONARY" in columns["spans.list.element.curie"].encodings
    assert "RLE_DICTIONARY" not in columns["text"].encodings
    assert {column.compression for column in columns.values()} == {"ZSTD"}
