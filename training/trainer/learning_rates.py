"""Learning-rate schedules as factors of the peak: a function of the step alone, so a resumed run needs no state of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from training.trainer.config import LearningRateName, TrainerConfig

__all__ = ["LEARNING_RATES", "learning_rate"]


def _linear(progress: float, step: int, rise: int) -> float:
    return 1.0 - progress


def _cosine(progress: float, step: int, rise: int) -> float:
    """Half a cosine (Loshchilov and Hutter, ICLR 2017, without restarts)."""
    return 0.5 * (1.0 + math.cos(math.pi * progress))


def _constant(progress: float, step: int, rise: int) -> float:
    return 1.0


def _inverse_square_root(progress: float, step: int, rise: int) -> float:
    """As in Vaswani et al. (NIPS 2017): 1 where the warm-up ends."""
    return math.sqrt(rise / max(step, rise))


#: Factor after the warm-up, of (share of the remaining steps that are done, steps done, steps of the warm-up).
LEARNING_RATES: Final[dict[LearningRateName, Callable[[float, int, int], float]]] = {
    "linear": _linear,
    "cosine": _cosine,
    "constant": _constant,
    "inverse_square_root": _inverse_square_root,
}


def learning_rate(config: TrainerConfig, step: int) -> float:
    """The step size of a step, from 0. It rises linearly over the warm-up and is never 0, so that every step learns.

    >>> config = TrainerConfig(steps=10, warmup=0.2, learning_rate=1.0)
    >>> [learning_rate(config, step) for step in (0, 1, 2, 9)]
    [0.5, 1.0, 1.0, 0.125]
    """
    rise = max(1, round(config.warmup * config.steps))
    if step < rise:
        return config.learning_rate * (step + 1) / rise
    progress = (step - rise) / max(1, config.steps - rise)
    factor = LEARNING_RATES[config.learning_rate_schedule](progress, step + 1, rise)
    if config.learning_rate_schedule in ("linear", "cosine"):
        factor = config.final_learning_rate + (1.0 - config.final_learning_rate) * factor
    return config.learning_rate * factor
