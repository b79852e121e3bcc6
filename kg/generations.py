"""States of the graph as numbered folders, each with the N-Quads that it was made from; a marker names the one in force.

    FOLDER/complete.json       the state in force: its number, its quads
    FOLDER/begun.json          states that a server may hold parts of, because their loading was begun and not finished
    FOLDER/3/nquads/0000.nq    what state 3 holds, in the order of the buckets
    FOLDER/3/index/            Oxigraph's files of state 3; none where a server holds the graph

The marker is replaced in one step, so a reader finds the old state or the new one, and whoever is killed leaves the old
one. A state is compared with the next by its own N-Quads, never by a note of what they were.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pipeline.storage import write_atomically

__all__ = [
    "MARKER",
    "Generation",
    "begin",
    "begun_generations",
    "current_generation",
    "next_generation",
    "put_in_force",
    "state_version",
]

#: Names the generation that is in force.
MARKER: Final = "complete.json"
_BEGUN: Final = "begun.json"


@dataclass(frozen=True, slots=True)
class Generation:
    """One state of the graph: where it lies, and how many quads it has."""

    path: Path
    quads: int

    @property
    def index(self) -> Path:
        """The folder of Oxigraph's files."""
        return self.path / "index"

    @property
    def nquads(self) -> list[Path]:
        """What it holds. A dataset replaces its own files, so these are hard links (or copies) of them."""
        return sorted((self.path / "nquads").iterdir())


def current_generation(folder: Path) -> Generation | None:
    """The state in force, or None where there is none that is complete."""
    marker = _read(folder / MARKER)
    try:
        return Generation(folder / marker["generation"], marker["quads"])
    except (KeyError, TypeError):
        return None


def state_version(folder: Path) -> str | None:
    """Twelve hexadecimal digits that change whenever another state is put in force; None where there is none."""
    marker = folder / MARKER
    try:
        text, changed = marker.read_bytes(), marker.stat().st_mtime_ns
    except OSError:
        return None
    return hashlib.sha256(b"%b %d" % (text, changed)).hexdigest()[:12]


def begun_generations(folder: Path) -> list[Generation]:
    """States after the one in force whose loading into a server was begun."""
    return [Generation(folder / name, quads) for name, quads in _read(folder / _BEGUN) or []]


def next_generation(folder: Path) -> Path:
    """An empty folder for the state after all others."""
    current = current_generation(folder)
    known = [*begun_generations(folder), *([current] if current else [])]
    path = folder / str(max((int(generation.path.name) for generation in known), default=0) + 1)
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path


def begin(path: Path, nquads: Sequence[Path], quads: int) -> None:
    """Note that a server is about to be given this state, after its N-Quads are kept."""
    _keep(path, nquads)
    begun = [[generation.path.name, generation.quads] for generation in begun_generations(path.parent)]
    write_atomically(path.parent / _BEGUN, json.dumps([*begun, [path.name, quads]]))


def put_in_force(path: Path, nquads: Sequence[Path], quads: int) -> None:
    """Make a finished state the one that readers open, in one step, and remove every other one.

    Whoever has the old one open keeps it: Oxigraph holds its files open.
    """
    if not (path / "nquads").exists():
        _keep(path, nquads)
    write_atomically(path.parent / MARKER, json.dumps({"generation": path.name, "quads": quads}))
    for other in path.parent.iterdir():
        if other.is_dir() and other != path:
            shutil.rmtree(other, ignore_errors=True)
        elif other.is_file() and other.name != MARKER:
            other.unlink(missing_ok=True)


def _keep(path: Path, nquads: Sequence[Path]) -> None:
    kept = path / "nquads"
    kept.mkdir()
    for number, source in enumerate(nquads):
        target = kept / f"{number:04}.nq"
        try:
            target.hardlink_to(source)
        except OSError:  # another disk, or one without links
            shutil.copyfile(source, target)


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
