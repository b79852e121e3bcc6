"""Several sequences a row: first-fit, longest first (Johnson, 1973; at most 22% more rows than the best packing)."""

from __future__ import annotations

import numpy as np

from training.data.ragged import Integers

__all__ = ["first_fit"]


def first_fit(lengths: Integers, room: int) -> Integers:
    """The row of each sequence: the first row with room for it, the longest sequences first, ties in their order.

    >>> first_fit(np.array([3, 6, 4, 2]), 8).tolist()
    [1, 0, 1, 0]
    """
    rows = np.empty(len(lengths), dtype=np.int64)
    free = np.full(len(lengths), room, dtype=np.int64)
    # Rows fill from the front, so those before `first` have no room for what is left: it keeps the search short.
    first = 0
    for sequence in np.argsort(-lengths, kind="stable"):
        length = lengths[sequence]
        row = first + int(np.argmax(free[first:] >= length))
        rows[sequence] = row
        free[row] -= length
        while first < len(free) - 1 and free[first] <= 0:
            first += 1
    return rows
