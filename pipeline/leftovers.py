"""What a crash leaves in the partitions of an asset, and how it is taken away.

A build that is killed leaves the manifests in force true (`pipeline.storage`), and beside them perhaps: a staging folder, files
that stand in place and that no manifest names yet or any more (orphans). The staging folder of an asset is removed last, so
where there is none there is no orphan either: a build asks this of every asset at its start, for the price of a
listing, and looks for orphans only where a crash was.

What else goes wrong with disks, a file that is missing, cut short or has other bytes than its manifest says, is found by
`damage`, and so is a manifest that nobody can read. Rejected: a journal of writes (a second truth beside the manifests).

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

__all__ = ["UNREADABLE", "Damage", "damage", "forget", "orphans", "partitions", "staged", "sweep"]

#: What is said of a partition whose manifest nobody can read.
UNREADABLE = "its manifest cannot be read"
_OTHER_VERSION = "schema this version does not read"
_BY_CONTENT = re.compile(r".*-[0-9a-f]{16}(?:\.[^/]*|/.*)?")


@dataclass(frozen=True, slots=True)
class Damage:
    """A partition whose files are not what its manifest says: which, and what is wrong."""

    partition: str
    what: str


def staged(dataset: Dataset) -> list[Path]:
    """What is staged by a writer at work, or by one that was killed; the folder itself where that is all there is."""
    folder = Path(dataset.url.path) / STAGING
    return (sorted(path for path in folder.rglob("*") if path.is_file()) or [folder]) if folder.is_dir() else []


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
    """Remove orphans and the staging folder, in this order, so that a sweep that is killed is done again; how many there were.

    Whoever calls holds the home.
    """
    found = orphans(dataset)
    dataset.remove_files(FileEntry(path, "", 0) for path in found)
    unfinished = staged(dataset)
    for half in (Path(dataset.url.path) / MANIFESTS).glob("*.staged"):
        half.unlink(missing_ok=True)
    shutil.rmtree(Path(dataset.url.path) / STAGING, ignore_errors=True)
    return len(found) + len(unfinished)


def partitions(dataset: Dataset) -> list[str]:
    """Keys of the partitions that have a manifest, whether or not it can be read."""
    try:
        names = [path.name for path in (dataset.url / MANIFESTS).iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(name.removesuffix(".json") for name in names if name.endswith(".json"))


def damage(dataset: Dataset, *, deep: bool = False) -> list[Damage]:
    """Partitions whose manifest cannot be read, or whose files are missing or of another size.

    Args:
        deep: compare the SHA-256 of every file as well, which reads every byte of it.

    Raises:
        MateriaError: a manifest is of another version of Materia. That is no damage: what it names is to be left alone.
    """
    found = []
    for key in partitions(dataset):
        try:
            manifest = dataset.manifest(key)
        except (MateriaError, OSError, UnicodeDecodeError, AttributeError) as error:  # the last: JSON, but no object
            if isinstance(error, MateriaError) and _OTHER_VERSION in error.problem:
                raise
            why = error.problem if isinstance(error, MateriaError) else getattr(error, "strerror", None) or error
            found.append(Damage(key, f"{UNREADABLE} ({why})"))
            continue
        wrong = (what for entry in manifest.files if (what := _wrong(dataset, entry, deep))) if manifest else iter(())
        if first := next(wrong, None):
            found.append(Damage(key, first))
    return found


def forget(dataset: Dataset, partition: str) -> None:
    """Remove what stands in the place of a partition's manifest, so that the next build makes the partition anew."""
    path = Path(dataset.url.path) / MANIFESTS / f"{partition}.json"
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


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
