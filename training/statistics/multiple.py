"""Several comparisons at once: of twenty that show nothing, one has p < 0.05."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["holm"]


def holm(p: Sequence[float]) -> list[float]:
    """P values as they count among each other (Holm 1979): those below 0.05 are all right, but for 5% of such lists.

    It asks for no independence, and is never weaker than Bonferroni's.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = sorted(range(len(p)), key=lambda place: p[place])
    adjusted, highest = [0.0] * len(p), 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (len(p) - rank) * p[place]))
        adjusted[place] = highest
    return adjusted
