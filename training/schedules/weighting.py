"""What the losses of a step weigh in the one that is minimised: as configured, or as the model itself learns to weigh them.

To add one: one class and one line in the table.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Final

import torch
from torch import Tensor, nn

__all__ = ["WEIGHTINGS", "FixedWeights", "UncertaintyWeights", "Weighting"]


class Weighting(nn.Module, ABC):
    """How losses become one.

    Args:
        weights: of each objective, more than 0.
    """

    #: Name and version, as they enter lineage.
    name: ClassVar[str]

    def __init__(self, weights: Mapping[str, float]) -> None:
        super().__init__()
        self.weights = dict(weights)

    @abstractmethod
    def total(self, losses: Mapping[str, Tensor]) -> Tensor:
        """One loss of those of a step, by objective."""


class FixedWeights(Weighting):
    """The sum of weight times loss."""

    name: ClassVar[str] = "fixed.v1"

    def total(self, losses: Mapping[str, Tensor]) -> Tensor:
        """The weighted sum."""
        return torch.stack([self.weights[name] * loss for name, loss in losses.items()]).sum()


class UncertaintyWeights(Weighting):
    """Weights learned from how uncertain the model is of each objective (Kendall et al., CVPR 2018, eq. 10 for classification).

    An objective with loss L adds exp(-s) L + s / 2, where s = log sigma^2 is learned: a loss that stays high comes to
    weigh less, and s / 2 keeps the weights from falling to zero. The configured weight w is where exp(-s) starts.
    """

    name: ClassVar[str] = "uncertainty.v1"

    def __init__(self, weights: Mapping[str, float]) -> None:
        super().__init__(weights)
        self.log_variances = nn.ParameterDict(
            {name: nn.Parameter(torch.tensor(-math.log(weight))) for name, weight in weights.items()}
        )

    def total(self, losses: Mapping[str, Tensor]) -> Tensor:
        """The sum of exp(-s) L + s / 2. A loss of exactly 0 is that of a step without examples, and moves no weight."""
        terms = []
        for name, loss in losses.items():
            s = self.log_variances[name]
            terms.append(torch.exp(-s) * loss + 0.5 * s * (loss.detach() != 0))
        return torch.stack(terms).sum()


WEIGHTINGS: Final[dict[str, type[Weighting]]] = {"fixed": FixedWeights, "uncertainty": UncertaintyWeights}
