"""Pairs of entities in one sentence, those that a claim relates and those that none does; and mentions of entities."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from training.data.batches import NO_RELATION
from training.data.encoding import EncodedPassages
from training.data.layout import Layout
from training.data.ragged import Integers, aranges
from training.data.sequences import Pieces

__all__ = ["mention_table", "pair_table"]


class _Pairs(NamedTuple):
    """Ordered pairs of spans, by number: subject, object, class, belief of each."""

    subjects: Integers
    objects: Integers
    classes: Integers
    beliefs: NDArray[np.float32]


def pair_table(
    passages: EncodedPassages, pieces: Pieces, layout: Layout, *, no_relation: float, random: np.random.Generator
) -> tuple[Integers, NDArray[np.float32]]:
    """Claimed pairs that stand whole in a piece, and others, as the pairs and beliefs of `Rows`.

    Args:
        no_relation: others for each claimed pair, at most; at least one where there is any, unless it is 0. Either entity
            is their subject as often.
    """
    piece, pairs = _whole(passages, pieces, _claimed(passages))
    if no_relation:
        other_piece, others = _whole(passages, pieces, _unrelated(passages))
        wanted = min(len(other_piece), max(1, round(no_relation * len(piece))))
        taken = np.sort(random.permutation(len(other_piece))[:wanted])
        ends = np.stack([others.subjects, others.objects])[:, taken]
        ends = np.where(random.random(wanted) < 0.5, ends, ends[::-1])
        piece = np.concatenate([piece, other_piece[taken]])
        pairs = _Pairs(
            np.concatenate([pairs.subjects, ends[0]]),
            np.concatenate([pairs.objects, ends[1]]),
            np.concatenate([pairs.classes, others.classes[taken]]),
            np.concatenate([pairs.beliefs, others.beliefs[taken]]),
        )
    shift = (layout.in_row() - pieces.starts)[piece, None]
    sequence = layout.owners[piece]
    subjects, objects = passages.spans[pairs.subjects] + shift, passages.spans[pairs.objects] + shift
    table = np.column_stack([layout.rows[sequence], subjects, objects, sequence, pairs.classes])
    order = np.lexsort((table[:, 6] == NO_RELATION, table[:, 3], table[:, 1], table[:, 0]))
    return table[order], pairs.beliefs[order]


def mention_table(passages: EncodedPassages, pieces: Pieces, layout: Layout) -> Integers:
    """Linked entities that stand whole in a piece, as the mentions of `Rows`."""
    piece, span = _in_pieces(passages.spans[:, 0], pieces)
    whole = (passages.spans[span, 1] <= pieces.ends[piece]) & (passages.spans[span, 1] > passages.spans[span, 0])
    piece, span = piece[whole], span[whole]
    moved = passages.spans[span] + (layout.in_row() - pieces.starts)[piece, None]
    table = np.column_stack([layout.rows[layout.owners[piece]], moved, passages.entities[span]])
    return np.asarray(table[np.lexsort((table[:, 1], table[:, 0]))])


def _claimed(passages: EncodedPassages) -> _Pairs:
    """The claims, each pair and class once with its highest belief."""
    order = np.lexsort((-passages.beliefs, *passages.claims.T[::-1]))
    claims = passages.claims[order]
    first = np.ones(len(claims), dtype=bool)
    first[1:] = (claims[1:] != claims[:-1]).any(axis=1)
    kept = claims[first]
    return _Pairs(kept[:, 0], kept[:, 2], kept[:, 1], passages.beliefs[order][first])


def _unrelated(passages: EncodedPassages) -> _Pairs:
    """Pairs of two concepts in one sentence that no claim relates, the first in the text as subject."""
    seen = np.flatnonzero(passages.spans[:, 1] > passages.spans[:, 0])
    seen = seen[np.argsort(passages.spans[seen, 0], kind="stable")]
    sentence = np.searchsorted(passages.sentences, passages.spans[seen, 0], side="right")
    later = np.searchsorted(sentence, sentence, side="right") - np.arange(len(seen)) - 1
    ones, others = np.repeat(seen, later), seen[aranges(np.arange(len(seen)) + 1, later)]
    related = _unordered(passages.claims[:, 0], passages.claims[:, 2], len(passages.spans))
    free = ~np.isin(_unordered(ones, others, len(passages.spans)), related)
    free &= passages.concepts[ones] != passages.concepts[others]
    ones, others = ones[free], others[free]
    return _Pairs(ones, others, np.full(len(ones), NO_RELATION), np.ones(len(ones), dtype=np.float32))


def _unordered(ones: Integers, others: Integers, size: int) -> Integers:
    """One integer for each pair, whichever comes first."""
    return np.asarray(np.minimum(ones, others) * size + np.maximum(ones, others))


def _whole(passages: EncodedPassages, pieces: Pieces, pairs: _Pairs) -> tuple[Integers, _Pairs]:
    """The pairs of which both ends stand whole in a piece, and the piece of each."""
    piece, chosen = _in_pieces(passages.spans[pairs.subjects, 0], pieces)
    ends = passages.spans[np.stack([pairs.subjects[chosen], pairs.objects[chosen]])]
    begin, end = ends[..., 0], ends[..., 1]
    whole = ((end > begin) & (begin >= pieces.starts[piece]) & (end <= pieces.ends[piece])).all(axis=0)
    chosen = chosen[whole]
    return piece[whole], _Pairs(
        pairs.subjects[chosen], pairs.objects[chosen], pairs.classes[chosen], pairs.beliefs[chosen]
    )


def _in_pieces(places: Integers, pieces: Pieces) -> tuple[Integers, Integers]:
    """Which of the places stand in which piece: numbers of pieces, and of places, by piece."""
    order = np.argsort(places, kind="stable")
    low, high = (np.searchsorted(places[order], bound, side="left") for bound in (pieces.starts, pieces.ends))
    return np.repeat(np.arange(len(pieces.starts)), high - low), order[aranges(low, high - low)]
