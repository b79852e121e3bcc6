"""A schedule: whose turn each step is, and what the losses of the step weigh.

With a ratio of graph to text the turns are dealt out to the two sides as evenly as whole turns allow, and each side
has its own order among its tasks. All is a function of (seed, step, epoch), and costs microseconds a step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from torch import Tensor, nn

from training.objectives.config import GRAPH_OBJECTIVES, TEXT_OBJECTIVES
from training.schedules.config import ScheduleConfig
from training.schedules.turns import TURNS, Task, Turns
from training.schedules.weighting import WEIGHTINGS

__all__ = ["Schedule", "make_tasks"]


class Schedule(nn.Module):
    """What is trained when, and how much it counts. What is learned about weights are its parameters.

    Args:
        config: see `ScheduleConfig`.
        weights: of each objective that is trained, more than 0.
        sizes: how much each has to learn from: passages, or triples.
        seed: of the draws.
        steps: of the whole run.
    """

    def __init__(
        self,
        config: ScheduleConfig,
        weights: Mapping[str, float],
        *,
        sizes: Mapping[str, float],
        seed: int,
        steps: int,
    ) -> None:
        super().__init__()
        self.config = config
        self.sizes, self.seed, self.steps = dict(sizes), seed, steps
        self.weighting = WEIGHTINGS[config.weighting](weights)
        tasks = make_tasks(weights, sizes)
        turns = TURNS[config.turns]
        self.turns: Turns = turns(tasks, config, seed)
        self._sides: tuple[Turns, Turns] | None = None
        if config.graph_ratio is not None:
            text, graph = (
                [t for t in tasks if (t.objectives[0] in GRAPH_OBJECTIVES) is side] for side in (False, True)
            )
            self._sides = turns(text, config, seed), turns(graph, config, seed + 1)
            ratio = Fraction(config.graph_ratio).limit_denominator(1000)
            self._share = ratio / (1 + ratio)

    def active(self, step: int, epoch: int) -> tuple[str, ...]:
        """Names of the objectives that a step serves.

        Args:
            step: number of the step, from 0.
            epoch: number of the pass over the corpus, from 0.
        """
        turn, progress = (step if self.config.unit == "step" else epoch), min(1.0, step / max(1, self.steps - 1))
        if self._sides is None:
            return self.turns.objectives(turn, progress)
        before, after = int(turn * self._share), int((turn + 1) * self._share)
        text, graph = self._sides
        return graph.objectives(before, progress) if after > before else text.objectives(turn - before, progress)

    def total(self, losses: Mapping[str, Tensor], step: int) -> Tensor:
        """The one loss of a step from those of its objectives."""
        return self.weighting.total(losses)


def make_tasks(names: Sequence[str] | Mapping[str, float], sizes: Mapping[str, float]) -> list[Task]:
    """Objectives that take turns: language and next sentence are one task, each objective of the graph is its own."""
    text = tuple(name for name in names if name in TEXT_OBJECTIVES)
    groups = ([text] if text else []) + [(name,) for name in names if name in GRAPH_OBJECTIVES]
    return [Task(group, max(sizes[name] for name in group)) for group in groups]
