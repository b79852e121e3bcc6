"""Cross-entropy of all answers of a question at once (Ruffinelli et al., ICLR 2020, "KvsAll" with KL).

The target gives each of a question's k answers 1 / k, so that a question counts once however many answers it has, where
one-vs-all counts every answer once. (K-vs-all with binary cross-entropy, as in ConvE, is the loss `binary` over all entities.)
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from kg.embeddings.losses.base import Answers, Loss

__all__ = ["KVsAll"]


class KVsAll(Loss):
    """Softmax over the candidates, all answers together."""

    name: ClassVar[str] = "k_vs_all.v1"

    def __call__(self, scores: Tensor, answers: Answers) -> Tensor:
        """Mean over questions of log sum exp(s') - weighted mean of its answers' s."""
        total = scores.new_zeros(len(scores)).index_add(0, answers.rows, answers.weights)
        share = answers.weights / total.clamp_min(1e-9)[answers.rows]
        losses = share * (scores.logsumexp(1)[answers.rows] - answers.of(scores))
        return torch.sum(losses) / len(scores)
