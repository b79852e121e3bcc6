"""Lp: the p-th powers of a vector's numbers, summed, divided by p (as in LibKGE). p = 2 is weight decay."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from kg.embeddings.regularisers.base import Regulariser
from kg.embeddings.scorers import Scorer

__all__ = ["Lp"]


class Lp(Regulariser):
    """Sum of |x|^p / p."""

    name: ClassVar[str] = "lp.v1"

    def __call__(self, scorer: Scorer, vectors: Tensor) -> Tensor:
        """Sum of powers."""
        return vectors.abs().pow(self.p).sum(-1) / self.p
