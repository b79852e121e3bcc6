"""The folder on this machine that goes with a home: the home itself, or for one in an object store a folder of working copies.

What only a local process can use stands there (databases, mapped arrays, an index that answers SPARQL), and copies of the files that this
machine read or wrote. Nothing there is needed by anybody else; it may be removed between builds. Copies that were used longest ago go when
a build has ended and there are more than `MATERIA_CACHE_GIB`; never during one, nor what was used within an hour, since somebody
may have been told its path.
"""

from __future__ import annotations

import hashlib
import os
import time
from contextlib import suppress
from pathlib import Path

from upath import UPath

from pipeline.errors import MateriaError
from pipeline.files import is_local

__all__ = ["CACHE", "LIMIT", "copies_limit", "machine_folder", "sweep_copies", "working_folder"]

#: Names the folder for working copies of all homes; `~/.cache/materia` where it is not set.
CACHE = "MATERIA_CACHE"
#: GiB of copies that are kept of a home; 50 where it is not set.
LIMIT = "MATERIA_CACHE_GIB"
_DEFAULT_GIB = 50.0
_IN_USE_S = 3600.0
#: What stands in the folder and is no copy.
_OWN = frozenset(("cache", "dagster", "history", "models"))
_OWN_OF_INDEX = ("store", "server-")


def working_folder(home: UPath | Path | str) -> Path:
    """The local folder of a home, which need not exist. For a home in an object store it is named by the hash of its URL."""
    url = UPath(home)
    return Path(url.path) if is_local(url) else machine_folder(url)


def machine_folder(home: UPath | Path | str) -> Path:
    """A folder of this machine for a home, wherever that is: below MATERIA_CACHE, named by the hash of the home's URL."""
    root = Path(os.environ.get(CACHE) or Path.home() / ".cache" / "materia")
    return root / hashlib.sha256(str(UPath(home)).rstrip("/").encode()).hexdigest()[:16]


def copies_limit() -> float:
    """GiB of copies that are kept of a home.

    Raises:
        MateriaError: what the variable holds is no number of GiB.
    """
    given = os.environ.get(LIMIT) or str(_DEFAULT_GIB)
    with suppress(ValueError):
        if (limit := float(given)) >= 0:
            return limit
    raise MateriaError(f"is {given!r}, which is no number of GiB", file=LIMIT, remedy="Set it to a number, such as 50")


def sweep_copies(home: UPath | Path | str, limit_gib: float | None = None) -> int:
    """Remove the copies of a home in an object store that were used longest ago, down to a limit; how many bytes that freed.

    The caller holds the home, or knows that nobody builds there on this machine.
    """
    if is_local(UPath(home)):
        return 0
    limit = 2**30 * (copies_limit() if limit_gib is None else limit_gib)
    found = []
    for path in _copies(working_folder(home)):
        with suppress(FileNotFoundError):
            stat = path.stat()
            found.append((stat.st_mtime, stat.st_size, path))
    held, freed, settled = sum(size for _, size, _ in found), 0, time.time() - _IN_USE_S
    for used, size, path in sorted(found):
        if held - freed <= limit or used > settled:
            break
        path.unlink(missing_ok=True)
        freed += size
    return freed


def _copies(folder: Path) -> list[Path]:
    """The files that are copies of something in the store."""
    assets = [path for path in folder.iterdir() if path.is_dir() and path.name not in _OWN] if folder.is_dir() else []
    inside = [path for asset in assets for path in asset.iterdir() if not path.name.startswith(_OWN_OF_INDEX)]
    return [path for top in inside for path in (top.rglob("*") if top.is_dir() else [top]) if path.is_file()]
