"""Rows taken over from a file, and rows of many buckets handed out one by one."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.rank_sort import rank_sorted
from kg.standing_rows import StandingRows

SCHEMA = pa.schema([("number", pa.int64())])


def rows(*numbers: int) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"number": pa.array(numbers, pa.int64())})


@settings(max_examples=20)
@given(st.lists(st.integers(0, 5000), max_size=8).map(sorted))
def test_ascending_slices_are_those_of_the_file(cuts: list[int]) -> None:
    with TemporaryDirectory() as folder:
        path = f"{folder}/rows.parquet"
        pq.write_table(pa.table({"number": range(5000)}, SCHEMA), path, row_group_size=900)
        with StandingRows(path, SCHEMA) as standing:
            for start, stop in zip(cuts[::2], cuts[1::2], strict=False):
                assert standing.rows(start, stop)["number"].to_pylist() == list(range(start, stop))


def test_all_rows_at_once(tmp_path: Path) -> None:
    pq.write_table(pa.table({"number": range(5000)}, SCHEMA), tmp_path / "rows.parquet")
    with StandingRows(str(tmp_path / "rows.parquet"), SCHEMA) as standing:
        assert standing.all().num_rows == 5000


def test_sorting_in_memory_and_through_files_gives_the_same(tmp_path: Path) -> None:
    ranks = [n * 37 % 1000 for n in range(1000)]
    batches = [
        pa.RecordBatch.from_pydict({"rank": pa.array(ranks[n : n + 100]), "text": [f"row {r}" for r in ranks[n : n + 100]]})
        for n in range(0, 1000, 100)
    ]  # fmt: skip
    made = [
        pa.Table.from_batches(rank_sorted(iter(batches), 1000, 1 << 20, tmp_path, rows=64, part_bytes=part))
        for part in (1 << 30, 1 << 17)
    ]
    assert made[0]["text"].to_pylist() == made[1]["text"].to_pylist() == [f"row {n}" for n in range(1000)]
