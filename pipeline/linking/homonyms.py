"""Which of the concepts that one name means gives way to one of a vocabulary that the user prefers.

No corpus can teach this, so the feature has a weight of its own (`WEIGHT`), that of a certainty for all that a link is used for: the
preferred homonym takes the probability of those behind it. Only concepts that the same order of vocabularies holds for compete,
since which class a mention is of is for its type and context to say. A related or broad name gives way to an exact one first.
Without a preference nothing is computed.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pipeline.linking.index import LinkingIndex

__all__ = ["WEIGHT", "less_preferred"]

#: The weight of a homonym that is preferred less.
WEIGHT = -10.0


def less_preferred(
    index: LinkingIndex,
    texts: npt.NDArray[np.int64],
    concepts: npt.NDArray[np.int32],
    names: npt.NDArray[np.int32],
    whole: npt.NDArray[np.bool_],
) -> npt.NDArray[np.bool_]:
    """Which candidates give way to another of their text.

    Args:
        texts: the text of each candidate.
        concepts: its concept.
        names: the name of the index that it was found by, -1 for a name from elsewhere.
        whole: whether that name is the text, but for its form.
    """
    gives_way = np.zeros(len(texts), np.bool_)
    preference = index.preference
    if not preference.orders:
        return gives_way
    best: dict[tuple[int, str], int] = {}
    ranked: list[tuple[int, tuple[int, str], int]] = []
    for row in np.flatnonzero(whole & (names >= 0)).tolist():
        number = int(concepts[row])
        category = index.category(number)
        held_by = preference.governing(category)
        if held_by is not None:
            key = int(texts[row]), held_by
            partial = int(names[row]) >= index.full_names
            rank = partial * preference.last + preference.place(index.concept(number), category)
            best[key] = min(rank, best.get(key, rank))
            ranked.append((row, key, rank))
    for row, key, rank in ranked:
        gives_way[row] = rank > best[key]
    return gives_way
