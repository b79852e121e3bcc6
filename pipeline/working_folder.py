"""The folder on this machine that goes with a home: the home itself, or for one in an object store a folder of working copies.

What only a local process can use stands there (databases, mapped arrays, an index that answers SPARQL), and copies of the files that this
machine read or wrote. Nothing there is needed by anybody else; it may be removed between builds.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from upath import UPath

from pipeline.files import is_local

__all__ = ["CACHE", "machine_folder", "working_folder"]

#: Names the folder for working copies of all homes; `~/.cache/materia` where it is not set.
CACHE = "MATERIA_CACHE"


def working_folder(home: UPath | Path | str) -> Path:
    """The local folder of a home, which need not exist. For a home in an object store it is named by the hash of its URL."""
    url = UPath(home)
    return Path(url.path) if is_local(url) else machine_folder(url)


def machine_folder(home: UPath | Path | str) -> Path:
    """A folder of this machine for a home, wherever that is: below MATERIA_CACHE, named by the hash of the home's URL."""
    root = Path(os.environ.get(CACHE) or Path.home() / ".cache" / "materia")
    return root / hashlib.sha256(str(UPath(home)).rstrip("/").encode()).hexdigest()[:16]
