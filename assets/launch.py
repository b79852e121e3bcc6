"""A command of Materia in a process of its own, which may start others: plainly in a build, through Pipes in a run of Dagster.

Training in several processes cannot run inside the process of a build. Pipes carries what the command reports into the events
of the run, and stops it when the run is stopped; without Dagster its lines go to the progress bar.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pipeline.errors import MateriaError, StoppedError

if TYPE_CHECKING:
    import dagster as dg

__all__ = ["Launch", "plainly", "through_pipes"]

#: Runs `materia WORDS` to its end; raises MateriaError where it fails.
Launch = Callable[[Sequence[str]], None]
#: What a shell makes of a program that SIGTERM ended.
_STOPPED = 128 + signal.SIGTERM


def plainly(progress: Callable[[str], None]) -> Launch:
    """A launch that tells `progress` each line that the command writes beside its output."""

    def launch(words: Sequence[str]) -> None:
        said = ""
        with (
            subprocess.Popen(  # noqa: S603  (this interpreter, and no shell)
                [sys.executable, "-m", "cli.main", *words],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                errors="replace",
            ) as process,
            _told_on(process),
        ):
            for line in process.stderr or ():
                said = line.strip() or said
                if not said.startswith("materia: "):
                    progress(said)
        if process.returncode:
            problem, _, remedy = said.removeprefix("materia: ").rstrip(".").rpartition(". ")
            kind = StoppedError if process.returncode == _STOPPED else MateriaError
            raise kind(
                problem or f"training ended with status {process.returncode}",
                remedy=remedy or "Build again: training goes on from its last checkpoint",
            )

    return launch


@contextmanager
def _told_on(process: subprocess.Popen[str]) -> Iterator[None]:
    """Pass on what tells this process to stop: the other saves, and then ends."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def tell(*_: Any) -> None:
        process.send_signal(signal.SIGTERM)

    for number in before:
        signal.signal(number, tell)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def through_pipes(context: dg.AssetExecutionContext) -> Launch:
    """A launch inside of a run of Dagster."""

    def launch(words: Sequence[str]) -> None:
        from dagster import PipesSubprocessClient

        try:
            PipesSubprocessClient().run(context=context, command=[sys.executable, "-m", "cli.main", *words])
        except Exception as error:
            if type(error).__name__ != "DagsterPipesExecutionError":  # which Dagster does not export
                raise
            raise MateriaError(
                f"training ended ({str(error).splitlines()[0]})",
                remedy="See what it wrote in the run's stderr; the next run goes on from the last checkpoint",
            ) from error

    return launch
