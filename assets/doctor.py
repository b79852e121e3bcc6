"""Looks at the installation and at a home, and says what to do about what it finds."""

from __future__ import annotations

import importlib.metadata
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

from assets.home import Home, open_home
from assets.lock import NOTE, holder
from assets.records import check_postgres, records_place
from assets.recovery import mend, trouble
from assets.stages import STAGES
from pipeline.errors import MateriaError
from pipeline.leftovers import partitions
from pipeline.parallel import cpu_count

__all__ = ["Finding", "examine"]

_PACKAGES = (
    "spacy", "scispacy", "rdflib", "pyoxigraph", "oxrdflib", "pandas",
    "pyarrow", "duckdb", "dagster", "dagster-webserver", "torch", "transformers",
)  # fmt: skip
_LEAST_DISK_GIB = 2
_TOLD = 3


class Finding(NamedTuple):
    """One thing looked at."""

    what: str
    ok: bool
    found: str
    remedy: str = ""


def examine(home_path: str | None = None, *, deep: bool = False, repair: bool = False) -> list[Finding]:
    """Look at Python, packages, cores, memory, disk, and the home's sources, completeness and soundness.

    Args:
        deep: compare the SHA-256 of every file of the home.
        repair: mend what is wrong with its files.
    """
    findings = [_python(), *map(_package, _PACKAGES), _machine()]
    try:
        home = open_home(home_path)
        findings.append(
            Finding("home", True, f"{home.url}{'' if home.recorded else ' (new: will use the bundled sample)'}")
        )
        findings.append(_records(home))
        files = home.literature_files()
        findings.append(
            Finding(
                "literature", bool(files), f"{len(files)} files", "" if files else "Give --literature to materia build"
            )
        )
        state = _state(home, deep=deep, repair=repair)  # first: what it removes is not built any more
        built = {stage.name: len(partitions(home.dataset(stage.name))) for stage in STAGES}
        missing = [name for name, count in built.items() if not count]
        if not any(built.values()):
            findings.append(Finding("build", True, "nothing built yet: run materia build"))
        else:
            waiting = f"not built yet: {', '.join(missing)} (materia build makes them)" if missing else "complete"
            findings.append(Finding("build", True, waiting))
        findings += state
    except MateriaError as error:
        findings.append(Finding("home", False, str(error), error.remedy))
    return findings


def _python() -> Finding:
    found = ".".join(map(str, sys.version_info[:3]))
    return Finding(
        "python", sys.version_info[:2] == (3, 11), found, "" if sys.version_info[:2] == (3, 11) else "Use Python 3.11"
    )


def _package(name: str) -> Finding:
    try:
        return Finding(name, True, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, False, "not installed", "Run: make install")


def _machine() -> Finding:
    import psutil

    memory = psutil.virtual_memory().total / 2**30
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    remedy = "" if free >= _LEAST_DISK_GIB else f"Free some disk: a build wants at least {_LEAST_DISK_GIB} GiB"
    return Finding(
        "machine", not remedy, f"{cpu_count()} cores, {memory:.0f} GiB memory, {free:.0f} GiB disk free", remedy
    )


def _records(home: Home) -> Finding:
    """Where Dagster's records of the home stand, and whether that answers."""
    try:
        check_postgres()
        return Finding("records", True, records_place(home))
    except MateriaError as error:
        return Finding("records", False, str(error), error.remedy)


def _state(home: Home, *, deep: bool, repair: bool) -> list[Finding]:
    """Who builds, or what is wrong in the home and whether it was mended."""
    who = holder(home.url)
    if who is not None:
        return [Finding("lock", not repair, f"held by {who}", "Wait for it, or stop it" if repair else "")]
    note = home.path / NOTE
    if note.exists() and repair:
        note.unlink()
    found = (mend if repair else trouble)(home, deep=deep)
    left = "free" if not note.exists() else "free; its last holder did not end well (the next build takes it)"
    findings = [Finding("lock", True, left)]
    for kind, names in found.items():
        told = ", ".join(names[:_TOLD]) + (f" and {len(names) - _TOLD} more" if len(names) > _TOLD else "")
        remedy = "" if repair else "Run: materia doctor --mend, then materia build"
        findings.append(Finding(kind, repair, f"mended: {told}" if repair else told, remedy))
    if not found:
        findings.append(Finding("files", True, "all that manifests name" + (", by their hashes" if deep else "")))
    return findings
