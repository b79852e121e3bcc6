"""How long an ablation will take, from a few steps of its dearest arm; and how many steps fit into the time there is.

The steps are cut equally for all arms, never raised: what is asked for is the most. A plan is kept beside the models, so that a run
that goes on takes as many steps as it began with, whatever the machine does meanwhile.
"""

from __future__ import annotations

import json
import math
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pipeline.errors import MateriaError
from pipeline.files import write_atomically
from pipeline.hashing import hash_json

if TYPE_CHECKING:
    from training.ablation.judge import Judging
    from training.ablation.train import Training

__all__ = ["Plan", "Speed", "keep_plan", "kept_plan", "make_plan", "measure"]

#: Steps that are timed, and how many before them are not.
_STEPS: Final = 16
_WARM: Final = 6
_FEWEST: Final = 10


@dataclass(frozen=True)
class Speed:
    """What was measured of one training, and of one evaluation where there is any: seconds."""

    step: float
    around: float
    evaluation: float = 0.0


@dataclass(frozen=True)
class Plan:
    """What will be done.

    Attributes:
        steps: of each training.
        trainings, evaluations: how many there are.
        at_once: trainings that run beside each other.
        tokens: of passages in one training.
        speed: what the estimate is made from; None where nothing was left to do.
        minutes: how long it will take from the beginning; 0 likewise.
    """

    steps: int
    trainings: int
    evaluations: int
    at_once: int
    tokens: int
    speed: Speed | None
    minutes: float

    def sentence(self) -> str:
        """The plan for people."""
        what = f"{self.trainings} trainings of {self.steps:,} steps (about {self.tokens:,} tokens each), {self.at_once} at once"
        if self.speed is None:
            return f"{what}; all of them are there"
        evaluations = f", and {self.evaluations} evaluations" if self.evaluations else ""
        return f"{what}{evaluations}: about {_duration(self.minutes)} ({self.speed.step * 1000:.0f} ms a step of the dearest arm)"


def make_plan(
    *,
    wished: int,
    trainings: int,
    evaluations: int,
    at_once: int,
    tokens_a_step: int,
    speed: Speed,
    minutes: float | None,
) -> Plan:
    """As many steps as fit into the time, and no more than are wished.

    Raises:
        MateriaError: not even a few steps fit.
    """
    rounds = math.ceil(trainings / at_once)
    apart = rounds * speed.around + math.ceil(evaluations / at_once) * speed.evaluation
    steps = wished
    if minutes is not None:
        fitting = int((minutes * 60 - apart) / max(rounds, 1) / speed.step) if rounds else wished
        if fitting < min(_FEWEST, wished):
            raise MateriaError(
                f"{minutes:g} minutes are too few: {apart / 60:.1f} pass before the first step of {trainings} trainings",
                remedy="Give it more minutes, fewer seeds or arms, or a smaller suite",
            )
        steps = min(wished, fitting)
    took = (apart + rounds * steps * speed.step) / 60
    return Plan(steps, trainings, evaluations, at_once, steps * tokens_a_step, speed, round(took, 2))


def measure(dearest: Training, out: Path, judging: Callable[[Training], Judging] | None) -> Speed:
    """Time a few steps of an arm, and an evaluation of what came of them, in a folder that goes away.

    Args:
        judging: how it is judged; None where nothing will be.
    """
    from training.pretrain import pretrain

    trainer = dearest.settings.trainer.model_copy(
        update={"steps": _STEPS, "checkpoint_every": 0, "evaluate_every": 0, "patience": 0, "tensorboard": False}
    )
    settings = dearest.settings.model_copy(update={"trainer": trainer})
    out.mkdir(parents=True, exist_ok=True)
    at: list[float] = []
    with tempfile.TemporaryDirectory(prefix=".measured.", dir=out) as folder:
        began = time.perf_counter()
        trial = replace(dearest, settings=settings, out=Path(folder))
        trial.share_tokenizer()
        pretrain(
            trial.sources, settings, out=trial.model, run=trial.run, resume=True,
            on_step=lambda _: at.append(time.perf_counter()),
        )  # fmt: skip
        trained = time.perf_counter()
        if judging is not None:
            judging(trial).outcomes()
        judged = time.perf_counter()
    step = (at[-1] - at[_WARM]) / (len(at) - 1 - _WARM)
    return Speed(round(step, 5), round(trained - began - step * len(at), 2), round(judged - trained, 2))


def kept_plan(path: Path, asked: object) -> Plan | None:
    """The plan that was made for the same wishes, if one was."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if found.pop("asked") != hash_json(asked):
            return None
        speed = found.pop("speed")
        return Plan(**found, speed=Speed(**speed) if speed else None)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def keep_plan(path: Path, asked: object, plan: Plan) -> None:
    """Write a plan down for a run that goes on."""
    write_atomically(path, json.dumps(asdict(plan) | {"asked": hash_json(asked)}, indent=1) + "\n")


def _duration(minutes: float) -> str:
    hours, rest = divmod(round(minutes), 60)
    return f"{hours} h {rest} min" if hours else f"{max(rest, 1)} min"
