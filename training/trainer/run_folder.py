"""The folder of a run: held by one training at a time, and never overwritten while there is something to go on from."""

from __future__ import annotations

import fcntl
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pipeline.errors import MateriaError
from training.trainer.checkpoint import last_checkpoint

__all__ = ["remove_checkpoints", "run_folder"]

_LOCK: Final = ".lock"
#: The loader's workers of a training that was killed notice it after a second, and hold the folder until then.
_WAIT_S: Final = 15.0


@contextmanager
def run_folder(run: Path, *, resume: bool) -> Iterator[None]:
    """Hold the folder of a run, made where it is missing. Where nothing is to be gone on from it is emptied.

    Raises:
        MateriaError: another process trains there, it cannot be written to, or `resume` is false and it holds checkpoints or is
            no folder of a run.
    """
    try:
        run.mkdir(parents=True, exist_ok=True)
        if not resume and any(run.iterdir()) and not (run / _LOCK).exists():
            raise MateriaError("is there already, and is no run of Materia", file=str(run), remedy="Name another --out")
        held = (run / _LOCK).open("w")
    except OSError as error:
        problem = f"cannot be written to ({error.strerror})"
        raise MateriaError(problem, file=str(run), remedy="Name another --out") from error
    with held as lock:
        deadline = time.monotonic() + _WAIT_S
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    raise MateriaError(
                        "another process is training there", file=str(run), remedy="Wait for it, or name another --out"
                    ) from error
                time.sleep(0.2)
        checkpoint = last_checkpoint(run)
        if checkpoint is not None and not resume:
            raise MateriaError(
                f"holds a run that stopped at step {int(checkpoint.name.rpartition('-')[2])}",
                file=str(run),
                remedy="Go on with --resume, or name another --out, or delete this folder",
            )
        if not resume:
            _remove(*(path for path in run.iterdir() if path.name != _LOCK))
        yield


def remove_checkpoints(run: Path) -> None:
    """Remove what nothing goes on from any more: the model is written."""
    _remove(*run.glob("step-*"), run / "tokenizer", run / "best.safetensors")


def _remove(*paths: Path) -> None:
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
