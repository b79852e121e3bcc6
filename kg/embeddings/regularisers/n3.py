"""N3, the nuclear 3-norm (Lacroix et al., ICML 2018): the cubes of the moduli of a vector's coordinates, summed."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from kg.embeddings.regularisers.base import Regulariser
from kg.embeddings.scorers import Scorer

__all__ = ["N3"]


class N3(Regulariser):
    """Sum of |x|^3; of a complex coordinate the modulus is taken."""

    name: ClassVar[str] = "n3.v1"

    def __call__(self, scorer: Scorer, vectors: Tensor) -> Tensor:
        """Sum of cubes."""
        squares = scorer.squared_moduli(vectors)
        return (squares * (squares + 1e-12).sqrt()).sum(-1)
