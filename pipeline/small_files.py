"""Small files of a home as wholes, wherever it is: its record, its histories."""

from __future__ import annotations

from pathlib import Path

from upath import UPath

from pipeline.files import is_local, write_atomically
from pipeline.working_copy import object_store

__all__ = ["read_bytes", "read_text", "write_text"]


def read_bytes(home: UPath, name: str) -> bytes:
    """A file by its path below the home. Raises FileNotFoundError where there is none."""
    return (Path(home.path) / name).read_bytes() if is_local(home) else object_store(str(home)).read(name)


def read_text(home: UPath, name: str) -> str:
    """As `read_bytes`, of UTF-8."""
    return read_bytes(home, name).decode()


def write_text(home: UPath, name: str, text: str) -> None:
    """Replace a file in one step: a reader sees the old text or the new."""
    if is_local(home):
        write_atomically(f"{home.path}/{name}", text)
    else:
        object_store(str(home)).write(name, text.encode())
