"""What a training says of itself: of each step, and at its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from training.trainer.checkpoint import RunState

__all__ = ["Fitted", "StepReport"]


@dataclass(frozen=True)
class StepReport:
    """What a progress bar shows of a step.

    Attributes:
        step, steps: steps done, and in all.
        losses: by objective; those without an example in the step are absent.
        tokens_per_second: of all processes, since the first batch was there.
        waiting: share of that time spent waiting for the next batch.
        validation: loss on the validation split, where this step had a look at it.
    """

    step: int
    steps: int
    losses: Mapping[str, float]
    tokens_per_second: float
    waiting: float
    validation: float | None = None


@dataclass(frozen=True)
class Fitted:
    """How a run ended.

    Attributes:
        state: where it stands.
        trace: its losses, step by step.
        stopped_early: whether validation ended it.
        tokens_per_second, waiting: as in `StepReport`.
    """

    state: RunState
    trace: Path
    stopped_early: bool
    tokens_per_second: float
    waiting: float
