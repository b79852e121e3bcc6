"""Staging folders: where files stand until they are put in place, and the sign that somebody writes, or was killed.

    HOME/<asset>/_staging/<process>/

One folder a process that writes to an asset, made by the first of its writers and removed by the last, so that whoever writes many
partitions can hold it for all of them: making and removing a folder costs as much as moving ten files. Several processes, on
several machines, may write to an asset at once; each removes what is its own, and the folder above goes with the last. It is
there before the first file is put in place and until the last one that is left has been removed, so where there is none, no
crash left anything (`pipeline.leftovers`).
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from upath import UPath

from pipeline.files import is_local

__all__ = ["STAGING", "staging_folder"]

#: The folder of an asset that holds what is being written.
STAGING = "_staging"

#: Tells this process from all others that may write to a home, on whatever machine: numbers of processes repeat in containers.
_PROCESS = f"{os.getpid()}-{secrets.token_hex(4)}"
#: How many in this process write to an asset, by its URL; and the folders of those that are on no disk.
_WRITERS: Counter[str] = Counter()
_AFAR: dict[str, Path] = {}


@contextmanager
def staging_folder(url: UPath) -> Iterator[Path]:
    """The local folder in which this process stages files of an asset. It is removed when nobody here uses it any more.

    Args:
        url: the asset's folder.
    """
    place = str(url)
    folder = Path(url.path) / STAGING / _PROCESS if is_local(url) else _AFAR.get(place)
    if not _WRITERS[place]:
        if folder is None:
            folder = _AFAR[place] = Path(tempfile.mkdtemp(prefix="materia."))
        else:
            _make(folder)
    assert folder is not None
    _WRITERS[place] += 1
    try:
        yield folder
    finally:
        _WRITERS[place] -= 1
        if not _WRITERS[place]:
            del _WRITERS[place]
            shutil.rmtree(folder, ignore_errors=True)
            if _AFAR.pop(place, None) is None:
                with suppress(OSError):  # another process writes, or one that was killed left something
                    folder.parent.rmdir()


def _make(folder: Path) -> None:
    while True:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except FileNotFoundError:  # another process was done, and removed the folder above between the two steps
            continue
        return
