"""Rows that are made document by document, taken over from the build before where a document did not change.

A stage keeps, beside its rows, a table that says of each document what its rows were made from (a fingerprint) and how many
there are. The next build takes the fingerprints of the documents as they are now, takes over the rows of those it finds again, in
the order that the documents have now, and makes those of the others: what comes out is what a whole computation gives.
Memory holds a few row groups. Rejected: joins in DuckDB, since rows already stand in the order of documents and planning a query
alone takes as long.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, groupby
from typing import NamedTuple, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.hashing import text_hash
from pipeline.storage import Dataset
from pipeline.tables import table_schema

__all__ = [
    "DOCUMENT_ROWS",
    "EarlierRows",
    "Made",
    "RowSource",
    "Told",
    "documents_with_text",
    "renewed",
    "text_fingerprint",
]

#: What a stage keeps of each document that it made rows from, in their order.
DOCUMENT_ROWS = table_schema(
    "document_rows",
    1,
    {
        "fingerprint": (pa.binary(16), "hash of all that the document's rows were made from"),
        "rows": (pa.int32(), "how many there are"),
        "content": (pa.binary(16), "hash of what they say, where a later stage asks for it; else null"),
    },
)

_NO_TEXT = text_hash("")
_AT_ONCE = 4096
_GROUPS_HELD = 4


class Told(NamedTuple):
    """Of one document: how many rows were made from it, and the hash of what they say."""

    rows: int
    content: bytes | None = None


#: Rows of some documents, one after another, and what is told of each of these.
Made = tuple[Sequence[pa.RecordBatch], Sequence[Told]]


def text_fingerprint(sha256: str) -> bytes:
    """The fingerprint of what depends on a text alone, from its `text_hash`."""
    return bytes.fromhex(sha256[:32])


class RowSource(Protocol):
    """Where rows of documents are found by what they were made from."""

    def __contains__(self, fingerprint: object) -> bool: ...

    def take(self, fingerprints: Sequence[bytes]) -> Made:
        """The rows of documents that are here, in the order given."""
        ...


class EarlierRows:
    """The rows that a table has of documents, one document after another; of none as it is made.

    Attributes:
        told: of each document, in order.
    """

    _groups: _RowGroups

    def __init__(self) -> None:
        self.told: list[Told] = []
        self._places: dict[bytes, tuple[int, Told]] = {}

    @classmethod
    def of(cls, dataset: Dataset, key: str, columns: Sequence[str] | None = None) -> EarlierRows:
        """The rows of a partition that is one table and has kept a table `documents` [DOCUMENT_ROWS].

        Args:
            columns: which of the table's are wanted; all where None.
        """
        made = cls()
        table = pq.read_table(dataset.state("documents", key), partitioning=None)
        fingerprints, counts, contents = (table.column(name).to_pylist() for name in DOCUMENT_ROWS.names)
        made.told = [*map(Told, counts, contents)]
        made._places = dict(zip(fingerprints, zip(accumulate(counts, initial=0), made.told, strict=False), strict=True))
        (rows,) = dataset.paths(key)
        made._groups = _RowGroups(rows, columns)
        return made

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, fingerprint: object) -> bool:
        return fingerprint in self._places

    def forget(self, fingerprints: Iterable[bytes]) -> None:
        """Take documents out, whose rows are to be made again."""
        for fingerprint in fingerprints:
            self._places.pop(fingerprint, None)

    def take(self, fingerprints: Sequence[bytes]) -> Made:
        """The rows of documents that are here, in the order given."""
        places = [self._places[fingerprint] for fingerprint in fingerprints]
        if not places:
            return [], []
        rows: list[pa.RecordBatch] = []
        begin = end = 0
        for start, told in places:
            if start != end:
                rows += self._groups.rows(begin, end)
                begin = start
            end = start + told.rows
        return [*rows, *self._groups.rows(begin, end)], [told for _, told in places]


class _RowGroups:
    """Any rows of a Parquet file by their place; the row groups last read are held, since neighbours are asked for together."""

    def __init__(self, path: str, columns: Sequence[str] | None) -> None:
        self._file, self._columns = pq.ParquetFile(path), columns and [*columns]
        metadata = self._file.metadata
        self._ends = np.cumsum([metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)])
        self._held: OrderedDict[int, pa.Table] = OrderedDict()

    def rows(self, begin: int, end: int) -> Iterator[pa.RecordBatch]:
        while begin < end:
            group = int(np.searchsorted(self._ends, begin, "right"))
            first = int(self._ends[group - 1]) if group else 0
            last = min(end, int(self._ends[group]))
            yield from self._group(group).slice(begin - first, last - begin).to_batches()
            begin = last

    def _group(self, number: int) -> pa.Table:
        if number not in self._held:
            if len(self._held) >= _GROUPS_HELD:
                self._held.popitem(last=False)
            self._held[number] = self._file.read_row_group(number, columns=self._columns)
        self._held.move_to_end(number)
        return self._held[number]


def documents_with_text(
    documents: Dataset, key: str, columns: Sequence[str], wanted: Sequence[bool] | None = None, batch_size: int = 4096
) -> Iterator[pa.RecordBatch]:
    """The documents of a batch that have a text, which tombstones have not: some columns, and always `text_hash`.

    Args:
        wanted: which of them; all where None.
    """
    if wanted is not None and not any(wanted):
        return
    first = 0
    for batch in documents.batches(key, columns=[*columns, "text_hash"], batch_size=batch_size):
        rows = batch.filter(pc.not_equal(batch.column("text_hash"), _NO_TEXT))
        if wanted is not None:
            some = pa.array(wanted[first : first + rows.num_rows], pa.bool_())
            first += rows.num_rows
            rows = rows.filter(some)
        if rows.num_rows:
            yield rows


def renewed(fingerprints: Iterable[bytes], sources: Sequence[RowSource], made: Iterator[Made]) -> Iterator[Made]:
    """The rows of documents as they are now: those that a source has, and between them those newly made.

    Args:
        fingerprints: of each document, in order.
        sources: where rows may be; the first that has a document's counts.
        made: the rows of documents that are in none of the sources, in the same order.
    """

    def source_of(fingerprint: bytes) -> int:
        return next((n for n, source in enumerate(sources) if fingerprint in source), len(sources))

    rest: tuple[pa.Table, Sequence[Told]] | None = None
    for number, group in groupby(fingerprints, source_of):
        run = [*group]
        if number < len(sources):
            yield from (sources[number].take(run[first : first + _AT_ONCE]) for first in range(0, len(run), _AT_ONCE))
            continue
        missing = len(run)
        while missing:
            if rest is None or not rest[1]:
                batches, told = next(made)
                if len(told) <= missing:  # as it comes, where all is made anew
                    missing -= len(told)
                    yield batches, told
                    continue
                rest = pa.Table.from_batches(batches), told
            table, told = rest
            some = told[:missing]
            count = sum(one.rows for one in some)
            yield table.slice(0, count).to_batches(), some
            rest = table.slice(count), told[len(some) :]
            missing -= len(some)
