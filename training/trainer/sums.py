"""What is added up over the batches and the processes of a step: one row of numbers, on the device until somebody looks at it.

Losses are means over examples. Their mean over batches and processes is weighted by how many examples each had.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from training.data.batches import TextBatch

__all__ = ["StepFigures", "StepSums"]


@dataclass(frozen=True)
class StepFigures:
    """The figures of a step.

    Attributes:
        total: the one loss that was minimised.
        losses: of each objective; None where the step had no example of it.
        norm: of the gradient, before it was clipped.
        tokens, rows: that were read.
    """

    total: float
    losses: dict[str, float | None]
    norm: float
    tokens: int
    rows: int

    def not_finite(self) -> str | None:
        """What of the step is no number, if anything."""
        return None if math.isfinite(self.total + self.norm) else "gradient" if math.isfinite(self.total) else "loss"


class StepSums:
    """Sums of one step in one process.

    Args:
        names: of the objectives.
    """

    def __init__(self, names: Sequence[str], device: torch.device) -> None:
        # Of each objective loss x examples, and examples; then the total, the norm, tokens, rows.
        self.names = names
        self.row = torch.zeros(2 * len(names) + 4, dtype=torch.float64, device=device)

    def add(
        self, total: Tensor, losses: Mapping[str, Tensor], examples: Mapping[str, int], text: TextBatch, *, batches: int
    ) -> None:
        """Add one of so many batches of the step."""
        for place, name in enumerate(self.names):
            if examples.get(name):
                self.row[2 * place] += losses[name] * examples[name]
                self.row[2 * place + 1] += examples[name]
        self.row[-4] += total.detach() / batches
        self.row[-2] += text.tokens
        self.row[-1] += len(text.input_ids)

    def set_norm(self, norm: Tensor) -> None:
        """Note the norm of the gradient, which is the same in all processes."""
        self.row[-3] = norm.detach()

    @staticmethod
    def figures(row: Sequence[float], names: Sequence[str], processes: int) -> StepFigures:
        """The figures of a step from the sum of its rows over the processes."""
        losses = {
            name: row[2 * place] / row[2 * place + 1] if row[2 * place + 1] else None
            for place, name in enumerate(names)
        }
        return StepFigures(row[-4] / processes, losses, row[-3] / processes, int(row[-2]), int(row[-1]))
