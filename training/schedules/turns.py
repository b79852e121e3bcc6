"""Whose turn it is: all objectives at every step, tasks one after the other, or tasks drawn by their size.

A draw is a function of (seed, turn), so a run that goes on draws what the uninterrupted one would have. To add a way: one
class and one line in the table.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from training.schedules.config import ScheduleConfig

__all__ = ["TURNS", "Alternating", "Annealed", "Joint", "Proportional", "Task", "Temperature", "Turns"]


@dataclass(frozen=True)
class Task:
    """Objectives that are served together.

    Attributes:
        objectives: their names.
        size: how much there is to learn from: passages, or triples.
    """

    objectives: tuple[str, ...]
    size: float


class Turns(ABC):
    """Which task is served.

    Args:
        tasks: one or more.
        config: see `ScheduleConfig`.
        seed: of the draws.
    """

    #: Name and version, as they enter lineage.
    name: ClassVar[str]
    #: Whether each turn serves one task only.
    takes_turns: ClassVar[bool] = True

    def __init__(self, tasks: Sequence[Task], config: ScheduleConfig, seed: int) -> None:
        self.tasks = tuple(tasks)
        self.config = config
        self.seed = seed

    @abstractmethod
    def task(self, turn: int, progress: float) -> int:
        """Number of the task of a turn (from 0), when that share of the steps is done."""

    def objectives(self, turn: int, progress: float) -> tuple[str, ...]:
        """Names of the objectives of a turn."""
        return self.tasks[self.task(turn, progress)].objectives


class Joint(Turns):
    """Every step serves all objectives, over one pass of the encoder."""

    name: ClassVar[str] = "joint.v1"
    takes_turns: ClassVar[bool] = False

    def task(self, turn: int, progress: float) -> int:
        """The first: it is not asked, since all are served."""
        return 0

    def objectives(self, turn: int, progress: float) -> tuple[str, ...]:
        """All."""
        return tuple(name for task in self.tasks for name in task.objectives)


class Alternating(Turns):
    """One task after the other, in their order."""

    name: ClassVar[str] = "alternating.v1"

    def task(self, turn: int, progress: float) -> int:
        """The turn's number, modulo the number of tasks."""
        return turn % len(self.tasks)


class Sampled(Turns):
    """A task is drawn with a probability in proportion to its size to some power."""

    @abstractmethod
    def power(self, progress: float) -> float:
        """1: in proportion to size; 0: all alike."""

    def probabilities(self, progress: float) -> NDArray[np.float64]:
        """Of each task, (tasks,)."""
        raised = np.array([task.size for task in self.tasks], dtype=np.float64) ** self.power(progress)
        return np.asarray(raised / raised.sum())

    def task(self, turn: int, progress: float) -> int:
        """Drawn from (seed, turn)."""
        draw = np.random.Generator(np.random.Philox(key=[self.seed ^ 0x7475726E, turn])).random()
        bounds = self.probabilities(progress).cumsum()
        return int(np.searchsorted(bounds[:-1], draw, side="right"))


class Proportional(Sampled):
    """In proportion to size: an example of any task is read as often as one of another."""

    name: ClassVar[str] = "proportional.v1"

    def power(self, progress: float) -> float:
        """1."""
        return 1.0


class Temperature(Sampled):
    """In proportion to size to the power of 1 / temperature (Devlin, multilingual BERT, 2018; Raffel et al., JMLR 2020)."""

    name: ClassVar[str] = "temperature.v1"

    def power(self, progress: float) -> float:
        """1 / temperature."""
        return 1.0 / self.config.temperature


class Annealed(Sampled):
    """From proportional to nearly even: the power falls from 1 to 0.2 over the run (Stickland and Murray, ICML 2019)."""

    name: ClassVar[str] = "annealed.v1"

    def power(self, progress: float) -> float:
        """1 - 0.8 of the progress."""
        return 1.0 - 0.8 * progress


TURNS: Final[dict[str, type[Turns]]] = {
    "joint": Joint,
    "alternating": Alternating,
    "proportional": Proportional,
    "temperature": Temperature,
    "annealed": Annealed,
}
