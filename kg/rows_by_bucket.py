"""The rows of one query over many buckets, handed out bucket by bucket as they come: one query costs little more than that of a bucket."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType

import pyarrow as pa

__all__ = ["RowsByBucket"]


class RowsByBucket:
    """Rows of buckets, fetched when they are asked for. A context manager: the query ends with it.

    Args:
        rows: bucket and rows, buckets ascending (`kg.shuffle.by_bucket`).
        schema: of the rows.
    """

    def __init__(self, rows: Iterator[tuple[int, pa.RecordBatch]], schema: pa.Schema) -> None:
        self._rows = rows
        self._schema = schema
        self._pending = next(rows, None)
        #: Rows of buckets that were passed over; none where buckets are asked for in order.
        self._passed: dict[int, list[pa.RecordBatch]] = {}

    def __enter__(self) -> RowsByBucket:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if hasattr(self._rows, "close"):
            self._rows.close()

    def of(self, bucket: int) -> pa.Table:
        """The rows of a bucket; each bucket can be asked for once."""
        while self._pending is not None and self._pending[0] <= bucket:
            self._passed.setdefault(self._pending[0], []).append(self._pending[1])
            self._pending = next(self._rows, None)
        return pa.Table.from_batches(self._passed.pop(bucket, []), self._schema)
