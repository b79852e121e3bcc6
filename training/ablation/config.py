"""What a user may set about an ablation. This module imports no torch. Unknown keys are errors."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from training.ablation.arms import ARMS, SEVEN
from training.config import PretrainingConfig

__all__ = ["AblationConfig"]


class AblationConfig(BaseModel):
    """Arms that are trained alike but for one thing, and judged on the same questions."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    arms: tuple[str, ...] = Field(
        SEVEN,
        description=f"what is compared: {', '.join(ARMS)}, and all@RATIO (words of told facts for each of literature)",
    )
    seeds: tuple[int, ...] = Field(
        (13, 14, 15), description="each arm is trained once with each: weights, order and shuffle are drawn from it"
    )
    ratio: float | None = Field(
        None,
        gt=0,
        description="words of told facts for each word of literature, where an arm reads both; none: as they are in the corpus",
    )
    pretraining: PretrainingConfig = Field(
        PretrainingConfig(), description="how all arms are trained; an arm leaves out what it is to do without"
    )
    suite: str | None = Field(None, description="suite file of the evaluation; none: what needs no file")
    task_arms: tuple[str, ...] = Field(
        (), description="arms whose models are fine-tuned for the tasks of the suite, which is dear; none given: all"
    )
    minutes: float | None = Field(
        None,
        gt=0,
        description="time for all of it; the steps are scaled to it, equally. None: the steps of pretraining",
    )
    workers: int = Field(0, ge=0, description="trainings at once; 0 for one a core, or one where there is a GPU")

    @field_validator("arms")
    @classmethod
    def _known_arms(cls, arms: tuple[str, ...]) -> tuple[str, ...]:
        for name in arms:
            head, at, ratio = name.partition("@")
            if head not in ARMS or (at and not _is_ratio(head, ratio)):
                raise ValueError(f"there is no arm {name!r}; there are {', '.join(ARMS)}, and all@0.25 and the like")
        if not arms:
            raise ValueError("name one arm or more")
        if len(set(arms)) < len(arms):
            raise ValueError("an arm is named twice")
        return arms

    @model_validator(mode="after")
    def _tasks_of_arms(self) -> AblationConfig:
        if unknown := [name for name in self.task_arms if name not in self.arms]:
            raise ValueError(f"task_arms: {unknown[0]!r} is none of the arms")
        return self

    @field_validator("seeds")
    @classmethod
    def _some_seeds(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if not seeds or len(set(seeds)) < len(seeds) or not all(0 <= seed < 2**32 for seed in seeds):
            raise ValueError("give one seed or more, each once, from 0 to 2^32 - 1")
        return seeds


def _is_ratio(arm: str, text: str) -> bool:
    try:
        return ARMS[arm].corpus != "literature" and 0 < float(text) < 1000
    except ValueError:
        return False
