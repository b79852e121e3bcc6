"""What every corruption is: how often the head is replaced rather than the tail, and by which entities.

A step draws one side for each of its triples and all replacements for that side, so that a triple is one question. Those
that make a training triple are no corruptions; the step leaves them out.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from kg.embeddings.encode import EncodedTriples

__all__ = ["Corruption"]


class Corruption(ABC):
    """Draws false ends for triples, from what the training triples tell."""

    #: Name and version, as they enter lineage.
    name: ClassVar[str]

    def __init__(self, encoded: EncodedTriples) -> None:
        self.entities = len(encoded.entities)
        self.relations = len(encoded.relations)
        self.train = encoded.train
        keys = (self.train[:, 0] * self.relations + self.train[:, 1]) * self.entities + self.train[:, 2]
        self._keys = torch.from_numpy(np.sort(keys))

    def head_share(self) -> Tensor:
        """How often a triple's head is replaced rather than its tail, (relations,) in [0, 1]."""
        return torch.full((self.relations,), 0.5)

    @abstractmethod
    def draw(self, relations: Tensor, count: int, generator: torch.Generator) -> Tensor:
        """Replacements for the answers of relations (from R on for those that ask for heads): (n,) gives (n, count)."""

    def is_true(self, asked: Tensor, relations: Tensor, answers: Tensor) -> Tensor:
        """Whether answers make a training triple: (n,), (n,), (n, count) give (n, count)."""
        heads_asked = (relations >= self.relations)[:, None]
        relation = (relations % self.relations)[:, None]
        heads = torch.where(heads_asked, answers, asked[:, None])
        tails = torch.where(heads_asked, asked[:, None], answers)
        keys = (heads * self.relations + relation) * self.entities + tails
        places = torch.searchsorted(self._keys, keys).clamp_max(len(self._keys) - 1)
        return self._keys[places] == keys
