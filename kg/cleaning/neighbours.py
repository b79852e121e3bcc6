"""Which passages must be judged again when others come or go: those that can be duplicates of them, and of these in turn.

Each passage has *signs*: one made of its words in their order, and one of each band of its signature (`duplicates.py`). Passages
that can be duplicates share one. A duplicate is decided by what stands before it, so a change reaches as far as signs are shared from
passage to passage, and no farther: what is in no such chain has the same passages beside it as before, and its verdict stands.

A sign has 64 bits, so that none is shared by chance. With 32, of the 42 million signs of a million documents one in a hundred was: each
passage then led to a tenth of another, groups of similar passages led on from there, and one new paper had everything
judged again. It costs 3 nanoseconds a sign to look through them, and no text is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["neighbourhood"]

_Signs = np.ndarray[Any, np.dtype[np.uint64]]
_Rows = np.ndarray[Any, np.dtype[np.int64]]
#: Bits of a sign that the table of those that are looked for leaves out.
_SHIFT = np.uint64(40)


def neighbourhood(read: Callable[[], Iterable[tuple[str, pa.Array]]], signs: _Signs) -> dict[str, _Rows]:
    """The passages that share a sign with some, or with such a passage, and so on.

    Args:
        read: gives the lists of signs of all passages, by bucket, each time it is called: once for each step of the chains.
        signs: those of the passages that came or went.

    Returns:
        rows in each bucket, ascending; buckets without any are left out.
    """
    found: dict[str, _Rows] = {}
    wanted = seen = np.unique(signs)
    while len(wanted):
        there = np.zeros(1 << (64 - int(_SHIFT)), np.bool_)
        there[wanted >> _SHIFT] = True
        met = [np.empty(0, np.uint64)]
        for bucket, lists in read():
            values = lists.flatten().to_numpy()
            ends = np.cumsum(pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False))
            places = np.flatnonzero(there[values >> _SHIFT])  # most are passed over
            nearest = np.minimum(np.searchsorted(wanted, values[places]), len(wanted) - 1)
            places = places[wanted[nearest] == values[places]]
            before = found.get(bucket, np.empty(0, np.int64))
            rows = np.setdiff1d(np.searchsorted(ends, places, side="right"), before)
            if len(rows):
                found[bucket] = np.union1d(before, rows)
                met.append(lists.take(pa.array(rows)).flatten().to_numpy())
        wanted = np.setdiff1d(np.concatenate(met), seen)
        seen = np.union1d(seen, wanted)
    return found
