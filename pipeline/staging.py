"""Staging folders: where files stand until they are put in place, and the sign that somebody writes, or was killed.

One folder an asset, made by the first who writes and removed by the last, so that whoever writes many partitions can hold it for all
of them: making and removing a folder costs as much as moving ten files. It is there before the first file is put in place and until
the last one that is left has been removed, so where there is none, no crash left anything (`pipeline.leftovers`).
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from upath import UPath

from pipeline.files import is_local

__all__ = ["STAGING", "staging_folder"]

#: The folder of an asset that holds what is being written.
STAGING = "_staging"

#: How many in this process write to an asset, by its URL; and the folders of those that are on no disk.
_WRITERS: Counter[str] = Counter()
_AFAR: dict[str, Path] = {}
#: Folders that a killed process left: they stay until somebody has looked for the rest of what it left.
_FOUND: set[str] = set()


@contextmanager
def staging_folder(url: UPath) -> Iterator[Path]:
    """The local folder in which files of an asset are staged. It is removed when nobody uses it any more.

    Args:
        url: the asset's folder.
    """
    place = str(url)
    folder = Path(url.path) / STAGING if is_local(url) else _AFAR.get(place)
    if not _WRITERS[place]:
        if folder is None:
            folder = _AFAR[place] = Path(tempfile.mkdtemp(prefix="materia."))
        elif folder.exists():
            _FOUND.add(place)
        else:
            folder.mkdir(parents=True)
    assert folder is not None
    _WRITERS[place] += 1
    try:
        yield folder
    finally:
        _WRITERS[place] -= 1
        if not _WRITERS[place]:
            del _WRITERS[place]
            _AFAR.pop(place, None)
            if place not in _FOUND:
                shutil.rmtree(folder, ignore_errors=True)
            _FOUND.discard(place)
