"""Shards of the corpus: what was selected of a bucket, papers and told facts mixed, in Parquet that streams well.

Rows stand in the order of a hash of passage and copy, so that kinds, subjects and copies alternate and a reader need not shuffle
much; a new row moves no other past its neighbours. The texts of a bucket are sorted on disk (`rank_sort`), so memory is flat.

The layout is made for streaming. Row groups of 4,096 rows are about 3 MB before compression: `datasets` reads a group at a
time, and `materia trace` one for one row. Smaller ones cost space (1,024: 5% more), larger ones save little (16,384: 7% less)
and make the first batch wait. Dictionaries serve the columns that repeat themselves; for texts and ids they are tried in
vain. Statistics are kept of the columns that a reader filters by. Rejected: one file for each kind (a reader would mix them).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from kg.rank_sort import rank_sorted
from kg.tables import CORPUS_PASSAGES, PASSAGES
from pipeline.duck import one_array
from pipeline.hashing import hash_fields
from pipeline.storage import Layout, read_table

__all__ = ["LAYOUT", "SPLITS", "add_counts", "made_from", "selected_passages", "taken_passages"]

SPLITS: Final = ("train", "validation", "test")
LAYOUT: Final = Layout(
    rows=4096,
    dictionaries=(
        "kind", "form", "language", "split", "source", "spans.list.element.curie", "spans.list.element.category",
        "relations.list.element.predicate", "doc_ids.list.element",
    ),
    statistics=("kind", "form", "language", "split", "source", "belief", "tokens", "repeat"),
    compression="zstd",
)  # fmt: skip

_READ_ROWS = 1024
_COLUMNS = ["passage_id", "split", "taken", "tokens", "source"]


def taken_passages(selection: Sequence[str]) -> pa.Table:
    """What a shard knows of the passages that were taken: id, split, copies (`taken`), tokens and source.

    Args:
        selection: Parquet files of SELECTION.
    """
    return pa.concat_tables(map(_taken, selection)).combine_chunks()


def made_from(passages: Sequence[str], taken: pa.Table) -> str:
    """Hash of all that a shard is made from.

    Args:
        passages: SHA-256 of each of its files of PASSAGES, in order.
        taken: what `taken_passages` gives, of its split.
    """
    columns = [taken[name].cast(pa.string()) for name in ("passage_id", "taken", "tokens", "source")]
    lines = pc.binary_join_element_wise(*columns, "\x1f", null_handling="replace", null_replacement="")
    return hash_fields(*passages, "\n".join(lines.to_pylist()))


def selected_passages(
    passages: Sequence[str], chosen: pa.Table, folder: Path, *, rows: int = LAYOUT.rows
) -> Iterator[pa.RecordBatch]:
    """The rows of a shard, or of all of one bucket.

    Args:
        passages: Parquet files of PASSAGES of both kinds.
        chosen: what `taken_passages` gives, of these splits.
        folder: an empty folder for temporary files.
        rows: rows in one batch, at most.

    Yields:
        CORPUS_PASSAGES: train, then validation, then test, each in the order of a hash.
    """
    copies = chosen["taken"].to_numpy()
    first = np.cumsum(copies) - copies
    ranks = _ranks(chosen, copies)
    if len(ranks) == 0:
        return
    with ExitStack() as stack:
        files = [stack.enter_context(pq.ParquetFile(path)) for path in passages]
        size = sum(map(_uncompressed, files)) * len(ranks) // len(chosen)
        batches = (batch for file in files for batch in _with_ranks(file, chosen, copies, first, ranks))
        for batch in rank_sorted(batches, len(ranks), size, folder, rows=rows):
            yield batch.select(CORPUS_PASSAGES.names).cast(CORPUS_PASSAGES)


def add_counts(counts: dict[str, Any], rows: pa.RecordBatch) -> None:
    """Add rows of CORPUS_PASSAGES to the counts of their splits.

    Args:
        counts: by split `tokens`, and by kind and by language (`kinds`, `languages`) rows, passages (each once), tokens, and
            the tokens of the longest passage.
    """
    table = pa.Table.from_batches([rows]).append_column("first", pc.equal(rows["repeat"], 0).cast(pa.int64()))
    sums = [("tokens", "count"), ("first", "sum"), ("tokens", "sum"), ("tokens", "max")]
    for column, name in (("kind", "kinds"), ("language", "languages")):
        for row in table.group_by(["split", column]).aggregate(sums).to_pylist():
            split = counts.setdefault(row["split"], {"tokens": 0, "kinds": {}, "languages": {}})
            group = split[name].setdefault(row[column], {"rows": 0, "passages": 0, "tokens": 0, "longest": 0})
            group["rows"] += row["tokens_count"]
            group["passages"] += row["first_sum"]
            group["tokens"] += row["tokens_sum"]
            group["longest"] = max(group["longest"], row["tokens_max"])
            split["tokens"] += row["tokens_sum"] if column == "kind" else 0


def _taken(path: str) -> pa.Table:
    rows = read_table(path, _COLUMNS)
    return rows.filter(pc.greater(rows["taken"], 0))


def _ranks(chosen: pa.Table, copies: np.ndarray[Any, Any]) -> np.ndarray[Any, np.dtype[np.int64]]:
    """The place of each copy among all rows of the bucket: by split, then by hash."""
    ids = chosen["passage_id"].to_pylist()
    digests = b"".join(
        hashlib.sha256(f"order\x1f{passage_id}\x1f{copy}".encode()).digest()[:8]
        for passage_id, times in zip(ids, copies.tolist(), strict=True)
        for copy in range(times)
    )
    splits = pc.index_in(chosen["split"], value_set=pa.array(SPLITS)).to_numpy(zero_copy_only=False)
    order = np.lexsort([np.frombuffer(digests, dtype=">u8"), np.repeat(splits, copies)])
    ranks = np.empty(len(order), dtype=np.int64)
    ranks[order] = np.arange(len(order))
    return ranks


def _with_ranks(
    file: pq.ParquetFile,
    chosen: pa.Table,
    copies: np.ndarray[Any, Any],
    first: np.ndarray[Any, Any],
    ranks: np.ndarray[Any, Any],
) -> Iterator[pa.RecordBatch]:
    """The rows of a file that were taken, as often as they were, with their ranks and what the selection knows of them."""
    ids = one_array(chosen["passage_id"])
    for batch in file.iter_batches(batch_size=_READ_ROWS, columns=PASSAGES.names):
        found = pc.index_in(batch["passage_id"], value_set=ids)
        rows = np.flatnonzero(found.is_valid().to_numpy(zero_copy_only=False))
        if len(rows) == 0:
            continue
        places = found.take(pa.array(rows)).to_numpy()
        times = copies[places]
        repeat = np.arange(times.sum()) - np.repeat(np.cumsum(times) - times, times)
        expanded = np.repeat(places, times)
        # Mostly all rows are taken once, and texts need not be copied.
        all_once = len(rows) == len(expanded) == batch.num_rows
        copied = batch if all_once else batch.take(pa.array(np.repeat(rows, times)))
        columns = dict(zip(PASSAGES.names, copied.columns, strict=True))
        columns |= {name: one_array(chosen[name].take(pa.array(expanded))) for name in ("tokens", "source")}
        columns |= {"repeat": pa.array(repeat, pa.int32()), "rank": pa.array(ranks[first[expanded] + repeat])}
        yield pa.RecordBatch.from_pydict(columns)


def _uncompressed(file: pq.ParquetFile) -> int:
    metadata = file.metadata
    return sum(int(metadata.row_group(i).total_byte_size) for i in range(metadata.num_row_groups))
