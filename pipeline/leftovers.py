"""What a crash leaves in the partitions of an asset, and how it is taken away.

A build that is killed leaves the manifests in force true (`pipeline.storage`), and beside them perhaps: a staging folder, files
that stand in place and that no manifest names yet or any more (orphans). The staging folder of a partition is removed last, so
where there is none there is no orphan either: a build asks this of every asset at its start, for the price of a
listing, and looks for orphans only where a crash was.

What else goes wrong with disks, a file that is missing, cut short or has other bytes than its manifest says, is found by
`damage`. Rejected: a journal of writes (a second truth beside the manifests).

Only files that are named as a writer names them, by a hash of their content, are ever called orphans.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import MateriaError
from pipeline.storage import MANIFESTS, PRIVATE, STAGING, Dataset, FileEntry, file_sha256

__all__ = ["Damage", "damage", "orphans", "staged", "sweep"]

_BY_CONTENT = re.compile(r".*-[0-9a-f]{16}(?:\.[^/]*|/.*)?")


@dataclass(frozen=True, slots=True)
class Damage:
    """A partition whose files are not what its manifest says: which, and what is wrong."""

    partition: str
    what: str


def staged(dataset: Dataset) -> list[Path]:
    """Staging folders of writers: of one at work, or of one that was killed."""
    folder = Path(dataset.url.path) / STAGING
    return sorted(folder.iterdir()) if folder.is_dir() else []


def orphans(dataset: Dataset) -> list[str]:
    """Files, by path below the asset's folder, that no manifest names. Costs a walk of the folder."""
    root = Path(dataset.url.path)
    named = {entry.path for manifest in dataset.manifests().values() for entry in manifest.files}
    return sorted(path for path in _written(root) if path not in named)


def _written(root: Path) -> Iterator[str]:
    for top in root.iterdir() if root.is_dir() else ():
        if top.name.startswith("_") and f"{top.name}/" not in PRIVATE:
            continue
        for path in top.rglob("*") if top.is_dir() else [top]:
            relative = path.relative_to(root).as_posix()
            if path.is_file() and _BY_CONTENT.fullmatch(relative):
                yield relative


def sweep(dataset: Dataset) -> int:
    """Remove orphans and staging folders, in this order, so that a sweep that is killed is done again; how many there were.

    Whoever calls holds the home.
    """
    found = orphans(dataset)
    dataset.remove_files(FileEntry(path, "", 0) for path in found)
    folders = staged(dataset)
    for half in (Path(dataset.url.path) / MANIFESTS).glob("*.staged"):
        half.unlink(missing_ok=True)
    shutil.rmtree(Path(dataset.url.path) / STAGING, ignore_errors=True)
    return len(found) + len(folders)


def damage(dataset: Dataset, *, deep: bool = False) -> list[Damage]:
    """Partitions whose manifest cannot be read, or whose files are missing or of another size.

    Args:
        deep: compare the SHA-256 of every file as well, which reads every byte of it.
    """
    folder = dataset.url / MANIFESTS
    keys = sorted(p.name.removesuffix(".json") for p in folder.iterdir() if p.name.endswith(".json"))
    found = []
    for key in keys:
        try:
            manifest = dataset.manifest(key)
        except (MateriaError, UnicodeDecodeError) as error:
            found.append(Damage(key, f"its manifest cannot be read ({error})"))
            continue
        wrong = (what for entry in manifest.files if (what := _wrong(dataset, entry, deep))) if manifest else iter(())
        if first := next(wrong, None):
            found.append(Damage(key, first))
    return found


def _wrong(dataset: Dataset, entry: FileEntry, deep: bool) -> str | None:
    path = dataset.url / entry.path
    try:
        size = path.stat().st_size
        if size != entry.bytes:
            return f"{entry.path} has {size} bytes instead of {entry.bytes}"
        if deep and file_sha256(path) != entry.sha256:
            return f"{entry.path} has other bytes than were written"
    except FileNotFoundError:
        return f"{entry.path} is missing"
    except OSError as error:
        return f"{entry.path} cannot be read ({error.strerror})"
    return None
