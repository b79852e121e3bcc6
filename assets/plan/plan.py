"""The plan of a build: time, memory and disk for an engine with so many workers, before one starts.

A sample of the literature is built on this machine (`assets.plan.measured`), its costs are carried to the whole (`assets.plan.growth`), and
shared out as the engine shares the work. A home that was built to the end tells its own costs, and nothing is sampled. Rejected: a table of
costs a document alone; what is found in a text depends on texts and vocabulary, and machines differ by more than the factor
of 1.5 that a plan must keep to.

Held to the real build by `benchmarks/scale.py plan`.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from upath import UPath

from assets.config import Config
from assets.engines.resources import HERE, SPREAD
from assets.home import Home
from assets.plan.growth import WORKER_MIB, disk_of, memory_of, processor_seconds
from assets.plan.measured import Measured, measured_home, measured_sample
from assets.plan.sample import Literature, read_literature
from assets.stages import STAGES
from assets.stages import until as stages_until
from pipeline.errors import MateriaError
from pipeline.parallel import cpu_count

__all__ = ["UNTIL", "Engine", "Plan", "StagePlan", "advised_buckets", "make_plan"]

Engine = Literal["local", "ray"]
#: What is planned where nothing else is asked: the graph and the corpora.
UNTIL: Final = ("graph_index", "corpus")
#: Stages that train: their time is that of their configuration (steps, trials), not of the literature.
_TRAIN: Final = frozenset({"kg_embeddings", "pretrained_model", "evaluation", "finetuned_models", "ablation"})
#: Processor seconds that a worker process needs before it reads its first text: imports and the index of names.
_WORKER_S: Final = 1.5
#: Of Ray: seconds to join and to start the workers' processes, and for a task; how many tasks a stage has for each worker.
_RAY_S, _TASK_S, _TASKS = 4.0, 0.05, 3
#: Seconds by which the task of a large partition ends later because it begins alone: other nodes read along when they have loaded as much.
_ALONG_S = 2.5
#: A document's share of a bucket, and the buckets there are at least and at most.
_BUCKET_DOCUMENTS, _LEAST, _MOST = 2_000, 64, 4096
#: Workers that are tried for --within.
_MOST_WORKERS: Final = 1024


@dataclass(frozen=True)
class StagePlan:
    """Of one stage: processor seconds in all, seconds with the workers, MiB at most on a machine."""

    cpu: float
    seconds: float
    mib: int


@dataclass(frozen=True)
class Plan:
    """What a build will take.

    Attributes:
        documents: as expected, with `documents_low` and `documents_high`.
        engine, workers: that it is planned for; each worker has one core.
        stages: by name, in order.
        factor: times and sizes are right within this factor, as far as the sample is like the rest.
        home_bytes: of the home on the disk.
        slowdown: seconds of a second of processor time while the sample was built; above 1, others use the machine too.
        needed: workers for the time that was asked for; None where nothing was asked, 0 where no number suffices.
        rests_on: sentences on what was measured.
    """

    documents: int
    documents_low: int
    documents_high: int
    files: int
    literature_bytes: int
    engine: Engine
    workers: int
    buckets: int
    stages: Mapping[str, StagePlan]
    factor: float
    home_bytes: int
    slowdown: float
    rests_on: tuple[str, ...]
    needed: int | None = None

    @property
    def seconds(self) -> float:
        """Of the whole build, on machines that do nothing else."""
        return sum(one.seconds for one in self.stages.values()) + (_RAY_S if self.engine == "ray" else 0.0)

    @property
    def cpu(self) -> float:
        """Processor seconds of all stages."""
        return sum(one.cpu for one in self.stages.values())

    @property
    def mib(self) -> int:
        """Most memory of a stage."""
        return max(one.mib for one in self.stages.values())

    @property
    def longest(self) -> str:
        """The stage that takes most of the time."""
        return max(self.stages, key=lambda name: self.stages[name].seconds)


def make_plan(
    literature: Sequence[str],
    vocabulary: Sequence[str],
    config: Config | None = None,
    *,
    home: Home | None = None,
    until: str | Sequence[str] | None = None,
    engine: Engine | None = None,
    workers: int | None = None,
    within_s: float | None = None,
    progress: Callable[[str], None] = lambda _: None,
    on_stage: Callable[[str], None] = lambda _: None,
) -> Plan:
    """Read sizes, build samples, and say what the whole will take.

    Args:
        config: of the build; where it is not given, as many buckets as advised.
        home: a home that may have been built, whose history is asked first.
        until: the last assets wanted, none of which trains; graph and corpora where not given.
        engine, workers: to plan for; those of the configuration, and this machine's cores, where not given.
        within_s: says how many workers a build within this time needs.
        progress, on_stage: told what is being read, and each stage of a sample that is done.

    Raises:
        MateriaError: as of `materia build`; a stage that trains; fewer workers than one.
    """
    wanted = [stage.name for stage in stages_until(until or UNTIL)]
    if trained := [name for name in wanted if name in _TRAIN]:
        raise MateriaError(
            f"{trained[0]} trains for as long as its configuration says, which no sample tells",
            remedy=f"Plan until {' '.join(UNTIL)}",
        )
    if workers is not None and workers < 1:
        raise MateriaError(f"{workers} workers cannot build", remedy="Give 1 or more")
    given = config or Config()
    with tempfile.TemporaryDirectory(prefix="materia-plan-") as folder:
        # The checks of a build: nothing is kept of this home.
        files = Home(UPath(Path(folder) / "home")).configure(literature, vocabulary, given).literature_files()
    found = read_literature(files, progress)
    known = measured_home(home, wanted) if home is not None else None
    measured = [known] if known else list(measured_sample(found, vocabulary, given, list(until or UNTIL), on_stage))
    if config is None:
        given = given.model_copy(update={"buckets": advised_buckets(found.documents)})
    plan = _plan(found, measured, wanted, given, engine or given.engine.name, known=bool(known))
    workers = workers or given.workers or cpu_count()
    planned = _with_workers(plan, workers)
    if within_s is None:
        return planned
    # Over this machine's cores a local build gains nothing.
    tried = range(1, (_MOST_WORKERS if plan.engine == "ray" else cpu_count()) + 1)
    return replace(planned, needed=next((n for n in tried if _with_workers(plan, n).seconds <= within_s), 0))


def advised_buckets(documents: int) -> int:
    """So many that a bucket holds some thousand documents: a power of two."""
    wanted = 1 << math.ceil(math.log2(max(1.0, documents / _BUCKET_DOCUMENTS)))
    return min(_MOST, max(_LEAST, wanted))


def _plan(
    found: Literature,
    measured: Sequence[Measured],
    wanted: Sequence[str],
    config: Config,
    engine: Engine,
    *,
    known: bool,
) -> Plan:
    """The plan for one worker.

    Args:
        known: whether it was the home that was measured, not samples.
    """
    large, buckets = measured[-1], config.buckets
    stages = {}
    for name in wanted:
        if name in large.stages:
            reading = 0.0 if known else found.reading
            cpu = processor_seconds(name, found.documents, buckets, measured, reading)
            stages[name] = StagePlan(cpu, cpu, round(memory_of(name, found.documents, measured)))
    spent = sum(cost.cpu for cost in large.stages.values())
    waited = sum(cost.seconds for cost in large.stages.values())
    farther = max(1.0, found.documents / large.documents)
    if known:
        rests_on = f"the build of this home: {large.documents:,} documents"
    else:
        rests_on = f"builds of {' and '.join(f'{one.documents:,}' for one in measured)} documents on this machine"
    read = f"{found.read:,} documents read of {found.files:,} files"
    return Plan(
        documents=found.documents,
        documents_low=found.low,
        documents_high=found.high,
        files=found.files,
        literature_bytes=found.stored,
        engine=engine,
        workers=1,
        buckets=buckets,
        stages=stages,
        factor=round((1.1 if known else 1.25) * farther**0.05, 2),
        home_bytes=round(disk_of(found.documents, buckets, measured, config.cache_mib << 20)),
        slowdown=1.0 if known else max(1.0, waited / max(spent, 0.01)),
        rests_on=(read, rests_on),
    )


def _with_workers(plan: Plan, workers: int) -> Plan:
    """The plan for so many workers of one core: what the engine shares out takes its part of the time."""
    ray = plan.engine == "ray"
    cores = workers if ray else min(workers, cpu_count())
    parts = {"none": 1, "batch": plan.files, "bucket": plan.buckets}
    stages = {}
    for name, one in plan.stages.items():
        cpu, mib, shares, along = one.cpu, one.mib, 1, 0.0
        if name in SPREAD:
            shares = cores
            if workers > 1 and cpu > _WORKER_S:  # what is little is read without workers
                cpu += _WORKER_S * workers
                mib += 0 if ray else WORKER_MIB * workers  # those of a cluster are processes of other nodes
                along = _ALONG_S if ray else 0.0
        elif ray and name not in HERE:
            shares = min(cores, parts[_PARTITIONS[name]])
        seconds = cpu / shares + along
        if ray and name not in HERE:
            seconds += _TASK_S * (1 if _PARTITIONS[name] == "none" else _TASKS)
        stages[name] = StagePlan(cpu, seconds, mib)
    return replace(plan, workers=workers, stages=stages)


_PARTITIONS: Final[Mapping[str, str]] = {stage.name: stage.partitions for stage in STAGES}
