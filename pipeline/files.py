"""Files as wholes: their hash, and a small one replaced in one step."""

from __future__ import annotations

import hashlib
import secrets
from pathlib import Path

from upath import UPath

__all__ = ["file_sha256", "is_local", "write_atomically"]

#: Tells what this process writes from what another does: two may replace one file at a time.
_PROCESS = secrets.token_hex(4)


def is_local(path: UPath) -> bool:
    """Whether a path is on a disk, where there are renames and folders, and not in an object store."""
    return path.protocol in ("", "file", "local")


def file_sha256(path: UPath | Path) -> str:
    """SHA-256 (hex) of a file's bytes, read in pieces of one megabyte."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while piece := stream.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def write_atomically(path: UPath | Path | str, text: str) -> None:
    """Replace a small text file in one step: a reader sees the old text or the new."""
    place = str(path)
    if "://" in place:
        target = UPath(path)
        if not is_local(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
            return
        place = target.path
    staged = Path(f"{place}.{_PROCESS}.staged")
    try:
        staged.write_bytes(text.encode())
    except FileNotFoundError:
        staged.parent.mkdir(parents=True, exist_ok=True)
        staged.write_bytes(text.encode())
    staged.replace(place)
