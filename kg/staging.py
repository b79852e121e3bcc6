"""A place beside the one to write, so that an export is put in force by one rename or leaves nothing."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import MateriaError

__all__ = ["staging"]


@contextmanager
def staging(out: Path) -> Iterator[Path]:
    """A path beside the one to write, on the same disk, that goes away if it was not moved there. Its name ends as the other does.

    Raises:
        MateriaError: the folder above cannot be written to, or what is written inside the block has no room.
    """
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{out.name}.staged.", dir=out.parent))
    except OSError as error:
        problem = f"cannot be written to ({error.strerror})"
        raise MateriaError(problem, file=str(out.parent), remedy="Name another place") from error
    try:
        yield folder / out.name
    except OSError as error:
        problem = f"cannot be written ({error.strerror or error})"
        raise MateriaError(problem, file=str(out), remedy="Make room, or name another place") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
