"""Type-constrained corruption (Krompass et al., ISWC 2015): only entities that stand at that end of that relation.

What types there are is not asked for: the ends that a relation has in training are its domain and range (their "local
closed world").
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from kg.embeddings.corruptions.base import Corruption
from kg.embeddings.encode import EncodedTriples

__all__ = ["Typed"]


class Typed(Corruption):
    """Heads of the relation for heads, tails of the relation for tails."""

    name: ClassVar[str] = "typed.v1"

    def __init__(self, encoded: EncodedTriples) -> None:
        super().__init__(encoded)
        tails, heads = self.train[:, [1, 2]], self.train[:, [1, 0]] + [self.relations, 0]
        pairs = np.unique(np.concatenate([tails, heads]), axis=0)
        sizes = np.bincount(pairs[:, 0], minlength=2 * self.relations)
        self._pool = torch.from_numpy(np.ascontiguousarray(pairs[:, 1]))
        self._sizes = torch.from_numpy(sizes)
        self._starts = torch.from_numpy(np.cumsum(sizes) - sizes)

    def draw(self, relations: Tensor, count: int, generator: torch.Generator) -> Tensor:
        """Entities of the relation's domain or range, each as likely as any."""
        chance = torch.rand((len(relations), count), generator=generator, dtype=torch.float64)
        size = self._sizes[relations][:, None]
        return self._pool[self._starts[relations][:, None] + (chance * size).long().clamp_max(size - 1)]
