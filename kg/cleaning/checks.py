"""What should not be left in a finished corpus, looked for by other means than those that took it out."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pyarrow as pa

from kg.cleaning.config import CleaningConfig

__all__ = ["find_contamination", "find_duplicates"]


def find_duplicates(
    passages: Iterable[pa.RecordBatch], config: CleaningConfig, limit: int = 20
) -> list[dict[str, str]]:
    """Passages of the finished shards that repeat another, as JSON-like objects (passage_id, reason, other, detail, text)."""
    raise NotImplementedError


def find_contamination(
    passages: Callable[[], Iterable[pa.RecordBatch]], files: Iterable[str], config: CleaningConfig, limit: int = 20
) -> list[dict[str, str]]:
    """Passages of the finished shards that hold a test document, as JSON-like objects."""
    raise NotImplementedError
