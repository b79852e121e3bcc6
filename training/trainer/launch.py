"""Several processes on this machine, by torchrun's own launcher: the same command in each, with its rank in the environment.

`torchrun -m cli.main pretrain ...` and `accelerate launch -m cli.main pretrain ...` do the same; on several machines use
these. Here the launcher runs inside the command, so that a problem in any process is one sentence and not the launcher's
report of it: only the first process writes to the terminal, and a process that fails leaves its sentence to the launcher.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pipeline.errors import MateriaError

__all__ = ["in_processes", "is_launched", "is_orphaned", "leaving_problems", "rank"]

#: In the environment of processes that were launched here: who did, and where they leave their sentences.
_LAUNCHER: Final = "MATERIA_LAUNCHER"
_PROBLEMS: Final = "MATERIA_PROBLEMS"
#: Seconds that processes have to write a checkpoint once they are told to stop.
_TO_SAVE_S: Final = 300


def is_launched() -> bool:
    """Whether this is one of several processes, launched by anyone."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def is_orphaned() -> bool:
    """Whether the launcher of this process is gone. It must not train on beside a run that was begun again."""
    launcher = os.environ.get(_LAUNCHER)
    return launcher is not None and int(launcher) != os.getppid()


def rank() -> int:
    """Number of this process among them; 0 where it is alone."""
    return int(os.environ.get("RANK", "0"))


@contextmanager
def leaving_problems() -> Iterator[None]:
    """End a process that was launched here with status 1 where it has a problem, which the launcher will say."""
    try:
        yield
    except MateriaError as error:
        if _PROBLEMS not in os.environ:
            raise
        said = {"problem": error.problem, "remedy": error.remedy, "file": error.file, "record": error.record}
        (Path(os.environ[_PROBLEMS]) / f"problem-{rank():04}.json").write_text(json.dumps(said), encoding="utf-8")
        raise SystemExit(1) from error


def in_processes(arguments: Sequence[str], processes: int) -> int:
    """Run `python ARGUMENTS` in several processes until all end.

    Returns:
        0, or 128 + the number of the signal that stopped them.

    Raises:
        MateriaError: one of them failed; with what it said, where it said anything.
    """
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, Std
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    # Each module there sets a level of its own when it is imported.
    for module in ("agent.server.api", "multiprocessing.api"):
        logging.getLogger(f"torch.distributed.elastic.{module}").setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory(prefix="materia.") as logs:
        aside = dict.fromkeys(range(1, processes), Std.ALL)
        config = LaunchConfig(
            min_nodes=1,
            max_nodes=1,
            nproc_per_node=processes,
            run_id="materia",
            rdzv_backend="c10d",
            rdzv_endpoint="localhost:0",
            local_addr="localhost",
            max_restarts=0,
            shutdown_timeout=_TO_SAVE_S,
            logs_specs=DefaultLogsSpecs(log_dir=logs, redirects=aside),
        )
        given = {_LAUNCHER: str(os.getpid()), _PROBLEMS: logs}
        os.environ.update(given)
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        # Else torch warns of parameters that every step happens to use.
        os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
        try:
            elastic_launch(config, sys.executable)(*arguments)
        except SignalException as stopped:
            return 128 + int(stopped.sigval)
        except ChildFailedError as error:
            number, failure = error.get_first_failure()
            raise _problem(Path(logs), f"process {number} of {processes}", failure.exitcode) from error
        finally:
            for name in given:
                del os.environ[name]
    return 0


def _problem(logs: Path, process: str, status: int) -> MateriaError:
    """What the first process that said anything said; else its last line."""
    for path in sorted(logs.glob("problem-*.json")):
        return MateriaError(**json.loads(path.read_text(encoding="utf-8")))
    lines = [
        line
        for path in sorted(logs.rglob("stderr.log"))
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines()
        if line.strip()
    ]
    return MateriaError(
        f"{process} ended with status {status}" + (f" ({lines[-1].strip()})" if lines else ""),
        remedy="Run again with --resume, which goes on from the last checkpoint; with one process it says more",
    )
