"""Staging folders: where files stand until they are put in place, and the sign that somebody writes, or was killed.

`ASSET/_staging/<process>`: one folder an asset and process, made by the first who writes and removed by the last, so that whoever writes
many partitions can hold it for all of them: making and removing a folder costs as much as moving ten files. It is there before the
first file is put in place and until the last one that is left has been removed, so where there is no `_staging`, no crash left
anything (`pipeline.leftovers`). Of an asset in an object store an object is the sign (`WorkingCopy.writing`).
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path

__all__ = ["STAGING", "staging_folder"]

#: The folder of an asset that holds what is being written.
STAGING = "_staging"

#: How many in this process write to an asset, by its folder; and where each process stages.
_WRITERS: Counter[str] = Counter()
_FOLDERS: dict[str, tuple[Path, ExitStack]] = {}


@contextmanager
def staging_folder(
    asset: Path | str, writing: Callable[[], AbstractContextManager[None]] = nullcontext
) -> Iterator[Path]:
    """The local folder in which files of an asset are staged. It is removed when nobody in this process uses it any more.

    Args:
        asset: the asset's folder on this machine.
        writing: entered by the first who writes, and left by the last, with the error that ends it if there is one.
    """
    place = str(asset)
    if not _WRITERS[place]:
        stack = ExitStack()
        stack.enter_context(writing())
        _FOLDERS[place] = _make(Path(place) / STAGING), stack
    folder = _FOLDERS[place][0]
    _WRITERS[place] += 1
    with ExitStack() as last:
        try:
            yield folder
        finally:
            _WRITERS[place] -= 1
            if not _WRITERS[place]:
                del _WRITERS[place]
                last.push(_FOLDERS.pop(place)[1])
                last.callback(_remove, folder)


def _make(staging: Path) -> Path:
    while True:
        staging.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):  # another process was the last to leave, at this moment
            return Path(tempfile.mkdtemp(dir=staging, prefix=""))


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):  # another process writes there, or was killed
        folder.parent.rmdir()
