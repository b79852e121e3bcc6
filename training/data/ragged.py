"""Ranges of different lengths, without a Python loop."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["Integers", "aranges", "offsets"]

Integers = NDArray[np.int64]


def offsets(counts: Integers) -> Integers:
    """Where each of the consecutive groups of these sizes begins, and where the last ends: (groups + 1,).

    >>> offsets(np.array([2, 0, 3])).tolist()
    [0, 2, 2, 5]
    """
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def aranges(starts: Integers, counts: Integers) -> Integers:
    """start, start + 1, ... for each group, one after another.

    >>> aranges(np.array([5, 0]), np.array([2, 3])).tolist()
    [5, 6, 0, 1, 2]
    """
    begins = offsets(counts)
    return np.asarray(np.arange(begins[-1]) + np.repeat(starts - begins[:-1], counts))
