"""SHA-256 of input files, remembered in a small file, so that a build with nothing to do reads no literature.

A hash is believed only of a file with the same size, inode, time of change (mtime) and time of any change (ctime, which no
program can set back), and only if the file had rested for two seconds when it was hashed: a file written again within one tick
of its file system's clock looks the same, as Git knows of its index ("racy git",
https://git-scm.com/docs/racy-git). A file in an object store is known by its size and ETag, which a listing tells; one whose store
tells none is hashed each time.

The memory holds clocks and inodes, so it stands outside what a build makes; without it a build reads each file once more and
gives the same. Rejected: believing a modification time alone (`cp -p` and `touch -d` set it back).
"""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from upath import UPath

from pipeline.files import file_sha256, is_local, write_atomically

__all__ = ["FileHashes"]

_SCHEMA = "materia.file_hashes.v1"
_RESTED_NS = 2_000_000_000


class FileHashes:
    """The hashes of files, from memory where that is safe. Use as a context manager, which writes what was learned.

    Args:
        memory: a local JSON file; where it is missing or cannot be read or written every file is hashed.
    """

    def __init__(self, memory: Path) -> None:
        self._memory = memory
        self._known: dict[str, list[object]] = {}
        self._asked: dict[str, list[object]] = {}
        with suppress(OSError, ValueError, KeyError, TypeError):
            stored = json.loads(memory.read_text(encoding="utf-8"))
            self._known = dict(stored["files"]) if stored["schema"] == _SCHEMA else {}

    def __enter__(self) -> FileHashes:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remember the files that were asked for, and forget the others."""
        if kind is None and self._asked != self._known:
            with suppress(OSError):
                write_atomically(UPath(self._memory), json.dumps({"schema": _SCHEMA, "files": self._asked}))

    def sha256(self, path: UPath | Path) -> str:
        """SHA-256 (hex) of a file's bytes."""
        if isinstance(path, UPath) and not is_local(path):
            return self._of_object(path)
        name = os.path.realpath(path.path if isinstance(path, UPath) else path)
        stamp = _stamp(name)
        known = self._known.get(name)
        if known is not None and known[:-1] == stamp:
            self._asked[name] = known
            return str(known[-1])
        started = time.time_ns()
        sha256 = file_sha256(Path(name))
        # What was written while it was read, or just before, may have changed since without a trace.
        if stamp == _stamp(name) and max(stamp[2:]) + _RESTED_NS < started:
            self._asked[name] = [*stamp, sha256]
        return sha256

    def _of_object(self, path: UPath) -> str:
        name, told = str(path), path.fs.info(path.path)
        tag = told.get("ETag") or told.get("etag") or told.get("md5Hash")
        known = self._known.get(name)
        if tag and known is not None and known[:-1] == [told["size"], tag]:
            self._asked[name] = known
            return str(known[-1])
        sha256 = file_sha256(path)
        if tag:
            self._asked[name] = [told["size"], tag, sha256]
        return sha256


def _stamp(path: str) -> list[int]:
    stat = os.stat(path)  # noqa: PTH116  (one call, the path is text already)
    return [stat.st_size, stat.st_ino, stat.st_mtime_ns, stat.st_ctime_ns]
