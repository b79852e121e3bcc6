"""A command of Materia in a process of its own, which may start others: plainly in a build, through Pipes in a run of Dagster.

Training in several processes cannot run inside the process of a build. Pipes carries what the command reports into the events
of the run, and stops it when the run is stopped; without Dagster its lines go to the progress bar.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pipeline.errors import MateriaError

if TYPE_CHECKING:
    import dagster as dg

__all__ = ["Launch", "plainly", "through_pipes"]

#: Runs `materia WORDS` to its end; raises MateriaError where it fails.
Launch = Callable[[Sequence[str]], None]


def plainly(progress: Callable[[str], None]) -> Launch:
    """A launch that tells `progress` each line that the command writes beside its output."""

    def launch(words: Sequence[str]) -> None:
        with subprocess.Popen(  # noqa: S603  (this interpreter, and no shell)
            [sys.executable, "-m", "cli.main", *words],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
        ) as process:
            said = ""
            try:
                for line in process.stderr or ():
                    said = line.strip() or said
                    if not said.startswith("materia: "):
                        progress(said)
            except BaseException:
                process.terminate()  # it saves, and then ends
                raise
        if process.returncode:
            _fail(said, process.returncode)

    return launch


def through_pipes(context: dg.AssetExecutionContext) -> Launch:
    """A launch inside of a run of Dagster."""

    def launch(words: Sequence[str]) -> None:
        from dagster import PipesSubprocessClient
        from dagster_shared.error import DagsterError

        try:
            PipesSubprocessClient().run(context=context, command=[sys.executable, "-m", "cli.main", *words])
        except DagsterError as error:
            raise MateriaError(
                f"training ended ({str(error).splitlines()[0]})",
                remedy="See what it wrote in the run's stderr; the next run goes on from the last checkpoint",
            ) from error

    return launch


def _fail(said: str, status: int) -> None:
    problem, _, remedy = said.removeprefix("materia: ").rstrip(".").rpartition(". ")
    raise MateriaError(
        problem or f"training ended with status {status}",
        remedy=remedy or "Build again: training goes on from its last checkpoint",
    )
