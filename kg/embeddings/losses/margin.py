"""Margin ranking (Bordes et al., NIPS 2013): max(0, margin + d(h, r, t) - d(h', r, t')) for each false candidate.

A distance is a score with its sign turned, so this is max(0, margin - s + s') for every scorer; gamma cancels out.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from kg.embeddings.losses.base import Answers, Loss

__all__ = ["MarginRanking"]


class MarginRanking(Loss):
    """Mean over the false candidates of an answer; costs answers x candidates numbers."""

    name: ClassVar[str] = "margin.v1"

    def __call__(self, scores: Tensor, answers: Answers) -> Tensor:
        """Mean over answers."""
        false = answers.removed_from(scores)
        count = (false > -torch.inf).sum(1).clamp_min(1)
        short = (self.margin + false[answers.rows] - answers.of(scores)[:, None]).clamp_min(0.0)
        return answers.mean(short.sum(1) / count[answers.rows])
