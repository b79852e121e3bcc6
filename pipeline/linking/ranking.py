"""Of all that the stages of a search found: of each concept the best name, of each text the best concepts.

A find is packed into 64 bits (text, score in steps of a millionth, name, stage), so that a sort of plain numbers ranks them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["EXACT", "NGRAMS", "NORMAL", "Found", "best"]

#: How a candidate was found: the same text, the same normal form, the same roots in any order, or similar roots and 3-grams.
EXACT, NORMAL, NGRAMS = 0, 1, 2

# From the highest bit down: 13 bits of text, 20 of score (the best first), 29 of name, 2 of stage.
_ROW_BITS, _STEPS = 13, (1 << 20) - 1


class Found(NamedTuple):
    """What a stage found: parallel arrays of text (below 2^13), name (below 2^29), score in [0, 1], and stage."""

    rows: npt.NDArray[np.int64]
    names: npt.NDArray[np.int32]
    scores: npt.NDArray[np.floating[Any]]
    stages: npt.NDArray[np.int64]


def best(
    found: Sequence[Found], concept_of: npt.NDArray[np.int32], k: int
) -> tuple[
    npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int32], npt.NDArray[np.float32], npt.NDArray[np.uint8]
]:
    """The text, rank, name, score and stage of the best k concepts of each text, by score, then by number of the name."""
    packed = np.concatenate([_pack(one) for one in found])
    packed.sort()
    row, name, score, stage = _unpack(packed)
    begins = np.searchsorted(row, np.arange(1 << _ROW_BITS))
    # Sorted by (text, concept, place in the text's order), the first of each concept is its best.
    place = np.arange(len(packed)) - begins[row]
    ordered = (row << 51 | concept_of[name].astype(np.int64) << 24 | place).astype(np.uint64)
    ordered.sort()
    first = np.ones(len(ordered), dtype=bool)
    first[1:] = ordered[1:] >> np.uint64(24) != ordered[:-1] >> np.uint64(24)
    chosen = ordered[first]
    is_best = np.zeros(len(packed), dtype=bool)
    is_best[
        begins[(chosen >> np.uint64(51)).astype(np.int64)] + (chosen & np.uint64((1 << 24) - 1)).astype(np.int64)
    ] = True
    kept = np.flatnonzero(is_best)
    rank = np.arange(len(kept)) - np.searchsorted(row[kept], np.arange(1 << _ROW_BITS))[row[kept]]
    kept, rank = kept[rank < k], rank[rank < k]
    return row[kept], rank, name[kept], score[kept], stage[kept]


def _pack(found: Found) -> npt.NDArray[np.uint64]:
    worse = _STEPS - np.rint(found.scores * _STEPS).astype(np.int64)
    packed: npt.NDArray[np.int64] = found.rows << 51 | worse << 31 | found.names.astype(np.int64) << 2 | found.stages
    return packed.astype(np.uint64)


def _unpack(
    packed: npt.NDArray[np.uint64],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32], npt.NDArray[np.float32], npt.NDArray[np.uint8]]:
    row = (packed >> np.uint64(51)).astype(np.int64)
    score = (_STEPS - ((packed >> np.uint64(31)) & np.uint64(_STEPS)).astype(np.float32)) / np.float32(_STEPS)
    name = ((packed >> np.uint64(2)) & np.uint64((1 << 29) - 1)).astype(np.int32)
    return row, name, score, (packed & np.uint64(3)).astype(np.uint8)
