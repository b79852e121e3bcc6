"""What runs on the nodes of a Ray cluster: a group of partitions in a task (chunks of a large partition: `ray_chunks`).

A worker process opens the home by its URL and refreshes the partitions of its group, as a local build would. What is costly to load (the
index of names, models) is held by the functions that use it, once a process and not once a task. A task that is begun again after
its node died finds the partitions that were complete, and makes the others.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path

from assets.engines.ray_chunks import Chunks, on_this_node
from assets.home import Home, open_home
from assets.lock import NOTE
from assets.stage import Refreshed, Stage, refresh
from assets.stages import STAGES
from assets.usage import PeakMemory, processor_seconds
from pipeline.duck import databases_kept
from pipeline.errors import MateriaError, UnreachableError, saying_disk_full
from pipeline.files import is_local
from pipeline.lean_arrow import keep_pandas_out
from pipeline.parallel import given
from pipeline.working_copy import guarded
from pipeline.working_folder import machine_folder

__all__ = ["Asked", "Done", "compute", "seen_from"]


@dataclass(frozen=True)
class Asked:
    """A task: which partitions of which stage, and what the worker must agree with.

    Attributes:
        rules: `Stage.rules` as the driver has them: versions of code and tables, and settings.
        mark: what marks the home of the driver (`seen_from`).
        term: of the driver's lease of a home in an object store; a worker writes as long as that is in force.
        workers: processes that may read a partition together: tasks of their own, or where this one has several cores, on these.
        cores: of this task.
    """

    home: str
    stage: str
    keys: list[str]
    rules: str
    mark: str | None
    term: str | None
    host: str
    version: str
    workers: int
    cores: int


@dataclass
class Done:
    """What became of a task.

    Attributes:
        results: its partitions, as far as it came.
        error: the problem that ended it.
        peak_mib: the most that its process held.
        processor_seconds: of its process, and of the tasks that read chunks for it.
    """

    results: list[Refreshed] = field(default_factory=list)
    error: MateriaError | None = None
    peak_mib: int = 0
    processor_seconds: float = 0.0


def seen_from(home: Home) -> str | None:
    """What tells the home from another folder of the same name: the note of who builds. None where it needs no such sign."""
    note = Path(home.url.path) / NOTE
    return note.read_text(encoding="utf-8") if is_local(home.url) and note.exists() else None


def compute(asked: Asked) -> Done:
    """Bring the partitions of a task up to date. Problems that a user can act on are returned, not raised: so they arrive as they are."""
    keep_pandas_out()
    done = Done()
    memory = PeakMemory()
    memory.start()
    before, elsewhere = processor_seconds(), list[float]()
    try:
        with _sized(asked, elsewhere), _fenced(asked), databases_kept(), saying_disk_full(asked.home):
            home, stage = _opened(asked)
            shared = is_local(home.url) and socket.gethostname() != asked.host
            # SQLite's log of writes needs a disk of the machine: on a shared folder each machine keeps its own.
            cache = machine_folder(home.url) / "cache" if shared else None
            done.results += refresh(stage, home, asked.keys, workers=asked.workers, cache=cache, part=True)
    except MateriaError as error:
        done.error = _seen_here(asked, error)
    except ImportError as error:
        done.error = MateriaError(
            f"a worker of the cluster on {socket.gethostname()} lacks a package ({error})",
            remedy="Install the same Materia with the same extras on every node, for example: pip install 'materia[ray,s3]'",
        )
    finally:
        done.peak_mib = memory.stop() >> 20
        done.processor_seconds = processor_seconds() - before + sum(elsewhere)
    return done


def _opened(asked: Asked) -> tuple[Home, Stage]:
    """Home and stage of a task.

    Raises:
        MateriaError: this worker has another version, does not see the home, or would compute something else.
    """
    where = socket.gethostname()
    if version("materia") != asked.version:
        raise MateriaError(
            f"a worker of the cluster on {where} has Materia {version('materia')}, and this build {asked.version}",
            remedy="Install the same version on every node",
        )
    home = open_home(asked.home)
    if asked.mark is not None and seen_from(home) != asked.mark:
        raise MateriaError(
            f"the home is not to be seen on {where}, a node of the cluster",
            file=asked.home,
            remedy="Put it into a folder that all nodes share under this path, or into an object store",
        )
    stage = next(stage for stage in STAGES if stage.name == asked.stage)
    if stage.rules(home) != asked.rules:
        raise MateriaError(
            f"a worker of the cluster on {where} would make {asked.stage} by other rules than this build",
            remedy="Install the same versions on every node, with the same models under the same paths",
        )
    return home, stage


def _seen_here(asked: Asked, error: MateriaError) -> MateriaError:
    """A problem of a worker. Where it is the node's (what it cannot reach, or a file of this build that it has not) the node is named."""
    absent = error.file is not None and error.file.startswith("/") and not Path(error.file).exists()
    if isinstance(error, UnreachableError) or (absent and socket.gethostname() != asked.host):
        return on_this_node(error)
    return error


@contextmanager
def _sized(asked: Asked, elsewhere: list[float]) -> Iterator[None]:
    """Threads of this process as many as the task has cores. Of one core, it shares chunks with others, which add their seconds."""
    import pyarrow as pa

    pa.set_cpu_count(asked.cores)
    os.environ["OMP_NUM_THREADS"] = str(asked.cores)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(asked.cores)
    with given(asked.cores, partial(Chunks, asked.home, elsewhere) if asked.cores == 1 else None):
        yield


def _fenced(asked: Asked) -> AbstractContextManager[None]:
    """Manifests are put in force here only as long as the driver has the home."""
    if asked.term is None:
        return nullcontext()
    from assets.lease import Fence

    return guarded(asked.home, Fence(asked.home, asked.term).check)
