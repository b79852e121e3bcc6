"""Shares that hold: how much of each group may be taken so that no group has more than its share of what is taken.

A cap on a share is a cap on a part of a whole that shrinks with it: cutting one group makes all others' shares larger. For one
kind of group the fixed point is known in closed form (as for water levels: what is capped gets `share x whole`, and the whole is
what is not capped, divided by one less the capped shares). For two kinds at once, sources and predicates, the cut is made
for one and the other in turns until nothing changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Limit", "fit"]

_ROUNDS = 1000
_EXACT = 1e-9

Floats = np.ndarray[Any, np.dtype[np.float64]]
Indexes = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class Limit:
    """The largest shares of one kind of group.

    Attributes:
        reason: what is told of a passage that is not taken for it.
        group: the group of each cell; -1 where it is in none.
        shares: the largest share of each group, in (0, 1].
    """

    reason: str
    group: Indexes
    shares: Floats


def fit(amounts: Floats, limits: Sequence[Limit]) -> tuple[Floats, Indexes]:
    """The amounts, lowered where they must be so that no group has more than its share of their sum.

    All cells of a group are lowered by the same factor. All zero where the shares leave no way (two groups, 0.3 each).

    Args:
        amounts: what there is in each cell, not negative.
        limits: the groups of the cells, and the shares.

    Returns:
        the amounts, and for each cell the place of the limit that first lowered it, -1 where none did.
    """
    fitted, lowered = amounts.astype(np.float64), np.full(len(amounts), -1)
    for _ in range(_ROUNDS):
        before = fitted.copy()
        for place, limit in enumerate(limits):
            inside = limit.group >= 0
            sums: Floats = np.bincount(limit.group[inside], weights=fitted[inside], minlength=len(limit.shares)).astype(
                np.float64
            )
            levels = _levels(sums, limit.shares, float(fitted[~inside].sum()))
            factors = np.divide(levels, sums, out=np.ones_like(sums), where=sums > 0)
            fitted[inside] *= factors[limit.group[inside]]
            lowered[(fitted < before * (1 - _EXACT)) & (lowered < 0)] = place
        if not np.any(fitted < before * (1 - _EXACT)):
            break
    else:  # still shrinking: by the same factor each round, towards nothing
        fitted = np.zeros_like(fitted)
    if fitted.sum() <= _EXACT * max(1.0, float(amounts.sum())):
        fitted = np.zeros_like(fitted)
    return fitted, lowered


def _levels(sums: Floats, shares: Floats, rest: float) -> Floats:
    """What each group may have; `rest` is what is in no group. Capping one makes the whole smaller, so more may follow."""
    capped = np.zeros(len(sums), dtype=bool)
    while True:
        left = 1 - float(shares[capped].sum())
        whole = (rest + float(sums[~capped].sum())) / left if left > _EXACT else 0.0
        over = ~capped & (sums > shares * whole * (1 + _EXACT))
        if not over.any():
            return np.where(capped, shares * whole, sums)
        capped |= over
