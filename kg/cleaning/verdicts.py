"""Batches of VERDICTS, as every rule makes them."""

from __future__ import annotations

import pyarrow as pa

from kg.tables import VERDICTS

__all__ = ["verdicts"]


def verdicts(
    passage_ids: pa.Array, reason: str | pa.Array, detail: str | pa.Array, *, other: pa.Array | None = None
) -> pa.RecordBatch:
    """One row a rejected passage; a reason or detail that is one text stands in every row."""
    count = len(passage_ids)
    columns = [
        passage_ids,
        pa.repeat(reason, count) if isinstance(reason, str) else reason,
        pa.nulls(count, pa.string()) if other is None else other,
        pa.repeat(detail, count) if isinstance(detail, str) else detail,
    ]
    return pa.RecordBatch.from_arrays([column.cast(pa.string()) for column in columns], schema=VERDICTS)
