"""Several processes on this machine, by torchrun's own launcher: the same command in each, with its rank in the environment.

`torchrun -m cli.main pretrain ...` and `accelerate launch -m cli.main pretrain ...` do the same; on several machines use
these. Here the launcher runs inside the command, so that a problem in any process is one sentence and not the launcher's
report of it: only the first process writes to the terminal, what the others say is kept aside until one of them fails.
"""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pipeline.errors import MateriaError

__all__ = ["LAUNCHED", "in_processes", "is_launched", "rank"]

#: In the environment of a process that was launched here: the process that did.
LAUNCHED: Final = "MATERIA_LAUNCHED_BY"
#: Seconds that processes have to write a checkpoint once they are told to stop.
_TO_SAVE_S: Final = 300


def is_launched() -> bool:
    """Whether this is one of several processes, launched by anyone."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def rank() -> int:
    """Number of this process among them; 0 where it is alone."""
    return int(os.environ.get("RANK", "0"))


def in_processes(arguments: Sequence[str], processes: int) -> int:
    """Run `python ARGUMENTS` in several processes until all end.

    Returns:
        0; 1 where the first process failed and said why; 128 + the number of the signal that stopped them.

    Raises:
        MateriaError: one of them failed; with the sentence that it said, where it said one.
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
            rdzv_backend="c10d",
            rdzv_endpoint="localhost:0",
            local_addr="localhost",
            max_restarts=0,
            run_id="materia",
            shutdown_timeout=_TO_SAVE_S,
            logs_specs=DefaultLogsSpecs(log_dir=logs, redirects=aside),
        )
        os.environ[LAUNCHED] = str(os.getpid())
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        try:
            elastic_launch(config, sys.executable)(*arguments)
        except SignalException as stopped:
            return 128 + int(stopped.sigval)
        except ChildFailedError as error:
            number, failure = error.get_first_failure()
            said = _said(Path(logs))
            if said is None and number == 0 and failure.exitcode == 1:
                return 1  # the first process has said its sentence itself
            problem, _, remedy = (said or "").rpartition(". ")
            raise MateriaError(
                problem or f"process {number} of {processes} ended with status {failure.exitcode}",
                remedy=remedy or "See what it wrote; with --resume the run goes on from its last checkpoint",
            ) from error
        finally:
            del os.environ[LAUNCHED]
    return 0


def _said(logs: Path) -> str | None:
    """The first sentence that a process other than the first said of its problem."""
    for path in sorted(logs.rglob("stderr.log")):
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("materia: "):
                return line.removeprefix("materia: ").rstrip(".")
    return None
