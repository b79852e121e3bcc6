"""TransE: a relation is a translation. Bordes et al., NIPS 2013: d(h, r, t) = ||h + r - t||, with the L1 or L2 norm."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from kg.embeddings.scorers.base import Scorer

__all__ = ["TransE"]


class TransE(Scorer):
    """Score -||h + r - t||."""

    name: ClassVar[str] = "transe.v1"
    is_distance: ClassVar[bool] = True

    def tail_query(self, heads: Tensor, relations: Tensor) -> Tensor:
        """The translated head, h + r."""
        return heads + relations

    def inverse(self, relations: Tensor) -> Tensor:
        """The translation back, since ||h + r - t|| = ||t - r - h||."""
        return -relations

    def compare(self, queries: Tensor, entities: Tensor) -> Tensor:
        """-||q - e||."""
        distances: Tensor = torch.linalg.vector_norm(queries - entities, ord=self.norm, dim=-1)
        return -distances

    def compare_all(self, queries: Tensor, entities: Tensor) -> Tensor:
        """-||q - e|| for all pairs, without a tensor of batch x entities x dim."""
        distances: Tensor = torch.cdist(queries, entities, p=float(self.norm))
        return -distances
