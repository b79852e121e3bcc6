"""How rare a word or a 3-gram is among the names of medicine: one snapshot, so that no link depends on the vocabulary at hand.

Weights computed from the vocabulary that is loaded would change every score with each name added. The snapshot is counted
once over the names of MeSH, MEDIC and the Disease Ontology by `benchmarks/make_linking_statistics.py`, in steps of 1/16.
A word that it does not hold is as rare as can be. Format: a .npz of `words` (sorted 32-bit hashes of normal words),
`word_weights` (the last one for any other word) and `gram_weights`, each 16 ln(1 + N / (1 + n)).
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

__all__ = ["STEP", "Statistics", "load_statistics"]

#: A weight is stored as this many steps to one.
STEP = 16


class Statistics:
    """Weights of words and 3-grams: logarithms of how rare they are."""

    def __init__(
        self,
        words: npt.NDArray[np.uint32],
        word_weights: npt.NDArray[np.uint8],
        gram_weights: npt.NDArray[np.uint8],
    ) -> None:
        self._words = words
        self._word_weights = word_weights.astype(np.float32) / STEP
        self.grams: npt.NDArray[np.float32] = gram_weights.astype(np.float32) / STEP

    def words(self, hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.float32]:
        """The weights of words, given by their 64-bit hashes."""
        short = (hashes & np.uint64(0xFFFFFFFF)).astype(np.uint32)
        place = np.minimum(np.searchsorted(self._words, short), len(self._words) - 1)
        weights: npt.NDArray[np.float32] = self._word_weights[
            np.where(self._words[place] == short, place, len(self._words))
        ]
        return weights


@lru_cache(maxsize=1)
def load_statistics() -> Statistics:
    """The snapshot that comes with the package."""
    path = files("pipeline.linking") / "statistics.npz"
    with path.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
        return Statistics(arrays["words"], arrays["word_weights"], arrays["gram_weights"])
