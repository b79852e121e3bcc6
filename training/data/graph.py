"""The training triples as a lookup: numbers of entities and relations, whether a triple is known, and what is believed of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kg.embeddings.encode import EncodedTriples
from training.data.ragged import Integers

__all__ = ["GraphIndex"]


class GraphIndex:
    """A triple is found by binary search among sorted integers, 8 bytes a triple.

    Args:
        triples: numbered triples; those of the train split are known.
    """

    def __init__(self, triples: EncodedTriples) -> None:
        self.triples = triples
        self._entities = {name: number for number, name in enumerate(triples.entities)}
        self._relations = {name: number for number, name in enumerate(triples.relations)}
        keys = self._keys(triples.train[:, 0], triples.train[:, 1], triples.train[:, 2])
        order = np.argsort(keys)
        self._sorted, self._weights = keys[order], triples.weights[order]

    def entity(self, curie: str | None) -> int:
        """Number of an entity, -1 where the graph has it not."""
        return self._entities.get(curie, -1) if curie else -1

    def relation(self, predicate: str | None) -> int:
        """Number of a relation, -1 where the graph has it not."""
        return self._relations.get(predicate, -1) if predicate else -1

    def known(self, heads: Integers, relations: Integers, tails: Integers) -> NDArray[np.bool_]:
        """Whether each is a training triple; arrays of one shape, or that broadcast."""
        keys = self._keys(heads, relations, tails)
        return np.asarray(self._sorted[self._places(keys)] == keys)

    def beliefs(
        self, heads: Integers, relations: Integers, tails: Integers, *, otherwise: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Belief of each training triple; what is no such triple, or has a number of -1, keeps the other value."""
        keys = self._keys(heads, relations, tails)
        places = self._places(keys)
        found = (self._sorted[places] == keys) & (heads >= 0) & (relations >= 0) & (tails >= 0)
        return np.where(found, self._weights[places], otherwise)

    def _places(self, keys: Integers) -> Integers:
        return np.minimum(np.searchsorted(self._sorted, keys), len(self._sorted) - 1)

    def _keys(self, heads: Integers, relations: Integers, tails: Integers) -> Integers:
        """One integer for each triple."""
        return np.asarray((heads * len(self._relations) + relations) * len(self._entities) + tails)
