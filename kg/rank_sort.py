"""Sort rows with large texts by their rank, on disk, at flat memory.

Ranks are the numbers 0 to n - 1, so the place of a row is known before any row is compared: rows go to one of a few
files by their rank, and each file is small enough to be sorted in memory. That is a bucket sort; it reads and writes
every byte twice. Rows that fit into one file are sorted where they are, in memory. Rejected: ORDER BY in DuckDB. It spills, but
merges pieces of a fixed number of rows (122,880 for each thread), so 60,000 full texts of 40 kB do not pass through one gigabyte.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

__all__ = ["rank_sorted"]

_MOST_FILES = 512


def rank_sorted(
    batches: Iterable[pa.RecordBatch],
    ranks: int,
    payload_bytes: int,
    folder: Path,
    *,
    rows: int,
    part_bytes: int = 64 << 20,
) -> Iterator[pa.RecordBatch]:
    """The rows of all batches in the order of their column `rank`.

    Args:
        batches: rows in any order, with an int64 column `rank` in [0, ranks).
        ranks: how many ranks there are.
        payload_bytes: about how large all rows are together.
        folder: an empty folder for the files.
        rows: rows in one batch of the result, at most.
        part_bytes: how large the rows may be that are sorted in memory together.
    """
    parts = min(_MOST_FILES, 1 + payload_bytes // part_bytes, max(1, ranks))
    if parts == 1:
        yield from _sorted(list(batches), rows)
        return
    with ExitStack() as files:
        writers: dict[int, Any] = {}
        for batch in batches:
            part = batch["rank"].to_numpy() * parts // ranks
            order = np.argsort(part, kind="stable")
            batch_sorted = batch.take(pa.array(order))
            numbers, starts = np.unique(part[order], return_index=True)
            for number, start, end in zip(
                numbers.tolist(), starts.tolist(), [*starts[1:].tolist(), len(part)], strict=True
            ):
                if number not in writers:
                    sink = files.enter_context(pa.OSFile(str(folder / f"{number}.arrow"), "wb"))
                    options = pa.ipc.IpcWriteOptions(compression="lz4")
                    writers[number] = files.enter_context(pa.ipc.new_stream(sink, batch.schema, options=options))
                writers[number].write_batch(batch_sorted.slice(start, end - start))
    for number in sorted(writers):
        path = folder / f"{number}.arrow"
        with pa.OSFile(str(path), "rb") as source, pa.ipc.open_stream(source) as reader:
            part_rows = list(reader)
        path.unlink()
        yield from _sorted(part_rows, rows)


def _sorted(batches: list[pa.RecordBatch], rows: int) -> Iterator[pa.RecordBatch]:
    """Rows that fit into memory, in the order of their rank."""
    if batches:
        table = pa.Table.from_batches(batches).combine_chunks()
        order = np.argsort(table["rank"].to_numpy(), kind="stable")
        yield from table.take(pa.array(order)).to_batches(max_chunksize=rows)
