"""Permutation language modelling (Yang et al., NeurIPS 2019): spans to predict, and the order they are predicted in.

As in the published code: a span of 1 to 5 tokens in each stretch of so many times its length, so that a sixth of all tokens is
predicted. Tokens that are not predicted come first in the order of factorisation and are seen by all.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.data.ragged import Integers, aranges

__all__ = ["factorisation", "spans_to_predict"]


def spans_to_predict(tokens: int, *, share: float, longest: int, random: np.random.Generator) -> NDArray[np.bool_]:
    """Which of so many consecutive tokens are predicted: (tokens,) bool."""
    picked = np.zeros(tokens, dtype=bool)
    if not tokens:
        return picked
    # A stretch has at least 1/share tokens; so many stretches reach beyond the last token.
    lengths = random.integers(1, longest + 1, size=int(tokens * share) + 1 + longest)
    stretches = (lengths / share).astype(np.int64)
    begins = np.cumsum(stretches) - stretches
    begins += (random.random(len(lengths)) * (stretches - lengths + 1)).astype(np.int64)
    places = aranges(begins, lengths)
    picked[places[places < tokens]] = True
    return picked


def factorisation(predicted: NDArray[np.bool_], sequences: Integers, *, random: np.random.Generator) -> Integers:
    """Rank of each token in its sequence's order of factorisation: 0 for what is given, from 1 for what is predicted.

    Args:
        predicted: (tokens,) which tokens are predicted.
        sequences: (tokens,) number of the sequence that each stands in, ascending.
        random: where the order comes from.
    """
    ranks = np.zeros(len(predicted), dtype=np.int64)
    places = np.flatnonzero(predicted)
    owners = sequences[places]
    order = np.lexsort((random.random(len(places)), owners))
    begins = np.searchsorted(owners, owners, side="left")
    ranks[places[order]] = np.arange(len(places)) - begins + 1
    return ranks
