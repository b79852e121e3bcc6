"""Cross-entropy of each answer against all candidates (Lacroix et al., ICML 2018): -s + log sum over candidates of exp(s').

The other answers of the same question count as wrong, as they do in the published loss.
"""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from kg.embeddings.losses.base import Answers, Loss

__all__ = ["OneVsAll"]


class OneVsAll(Loss):
    """Softmax over the candidates, one answer at a time."""

    name: ClassVar[str] = "one_vs_all.v1"
    needs_all_answers: ClassVar[bool] = False

    def __call__(self, scores: Tensor, answers: Answers) -> Tensor:
        """Mean over answers of log sum exp(s') - s."""
        return answers.mean(scores.logsumexp(1)[answers.rows] - answers.of(scores))
