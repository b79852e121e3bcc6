"""Pairs of entities in one sentence: those that a claim relates, and those that none does."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from training.data.batches import NO_RELATION
from training.data.encoding import EncodedPassages
from training.data.ragged import Integers, aranges

__all__ = ["Pairs", "claimed_pairs", "in_pieces", "unrelated_pairs"]


class Pairs(NamedTuple):
    """Ordered pairs of spans, by number: subject, object, class, belief of each."""

    subjects: Integers
    objects: Integers
    classes: Integers
    beliefs: NDArray[np.float32]

    def at(self, places: Integers | NDArray[np.bool_]) -> Pairs:
        """Those at the places."""
        return Pairs(self.subjects[places], self.objects[places], self.classes[places], self.beliefs[places])

    def and_others(self, others: Pairs) -> Pairs:
        """These, then others."""
        return Pairs(
            np.concatenate([self.subjects, others.subjects]),
            np.concatenate([self.objects, others.objects]),
            np.concatenate([self.classes, others.classes]),
            np.concatenate([self.beliefs, others.beliefs]),
        )


def claimed_pairs(passages: EncodedPassages) -> Pairs:
    """The claims, each pair and class once with its highest belief."""
    order = np.lexsort((-passages.beliefs, *passages.claims.T[::-1]))
    claims = passages.claims[order]
    first = np.ones(len(claims), dtype=bool)
    first[1:] = (claims[1:] != claims[:-1]).any(axis=1)
    kept = claims[first]
    return Pairs(kept[:, 0], kept[:, 2], kept[:, 1], passages.beliefs[order][first])


def unrelated_pairs(passages: EncodedPassages) -> Pairs:
    """Pairs of two concepts in one sentence that no claim relates, the first in the text as subject."""
    seen = np.flatnonzero(passages.spans[:, 1] > passages.spans[:, 0])
    seen = seen[np.argsort(passages.spans[seen, 0], kind="stable")]
    sentence = np.searchsorted(passages.sentences, passages.spans[seen, 0], side="right")
    later = np.searchsorted(sentence, sentence, side="right") - np.arange(len(seen)) - 1
    ones = np.repeat(seen, later)
    others = seen[aranges(np.arange(len(seen)) + 1, later)]
    size = len(passages.spans)
    related = np.minimum(passages.claims[:, 0], passages.claims[:, 2]) * size + passages.claims[:, [0, 2]].max(
        axis=1, initial=-1
    )
    free = (passages.concepts[ones] != passages.concepts[others]) & ~np.isin(
        np.minimum(ones, others) * size + np.maximum(ones, others), related
    )
    ones, others = ones[free], others[free]
    return Pairs(ones, others, np.full(len(ones), NO_RELATION), np.ones(len(ones), dtype=np.float32))


def in_pieces(places: Integers, starts: Integers, ends: Integers) -> tuple[Integers, Integers]:
    """Which of the places stand in which of the ranges [start, end): numbers of ranges, and of places, by range."""
    order = np.argsort(places, kind="stable")
    low, high = (np.searchsorted(places[order], bound, side="left") for bound in (starts, ends))
    return np.repeat(np.arange(len(starts)), high - low), order[aranges(low, high - low)]
