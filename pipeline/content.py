"""The hash of what a folder holds: what a trained model that a configuration names enters skip keys with."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from pipeline.errors import MateriaError
from pipeline.hashing import hash_json
from pipeline.storage import file_sha256

__all__ = ["folder_hash"]


def folder_hash(folder: Path) -> str:
    """SHA-256 (hex) over the names and contents of a folder's files. A file is read again only where its size or time changed.

    Raises:
        MateriaError: there is no such folder, or it is empty.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []
    if not files:
        raise MateriaError(
            "is no folder, or an empty one", file=str(folder), remedy="Give the folder of a trained model"
        )
    return hash_json({path.relative_to(folder).as_posix(): _hash(path) for path in files})


def _hash(path: Path) -> str:
    about = path.stat()
    return _hash_of(path, about.st_size, about.st_mtime_ns)


@lru_cache(4096)
def _hash_of(path: Path, size: int, time: int) -> str:
    return file_sha256(path)
