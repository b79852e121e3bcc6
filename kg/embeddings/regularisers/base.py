"""What every regulariser is: a penalty for each vector. The caller weighs a vector by how often the step used it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor

from kg.embeddings.scorers import Scorer

__all__ = ["Regulariser"]


class Regulariser(ABC):
    """A penalty on long vectors.

    Args:
        p: the power, for those that have one.
    """

    #: Name and version, as they enter lineage.
    name: ClassVar[str]

    def __init__(self, *, p: float = 3.0) -> None:
        self.p = p

    @abstractmethod
    def __call__(self, scorer: Scorer, vectors: Tensor) -> Tensor:
        """Penalty of each vector: (n, width) gives (n,)."""
