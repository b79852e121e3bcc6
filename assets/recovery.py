"""A home after a crash or a failing disk: what is wrong with it, and how it is mended.

A build needs none of this to be right: it goes by manifests, which are replaced in one step. It calls `tidy` at its start, so that
what a killed build left does not stay for ever. `materia doctor` shows the rest (`trouble`), and mends it (`mend`): a
partition whose manifest cannot be read, or whose files are not what it says, is forgotten, and the next build makes it anew.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from assets.graph import store_folder
from assets.home import Home
from kg.generations import MARKER, begun_generations, current_generation
from pipeline.history import HELD
from pipeline.leftovers import UNREADABLE, assets_of, damage, orphans, staged, sweep, unfinished
from pipeline.storage import MANIFESTS, Dataset

__all__ = ["mend", "sweep_unfinished", "tidy", "trouble"]


def tidy(home: Home) -> None:
    """Remove what a killed build left: orphans and staging folders, where there are such. The caller holds the home."""
    sweep_unfinished(home)
    for held in (home.path / "history").glob(f"*/{HELD}"):
        shutil.rmtree(held, ignore_errors=True)


def sweep_unfinished(home: Home) -> None:
    """Remove what writers left that were killed. The caller holds the home, and nobody writes for it."""
    for asset in unfinished(home.url):
        sweep(home.dataset(asset))


def trouble(home: Home, *, deep: bool = False) -> dict[str, list[str]]:
    """What is wrong in a home that nobody is building, by kind; kinds without any are left out.

    Args:
        deep: read every file and compare its SHA-256, where otherwise sizes do.
    """
    found: dict[str, list[str]] = {
        "damaged partitions": [],
        "unfinished writes": [],
        "files that no manifest names": [],
        "unfinished states of the index": [str(path.relative_to(home.path)) for path in _half_made(home)],
    }
    for dataset in _datasets(home):
        name = dataset.asset
        wrong = damage(dataset, deep=deep)
        found["damaged partitions"] += [f"{name}/{one.partition}: {one.what}" for one in wrong]
        found["unfinished writes"] += staged(dataset)
        if not any(one.what.startswith(UNREADABLE) for one in wrong):
            found["files that no manifest names"] += [f"{name}/{path}" for path in orphans(dataset)]
    found["unfinished writes"] += [str(p.relative_to(home.path)) for p in _half_written(home)]
    return {kind: sorted(names) for kind, names in found.items() if names}


def mend(home: Home, *, deep: bool = False) -> dict[str, list[str]]:
    """Put right what `trouble` finds, and return it: what a crash left is removed, damaged partitions are made anew by the next build.

    Raises:
        HomeBusyError: somebody is building.
    """
    with home.lock(timeout_s=0):
        found = trouble(home, deep=deep)
        for dataset in _datasets(home):
            for one in damage(dataset, deep=deep):
                dataset.forget(one.partition)
            sweep(dataset)
        for path in _half_written(home):
            path.unlink()
        for path in list(_half_made(home)):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
    return found


def _datasets(home: Home) -> list[Dataset]:
    return [home.dataset(asset) for asset in assets_of(home.url)]


def _half_written(home: Home) -> list[Path]:
    """Small files that were to replace another in one step."""
    return sorted(
        [*home.path.glob("*.staged"), *home.path.glob("*/*.staged"), *home.path.glob(f"*/{MANIFESTS}/*.staged")]
    )


def _half_made(home: Home) -> Iterator[Path]:
    """States of the graph's index that were never finished; and the marker, where the state it names is gone."""
    folder = store_folder(home)
    current = current_generation(folder)
    if current is not None and not current.path.is_dir():
        yield folder / MARKER
        current = None
    known = {state.path for state in (*begun_generations(folder), *([current] if current else []))}
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path.is_dir() and path not in known:
            yield path
