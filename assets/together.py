"""Partitions computed together: what one query can do for several at once, as many as memory allows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

from assets.stage import Job

__all__ = ["ByBucket", "groups", "together"]

T = TypeVar("T")


def together(
    job: Job,
    name: str,
    make: Callable[[list[str]], T],
    keys: Sequence[str],
    *,
    size: Callable[[str], int],
    most: int,
) -> T:
    """What `make` gives for a group of partitions that the one being computed is among. Only one group's is held at a time.

    Planning a query costs the same for one partition as for a hundred, and its memory grows with them.

    Args:
        name: of what is made, for this run.
        keys: partitions that this run computes and that need it, in the order in which they are computed.
        size: of a partition (rows, bytes).
        most: what the sizes of a group add up to at most; a partition larger than that is a group of its own.
    """
    held: dict[str, T] = job.once(name, dict)
    if job.key not in held:
        group = next(group for group in groups(keys, size, most) if job.key in group)
        held.clear()
        held |= dict.fromkeys(group, make(group))
    return held[job.key]


def groups(keys: Sequence[str], size: Callable[[str], int], most: int) -> Iterator[list[str]]:
    """Neighbours whose sizes add up to at most `most`; one that is larger stands alone."""
    group: list[str] = []
    total = 0
    for key in keys:
        if group and total + size(key) > most:
            yield group
            group, total = [], 0
        group.append(key)
        total += size(key)
    if group:
        yield group


class ByBucket(Generic[T]):
    """A stream of pieces of ascending buckets, handed out bucket by bucket in the same order."""

    def __init__(self, pieces: Iterator[tuple[int, T]]) -> None:
        self._pieces = pieces
        self._next = next(pieces, None)

    def __call__(self, bucket: int) -> Iterator[T]:
        """The pieces of one bucket; none where it has none."""
        while self._next is not None and self._next[0] <= bucket:
            if self._next[0] == bucket:
                yield self._next[1]
            self._next = next(self._pieces, None)
