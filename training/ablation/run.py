"""An ablation from sources to a page of result, in a folder that it can be broken off in at any time and gone on from.

    OUT/corpora/       what the arms read (`corpora`)
    OUT/tokenizer-KEY/ the tokenizer that all share
    OUT/plan.json      steps, and how long it would take (`plan`)
    OUT/models/, runs/ a model for each arm and seed (`train`)

Each of these is written whole and known by the content it was made from, so an ablation with one more arm, another suite or
fewer seeds trains nothing again. Trainings run beside each other in processes of their own, one a core; seeds one after another, so that
what a broken-off run has is all arms of its first seeds.
"""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty
from typing import TYPE_CHECKING, Any, Final

from kg.tables import TRIPLES
from pipeline.errors import MateriaError
from pipeline.hashing import hash_json
from pipeline.parallel import Workers, cpu_count
from training.ablation.arms import Arm, arm_of, check_arms
from training.ablation.corpora import Corpora
from training.ablation.plan import Plan, keep_plan, kept_plan, make_plan, measure
from training.ablation.train import Training, train_arm
from training.sources import Sources

if TYPE_CHECKING:
    from training.ablation.config import AblationConfig
    from training.trainer.reports import StepReport

__all__ = ["Ablation", "Told"]

#: Told of a training: its arm and seed, and its last step of how many.
Told = Callable[[str, int, int], None]
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

    def plan(self) -> Plan:
        """What will be done and how long it takes; the same again for a run that goes on."""
        config, path = self.config, self.out / "plan.json"
        asked = [config.model_dump(mode="json", exclude={"workers"}), self.sources.hashes(config.pretraining)]
        if (kept := kept_plan(path, asked)) is not None:
            return kept
        trainings = [one for one in self.trainings() if one.trained]
        if not trainings:
            return Plan(0, 0, 0, self.at_once, 0, None, 0.0)
        data, wished = config.pretraining.data, config.pretraining.trainer.steps
        self.progress("timing a few steps")
        plan = make_plan(
            wished=wished,
            trainings=len(trainings),
            evaluations=0,
            at_once=self.at_once,
            tokens_a_step=data.rows * data.max_length * config.pretraining.trainer.accumulation,
            speed=measure(max(trainings, key=_cost), self.out),
            minutes=config.minutes,
        )
        keep_plan(path, asked, plan)
        return plan

    def pretrain(self, plan: Plan, told: Told = lambda arm, seed, step: None) -> list[Training]:
        """Train what is missing.

        Args:
            told: of steps, as they are taken.

        Raises:
            StoppedError: a signal came; what is begun is saved.
            MateriaError: as `pretrain` does.
        """
        trainings = self.trainings(plan.steps or None)
        missing = [training for training in trainings if not training.is_done()]
        for training in trainings:
            if training not in missing:
                told(training.arm, training.seed, plan.steps)
        steps: Any = multiprocessing.get_context("spawn").Queue()
        with _listening(steps, told), Workers(min(self.at_once, len(missing)), _begin, (os.getpid(), steps)) as workers:
            for _ in workers.map(_train, missing):
                pass
        return trainings

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


class _Process:
    """What a process that trains knows."""

    steps: Any = None


def _begin(parent: int, steps: Any) -> None:
    """Note where steps are told; end with the process that began this one, and leave the folder of the run to the next."""
    _Process.steps = steps
    if os.getpid() == parent:
        return

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _train(training: Training) -> None:
    last = 0.0

    def on_step(step: StepReport) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last > _EVERY_S:
            last = now
            _Process.steps.put((training.arm, training.seed, step.step))

    train_arm(training, on_step)
    _Process.steps.put((training.arm, training.seed, training.settings.trainer.steps))


@contextmanager
def _listening(steps: Any, told: Told) -> Iterator[None]:
    """Hand on what the processes tell, in a thread of its own."""
    done = threading.Event()

    def listen() -> None:
        while not done.is_set() or not steps.empty():
            try:
                told(*steps.get(timeout=0.2))
            except Empty:
                continue

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
