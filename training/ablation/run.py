"""An ablation from sources to a page of result, in a folder that it can be broken off in at any time and gone on from.

    OUT/corpora/       what the arms read (`corpora`)
    OUT/tokenizer-KEY/ the tokenizer that all share
    OUT/plan.json      steps, and how long it would take (`plan`)
    OUT/models/, runs/ a model for each arm and seed (`train`)
    OUT/evaluations/   what each model got right and wrong (`judge`)
    OUT/results.md     the page, with results.json, results.png, differences.png

Each of these is written whole and known by the content it was made from, so an ablation with one more arm, another suite or
fewer seeds trains nothing again. Trainings run beside each other in processes of their own, one a core; seeds one after another, so that
what a broken-off run has is all arms of its first seeds.
"""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from kg.tables import TRIPLES
from pipeline.errors import MateriaError
from pipeline.hashing import hash_json
from pipeline.parallel import cpu_count
from training.ablation.arms import Arm, arm_of, check_arms
from training.ablation.corpora import Corpora
from training.ablation.facts import shuffles, spent
from training.ablation.judge import Judging, Runs, judge_all
from training.ablation.plan import Plan, keep_plan, kept_plan, make_plan, measure
from training.ablation.processes import Tell, run_jobs
from training.ablation.results import write_results
from training.ablation.train import Training, train_arm
from training.evaluation.config import SuiteConfig
from training.evaluation.suite import load_suite, suite_as_written
from training.library_versions import library_versions
from training.sources import Sources

if TYPE_CHECKING:
    from training.ablation.config import AblationConfig
    from training.tasks.base import Example
    from training.trainer.reports import StepReport

__all__ = ["Ablation", "held"]

_EVERY_S: Final = 0.5


class Ablation:
    """An ablation in a folder.

    Args:
        sources: shards and triples of a home.
        config: see `AblationConfig`.
        out: folder of all that is made.
        progress: told what is being done.
    """

    def __init__(
        self, sources: Sources, config: AblationConfig, out: Path, *, progress: Callable[[str], None] = lambda _: None
    ) -> None:
        check_arms(config)
        self.sources, self.config, self.out, self.progress = sources, config, out, progress
        self.suite = load_suite(config.suite) if config.suite else SuiteConfig()
        self.corpora = Corpora(sources, out / "corpora")
        self.at_once = config.workers or _workers(config)

    def trainings(self, steps: int | None = None) -> list[Training]:
        """Every arm with every seed, all arms of a seed together; makes the corpora and the tokenizer where they are missing.

        Args:
            steps: of each; those of the settings where None.
        """
        base = self.config.pretraining
        if steps is not None:
            base = base.model_copy(update={"trainer": base.trainer.model_copy(update={"steps": steps})})
        tokenizer = self._tokenizer()
        made = []
        for seed in self.config.seeds:
            for name in self.config.arms:
                arm = arm_of(name)
                sources = self._sources(arm, seed)
                made.append(Training(name, seed, arm.trained, sources, arm.settings(base, seed), tokenizer, self.out))
        return made

    def plan(self, *, judged: bool = True) -> Plan:
        """What will be done and how long it takes; the same again for a run that goes on.

        Args:
            judged: whether models are judged too; one is then, to know how long that takes.
        """
        config, path = self.config, self.out / "plan.json"
        asked = [config.model_dump(mode="json", exclude={"workers", "suite"}), self.sources.hashes(config.pretraining)]
        if (kept := kept_plan(path, asked)) is not None:
            return kept
        trainings = self.trainings()
        trained = [one for one in trainings if one.trained]
        if not trained:
            return Plan(0, 0, len(trainings), self.at_once, 0, None, 0.0)
        data = config.pretraining.data
        self.progress("timing a few steps")
        speed = measure(max(trained, key=_cost), self.out, self.judging if judged else None)
        plan = make_plan(
            wished=config.pretraining.trainer.steps,
            trainings=len(trained),
            evaluations=len(trainings) if judged else 0,
            at_once=self.at_once,
            tokens_a_step=data.rows * data.max_length * config.pretraining.trainer.accumulation,
            speed=speed,
            minutes=config.minutes,
        )
        keep_plan(path, asked, plan)
        return plan

    def pretrain(self, plan: Plan, told: Tell = lambda _: None) -> list[Training]:
        """Train what is missing.

        Args:
            told: arm, seed and step, as steps are taken.

        Raises:
            StoppedError: a signal came; what is begun is saved.
            MateriaError: as `pretrain` does.
        """
        trainings = self.trainings(plan.steps or None)
        missing = [training for training in trainings if not training.is_done()]
        for training in trainings:
            if training not in missing:
                told((training.arm, training.seed, plan.steps))
        run_jobs(_train, missing, at_once=self.at_once, told=told)
        return trainings

    def judge(self, trainings: Sequence[Training], told: Tell = lambda _: None) -> Runs:
        """Judge the models by the suite, where that was not done.

        Args:
            told: arm, seed and 1, of each that is done.
        """
        return judge_all([self.judging(one) for one in trainings], at_once=self.at_once, told=told)

    def write_results(self, plan: Plan, trainings: Sequence[Training], runs: Runs, clean: str) -> dict[str, Any]:
        """Write the page of result, and return what results.json holds.

        Args:
            clean: what the check of decontamination said.
        """
        facts = {
            "plan": plan.sentence(),
            "versions": library_versions(),
            "seeds": list(self.config.seeds),
            "bootstrap": self.suite.bootstrap.model_dump(),
            "settings": self.config.model_dump(mode="json", exclude={"suite"})
            | {"suite": suite_as_written(self.suite)},
            "trainings": {name: spent([one for one in trainings if one.arm == name]) for name in self.config.arms},
            "shuffles": shuffles(self.config, self.corpora),
            "decontamination": clean,
        }
        return write_results(self.out, facts, runs, self.suite.bootstrap)

    def judged_on(self) -> list[Example[Any]]:
        """The examples that the tasks of the suite are judged on, or stopped early by."""
        from training.finetuning.examples import read_parts
        from training.tasks.table import TASKS

        parts = [read_parts(TASKS[task.task], task.data) for task in self.suite.tasks.values()]
        return [example for part in parts for example in (*part.validation, *part.test)]

    def read(self) -> Sources:
        """The sources, with the corpora of all arms but the shuffled, which hold nothing that others do not but what is wrong."""
        specs = {arm_of(name).spec(self.config, 0)._replace(seed=None) for name in self.config.arms}
        told = sorted({spec._replace(name="told") if spec.name == "shuffled" else spec for spec in specs}, key=str)
        return replace(self.sources, train=[self.corpora.shard(spec) for spec in told])

    def judging(self, training: Training) -> Judging:
        """What is to be judged of a training, by what."""
        fine_tuned = not self.config.task_arms or training.arm in self.config.task_arms
        return Judging(
            training, self.suite if fine_tuned else self.suite.model_copy(update={"tasks": {}}), self.sources
        )

    def _sources(self, arm: Arm, seed: int) -> Sources:
        """What an arm reads with a seed. What it does not read is empty, so that no change of it trains the arm again."""
        spec = arm.spec(self.config, seed)
        triples = TRIPLES.empty_table()
        if arm.knows_graph:
            triples = self.corpora.graph(seed).triples if arm.corpus == "shuffled" else self.sources.triples
        return Sources(
            [self.corpora.shard(spec)],
            self.sources.validation,
            triples,
            self.sources.names if arm.links else {},
            self.sources.licences,
            self.sources.folders,
        )

    def _tokenizer(self) -> Path | None:
        """The tokenizer of all arms, trained on the corpus that tells the graph and on the names of its entities."""
        config = self.config.pretraining
        if config.tokenizer.pretrained or config.backbone.pretrained:
            return None
        from training.corpus_tokenizer import train_corpus_tokenizer

        arms = [arm_of(name) for name in self.config.arms]
        told = next((arm for arm in arms if arm.corpus != "literature"), arms[0])
        spec = told.spec(self.config, self.config.seeds[0])
        shard = self.corpora.shard(spec._replace(name="told", seed=None) if spec.name == "shuffled" else spec)
        triples, names = self.sources.triples, self.sources.names
        entities = sorted(set(triples["subject"].to_pylist()) | set(triples["object"].to_pylist()))
        settings = [config.tokenizer.model_dump(), config.backbone.family, config.data.max_length]
        key = hash_json([shard.sha256, entities, [names.get(one) for one in entities], settings])
        folder = self.out / f"tokenizer-{key[:16]}"
        if not folder.exists():
            self.progress("training the tokenizer")
            train_corpus_tokenizer(Sources([shard], [], triples, names), entities, config, folder=folder)
        return folder


@contextmanager
def held(out: Path) -> Iterator[None]:
    """Hold the folder of an ablation.

    Raises:
        MateriaError: another process works there, or it cannot be written to.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        file = (out / ".lock").open("w")
    except OSError as error:
        raise MateriaError(
            f"cannot be written to ({error.strerror})", file=str(out), remedy="Name another --out"
        ) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise MateriaError(
                "another ablation runs there", file=str(out), remedy="Wait for it, or name another --out"
            ) from error
        yield


def _workers(config: AblationConfig) -> int:
    """Trainings at once: one a core, or one for each so many threads; one where there is a GPU."""
    import torch

    trainer = config.pretraining.trainer
    if trainer.device != "cpu" and torch.cuda.is_available():
        return 1
    return max(1, cpu_count() // (trainer.threads or cpu_count()))


def _cost(training: Training) -> tuple[bool, int]:
    """What makes an arm dear: a pass over names, and objectives."""
    weights = training.settings.objectives.weights(training.settings.backbone.resolved().language)
    return "link_prediction" in weights, len(weights)


def _train(training: Training, tell: Tell) -> None:
    """Train, and tell of a step every half second."""
    last = 0.0

    def on_step(step: StepReport) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last > _EVERY_S:
            last = now
            tell((training.arm, training.seed, step.step))

    train_arm(training, on_step)
    tell((training.arm, training.seed, training.settings.trainer.steps))
