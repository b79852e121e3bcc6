"""What every loss is: one number from the scores of candidates and from which of them are true.

Whether the candidates are all entities or a true one and its drawn corruptions is no matter of the loss: both are a matrix
of scores, (questions, candidates), and a list of the places in it that are true. So each loss is one formula, and works
with all entities, with shared and with drawn candidates.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

__all__ = ["Answers", "Loss"]


@dataclass(frozen=True)
class Answers:
    """Which candidates are true.

    Attributes:
        rows, columns: (answers,) places in the matrix of scores; every row has one or more.
        weights: (answers,) what each counts in the mean.
    """

    rows: Tensor
    columns: Tensor
    weights: Tensor

    def of(self, scores: Tensor) -> Tensor:
        """The scores of the answers, (answers,)."""
        return scores[self.rows, self.columns]

    def removed_from(self, scores: Tensor) -> Tensor:
        """The scores with minus infinity at the answers: what is left is false."""
        return scores.index_put((self.rows, self.columns), scores.new_tensor(-torch.inf))

    def mean(self, losses: Tensor) -> Tensor:
        """Weighted mean of a loss for each answer."""
        return (losses * self.weights).sum() / self.weights.sum().clamp_min(1e-9)


class Loss(ABC):
    """A loss of scores; a score of minus infinity is no candidate and counts for nothing.

    Args:
        margin: by how much a true triple should beat a false one; for the margin loss.
        temperature: how much more the false candidates with high scores count; for the self-adversarial loss.
    """

    #: Name and version, as they enter lineage.
    name: ClassVar[str]
    #: Whether the answers of a question must come all at once.
    needs_all_answers: ClassVar[bool] = True

    def __init__(self, *, margin: float = 1.0, temperature: float = 1.0) -> None:
        self.margin = margin
        self.temperature = temperature

    @abstractmethod
    def __call__(self, scores: Tensor, answers: Answers) -> Tensor:
        """The mean loss of the answers.

        Args:
            scores: (questions, candidates) log-odds, as `Scorer.logits` gives them.
            answers: the true ones.
        """
