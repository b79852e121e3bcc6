"""Self-adversarial negative sampling (Sun et al., ICLR 2019, eq. 5 and 6): hard false candidates count more.

-log sigma(s) - sum over false candidates of p * log sigma(-s'), with s = gamma - d for distances, and p the softmax of the
candidates' scores times the temperature, through which no gradient flows.
"""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor
from torch.nn import functional

from kg.embeddings.losses.base import Answers, Loss

__all__ = ["SelfAdversarial"]


class SelfAdversarial(Loss):
    """One answer against the weighted mean of its false candidates."""

    name: ClassVar[str] = "self_adversarial.v1"

    def __call__(self, scores: Tensor, answers: Answers) -> Tensor:
        """Mean over answers."""
        false = answers.removed_from(scores)
        # A question whose every candidate is true has no share to give: nan becomes nothing.
        share = (false.detach() * self.temperature).softmax(1).nan_to_num(0.0)
        wrong = (share * functional.softplus(false)).sum(1)
        return answers.mean(functional.softplus(-answers.of(scores)) + wrong[answers.rows])
