"""DistMult: a relation is a diagonal matrix. Yang et al., ICLR 2015: s(h, r, t) = sum of h * r * t."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from kg.embeddings.scorers.base import Scorer

__all__ = ["DistMult"]


class DistMult(Scorer):
    """Score sum(h * r * t)."""

    name: ClassVar[str] = "distmult.v1"
    is_distance: ClassVar[bool] = False
    initial_spread: ClassVar[float] = 0.3

    def tail_query(self, heads: Tensor, relations: Tensor) -> Tensor:
        """The product h * r."""
        return heads * relations

    def inverse(self, relations: Tensor) -> Tensor:
        """The relation itself: the score is symmetric."""
        return relations

    def compare(self, queries: Tensor, entities: Tensor) -> Tensor:
        """Inner product."""
        return (queries * entities).sum(-1)

    def compare_all(self, queries: Tensor, entities: Tensor) -> Tensor:
        """Inner products of all pairs: one matrix product."""
        return queries @ entities.T
