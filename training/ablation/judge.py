"""Judge the models of all arms by one suite: outcomes by figure, arm and seed.

    OUT/evaluations/ARM-seed=N-KEY/    outcomes of one model (`training.evaluation.run`)

Each model is fine-tuned for a task once, with the first seed of the suite: the runs of an arm are its pretraining seeds, and several
fine-tunings of one model would count as more of them than they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from training.ablation.processes import Tell, run_jobs
from training.ablation.train import Training
from training.evaluation.run import measure

if TYPE_CHECKING:
    from training.evaluation.config import SuiteConfig
    from training.sources import Sources
    from training.statistics.outcomes import Outcomes

__all__ = ["Judging", "Runs", "judge", "judge_all"]

#: Outcomes by arm and figure, one for each seed.
Runs = Mapping[str, Mapping[str, Sequence["Outcomes"]]]


@dataclass(frozen=True)
class Judging:
    """A model to judge.

    Attributes:
        training: whose model.
        suite: by what.
        sources: the true graph, names and test shards, the same for all arms.
    """

    training: Training
    suite: SuiteConfig
    sources: Sources

    def outcomes(self) -> dict[str, Outcomes]:
        """Outcomes by figure; measured where they are missing."""
        training = self.training
        suite = self.suite.model_copy(update={"seeds": self.suite.seeds[:1]})
        kept = training.out / "evaluations" / training.name()
        return {name: found[0] for name, found in measure(training.model, suite, self.sources, kept).items()}


def judge(judging: Judging, tell: Tell) -> None:
    """Measure the outcomes of a model."""
    judging.outcomes()
    tell((judging.training.arm, judging.training.seed, 1))


def judge_all(judgings: Sequence[Judging], *, at_once: int, told: Tell) -> Runs:
    """Outcomes of all models, several at a time."""
    run_jobs(judge, judgings, at_once=at_once, told=told)
    runs: dict[str, dict[str, list[Outcomes]]] = {}
    for judging in judgings:
        for name, found in judging.outcomes().items():
            runs.setdefault(judging.training.arm, {}).setdefault(name, []).append(found)
    return runs
