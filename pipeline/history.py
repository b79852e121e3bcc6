"""What changed from build to build: one line of JSON a change, in `HOME/history/<asset>/<partition>.jsonl`, outside the law.

Tables hold what is, and a clean build has no past; so the past is kept apart, with clocks, and nothing that a build makes depends
on it. Removing the folder loses the memory and nothing else. A line costs 0.1 ms. One that was cut short by a crash, or that does
not hold what its reader looks for, is passed over: whatever stands in these files, no build fails for it.

An object store has no appending: there a line costs reading its file and writing it again, two requests for a partition that changed.
That loses nothing, since a home has one writer and a partition one task. Rejected: an object for each line (a year of daily builds
leaves ten thousands, and a history is read by as many requests).
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import EllipsisType, MappingProxyType, UnionType
from typing import Any, Final, TypeAlias

from upath import UPath

from pipeline.files import is_local
from pipeline.small_files import read_bytes
from pipeline.working_copy import object_store
from pipeline.working_folder import working_folder

__all__ = ["FOLDER", "HELD", "Keys", "Maybe", "append", "append_line", "entries", "held", "last", "lines", "now"]

#: Where histories stand in a home.
FOLDER = "history"

#: The folder of an asset's history for links that stand as long as a build needs them; a build that is killed leaves them.
HELD: Final = "held"
#: What a value must be: of a type; a list of so many values, or of any number of one kind; an object that has these keys, or
#: whatever keys (`...`) with values of one kind.
Shape: TypeAlias = "type | UnionType | tuple[Shape, ...] | list[Shape] | Keys | Maybe"
Keys: TypeAlias = Mapping["str | EllipsisType", Shape]
_ANYTHING: Final[Keys] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Maybe:
    """The value of a key that may be missing."""

    shape: Shape


def now() -> str:
    """The time as histories have it, in UTC, so that texts compare as times do."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def append_line(home: UPath | Path | str, name: str, entry: Mapping[str, Any]) -> None:
    """Add a line of JSON to a file of a home, by its path below it; after a line that was cut short it begins a new one."""
    line = json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass") + b"\n"
    url = UPath(home)
    if not is_local(url):
        before = _read(url, name)
        object_store(str(url)).write(name, before + (b"\n" if before and before[-1:] != b"\n" else b"") + line)
        return
    path = Path(url.path) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab+") as stream:
        if stream.tell():
            stream.seek(-1, 2)
            if stream.read(1) != b"\n":  # a build was killed in the middle of a line
                line = b"\n" + line
        stream.write(line)


def lines(home: UPath | Path | str, name: str) -> list[Any]:
    """What the lines of a file of a home hold, oldest first; those that are no JSON are left out, and [] where there is none."""
    found = []
    for line in _read(UPath(home), name).split(b"\n"):
        try:
            found.append(json.loads(line))
        except (ValueError, RecursionError):
            continue
    return found


def _read(home: UPath, name: str) -> bytes:
    try:
        return read_bytes(home, name)
    except FileNotFoundError:
        return b""


def append(home: UPath | Path | str, asset: str, key: str, entry: dict[str, Any]) -> None:
    """Add a line to the history of a partition."""
    append_line(home, f"{FOLDER}/{asset}/{key}.jsonl", entry)


def held(home: UPath | Path | str, asset: str, paths: Sequence[str]) -> tuple[dict[str, str], Callable[[], None]]:
    """Links to files of an asset (copies where the disk knows none), so that they can be read after a build has removed its own.

    Returns:
        the link of each path, and a function that removes them.
    """
    if not paths:
        return {}, lambda: None
    held_files = working_folder(home) / FOLDER / asset / HELD
    held_files.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(dir=held_files))  # several processes may replace partitions of an asset at once
    links = {path: str(place / f"{number}{Path(path).suffix}") for number, path in enumerate(paths)}
    for path, link in links.items():
        try:
            os.link(path, link)
        except OSError:
            shutil.copyfile(path, link)
    return links, lambda: shutil.rmtree(place, ignore_errors=True)


def entries(home: UPath | Path | str, asset: str, key: str, shape: Keys = _ANYTHING) -> list[dict[str, Any]]:
    """The history of a partition, oldest first; [] where there is none.

    Args:
        shape: what a line must hold beside its time (`at`) to count.
    """
    found = lines(home, f"{FOLDER}/{asset}/{key}.jsonl")
    return [entry for entry in found if _has(entry, {"at": str, **shape})]


def last(home: UPath | Path | str, asset: str, key: str, shape: Keys = _ANYTHING) -> dict[str, Any] | None:
    """The newest line of a partition's history that holds what it must."""
    found = entries(home, asset, key, shape)
    return found[-1] if found else None


def _has(value: Any, shape: Shape) -> bool:
    """Whether a value has a shape."""
    if isinstance(shape, Maybe):
        return _has(value, shape.shape)
    if isinstance(shape, tuple):
        return isinstance(value, list) and len(value) == len(shape) and all(map(_has, value, shape))
    if isinstance(shape, list):
        return isinstance(value, list) and all(_has(one, shape[0]) for one in value)
    if isinstance(shape, Mapping):
        return isinstance(value, dict) and all(
            all(_has(one, part) for one in value.values())
            if isinstance(name, EllipsisType)
            else _has(value[name], part)
            if name in value
            else isinstance(part, Maybe)
            for name, part in shape.items()
        )
    return isinstance(value, shape)
