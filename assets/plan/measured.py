"""What stages cost: measured by building samples on this machine, or found in the history of a home that was built.

Two samples are built, so that what a stage costs at any rate and what it costs for each document are told apart. The larger one takes
vocabulary and index of names from the smaller one's home, as they are the same. Processor time is what counts: it hardly depends on what
else the machine does. Costs 40 s of processor time with the four vocabularies of the real build.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from upath import UPath

from assets.build import build
from assets.config import Config
from assets.engines.config import EngineConfig
from assets.home import Home
from assets.plan.sample import Literature, write_sample
from assets.usage import history
from pipeline.files import is_local

__all__ = ["Cost", "Measured", "measured_home", "measured_sample", "sizes_of"]

#: Documents of the larger sample at most, and characters: fewer full texts than abstracts. The smaller one is a quarter of it.
_DOCUMENTS, _CHARACTERS, _PART = 1200, 4_000_000, 4
#: Buckets of their homes: few, since each costs the same whatever it holds.
_BUCKETS = 4
#: Stages that do not depend on the literature: built once.
_SHARED = ("vocabulary", "name_index")


@dataclass(frozen=True)
class Cost:
    """Of a stage in one build: processor seconds, seconds, MiB at most."""

    cpu: float
    seconds: float
    mib: int


@dataclass
class Measured:
    """A build that was measured.

    Attributes:
        documents, buckets: of its home.
        stages: costs by stage, in the order of the build.
        disk: bytes of each asset's folder; `cache` for the cache.
    """

    documents: int
    buckets: int
    stages: dict[str, Cost]
    disk: dict[str, int]


def sizes_of(found: Literature) -> tuple[int, ...]:
    """How many documents each sample has: two samples, or one of all documents where there are few."""
    large = max(_PART, min(_DOCUMENTS, round(_CHARACTERS * found.read / max(1, found.characters))))
    return (large // _PART, large) if found.documents > large // 2 else (found.documents,)


def measured_sample(
    found: Literature, vocabulary: Sequence[str], config: Config, until: Sequence[str], told: Callable[[str], None]
) -> Iterator[Measured]:
    """Build two samples, the smaller one first; one where there are hardly more documents. Nothing of them is left.

    Args:
        config: settings of the build; the engine, buckets and workers are left out of account.
        told: told of every stage that is done.

    Raises:
        MateriaError: as of `materia build`.
    """
    import tempfile

    quiet = config.model_copy(update={"engine": EngineConfig(), "buckets": _BUCKETS, "workers": 1})
    sizes = sizes_of(found)
    with tempfile.TemporaryDirectory(prefix="materia-plan-") as folder, _unheard():
        before: dict[str, Cost] = {}
        homes = [Path(folder) / f"home-{size}" for size in sizes]
        files = [Path(folder) / f"sample-{size}.jsonl" for size in sizes]
        numbers = [write_sample(found, *pair) for pair in zip(sizes, files, strict=True)]
        found.kinds.clear()  # would count as memory of the stages
        for number, file, place in zip(numbers, files, homes, strict=True):
            for asset in _SHARED if before else ():
                shutil.copytree(homes[0] / asset, place / asset)
            home = Home(UPath(place)).configure([str(file)], vocabulary, quiet)
            build(home, until, on_stage=lambda name, *_: told(name))
            costs = _costs(home)
            before = before or costs
            stages = {name: costs.get(name, before[name]) for name in before}
            yield Measured(number, _BUCKETS, stages, _disk(place))


def measured_home(home: Home, until: Sequence[str]) -> Measured | None:
    """What the clean build of a local home cost; None where its history does not tell it of all these stages."""
    costs = _costs(home)
    if not is_local(home.url) or any(name not in costs for name in until):
        return None
    documents = sum(manifest.rows for manifest in home.dataset("documents").manifests().values())
    return Measured(documents, home.config.buckets, costs, _disk(home.path))


def _costs(home: Home) -> dict[str, Cost]:
    """By stage the costs of the run with most partitions, the first of those: that of a clean build."""
    best: dict[str, int] = {}
    costs: dict[str, Cost] = {}
    for line in history(home):
        name, partitions = line["stage"], int(line.get("partitions", 0))
        if line.get("engine") is None and partitions > best.get(name, 0):
            best[name] = partitions
            cpu = float(line.get("processor_seconds", line["seconds"]))
            costs[name] = Cost(cpu, float(line["seconds"]), int(line["peak_mib"]))
    return costs


def _disk(folder: Path) -> dict[str, int]:
    """Bytes on the disk of each folder in a home."""
    return {
        inner.name: sum(path.stat().st_blocks * 512 for path in inner.rglob("*") if path.is_file())
        for inner in sorted(folder.iterdir())
        if inner.is_dir()
    }


@contextmanager
def _unheard() -> Iterator[None]:
    """No catalogue of lineage is told of what is built meanwhile."""
    name = "OPENLINEAGE_DISABLED"
    before = os.environ.get(name)
    os.environ[name] = "true"
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
