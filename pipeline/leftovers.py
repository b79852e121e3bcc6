"""What a crash leaves in the partitions of an asset, and how it is taken away.

A build that is killed leaves the manifests in force true (`pipeline.storage`), and beside them perhaps: a staging folder, files
that stand in place and that no manifest names yet or any more (orphans). The staging folder of an asset is removed last, so
where there is none there is no orphan either: a build asks this of every asset at its start, for the price of a
listing, and looks for orphans only where a crash was.

What else goes wrong with disks, a file that is missing, cut short or has other bytes than its manifest says, is found by
`damage`, and so is a manifest that nobody can read. Rejected: a journal of writes (a second truth beside the manifests).

Only files that are named as a writer names them, by a hash of their content, are ever called orphans. A home in an object store is
asked by listings: one shows every asset that a writer left a sign of.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from upath import UPath

from pipeline.errors import MateriaError, UnreachableError
from pipeline.files import is_local
from pipeline.storage import MANIFESTS, PRIVATE, STAGING, Dataset, FileEntry, file_sha256
from pipeline.working_copy import SIGNS, object_store

__all__ = ["UNREADABLE", "Damage", "assets_of", "damage", "orphans", "partitions", "staged", "sweep", "unfinished"]

#: What is said of a partition whose manifest nobody can read.
UNREADABLE = "its manifest cannot be read"
_OTHER_VERSION = "schema this version does not read"
_BY_CONTENT = re.compile(r".*-[0-9a-f]{16}(?:\.[^/]*|/.*)?")


@dataclass(frozen=True, slots=True)
class Damage:
    """A partition whose files are not what its manifest says: which, and what is wrong."""

    partition: str
    what: str


def assets_of(home: UPath) -> list[str]:
    """Names of the assets that a home holds something of, sorted."""
    if not is_local(home):
        return [name for name in object_store(str(home)).folders() if not name.startswith((".", "_"))]
    root = Path(home.path)
    folders = root.iterdir() if root.is_dir() else ()
    return sorted(path.name for path in folders if (path / MANIFESTS).is_dir() or (path / STAGING).is_dir())


def unfinished(home: UPath) -> list[str]:
    """Names of the assets that somebody writes to, or was killed or failed while writing to."""
    if not is_local(home):
        return sorted({sign.partition("/")[0] for sign in object_store(str(home)).listing(SIGNS)})
    return [asset for asset in assets_of(home) if (Path(home.path) / asset / STAGING).is_dir()]


def staged(dataset: Dataset) -> list[str]:
    """What is staged by a writer at work, or by one that was killed, by path below the home; the folder itself where that is all."""
    if dataset.copy is not None:
        return [f"{SIGNS}/{dataset.asset}/{name}" for name in dataset.copy.signs()]
    folder = Path(dataset.url.path) / STAGING
    found = (sorted(path for path in folder.rglob("*") if path.is_file()) or [folder]) if folder.is_dir() else []
    return [path.relative_to(folder.parent.parent).as_posix() for path in found]


def orphans(dataset: Dataset) -> list[str]:
    """Files, by path below the asset's folder, that no manifest names. Costs a walk of the folder, or a listing of the store."""
    there: Iterable[str] = dataset.copy.sizes() if dataset.copy is not None else _files(Path(dataset.url.path))
    named = {entry.path for manifest in dataset.manifests().values() for entry in manifest.files}
    return sorted(path for path in there if _is_output(path) and path not in named)


def _files(root: Path) -> Iterator[str]:
    for top in root.iterdir() if root.is_dir() else ():
        if top.name.startswith("_") and f"{top.name}/" not in PRIVATE:
            continue
        for path in top.rglob("*") if top.is_dir() else [top]:
            if path.is_file():
                yield path.relative_to(root).as_posix()


def _is_output(path: str) -> bool:
    """Whether a file is named as a writer names them."""
    return (not path.startswith("_") or path.startswith(PRIVATE)) and _BY_CONTENT.fullmatch(path) is not None


def sweep(dataset: Dataset) -> int:
    """Remove orphans and the staging folder, in this order, so that a sweep that is killed is done again; how many there were.

    Whoever calls holds the home.
    """
    dataset.look_again()
    found, left = orphans(dataset), staged(dataset)
    if dataset.copy is not None:
        if found:
            with dataset.staging():
                dataset.remove_files(FileEntry(path, "", 0) for path in found)
        dataset.copy.abort_uploads()
        dataset.copy.remove_signs(left)
        return len(found) + len(left)
    dataset.remove_files(FileEntry(path, "", 0) for path in found)
    for half in (Path(dataset.url.path) / MANIFESTS).glob("*.staged"):
        half.unlink(missing_ok=True)
    shutil.rmtree(Path(dataset.url.path) / STAGING, ignore_errors=True)
    return len(found) + len(left)


def partitions(dataset: Dataset) -> list[str]:
    """Keys of the partitions that have a manifest, whether or not it can be read."""
    if dataset.copy is not None:
        return list(dataset.copy.versions())
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
            if isinstance(error, UnreachableError) or (
                isinstance(error, MateriaError) and _OTHER_VERSION in error.problem
            ):
                raise
            why = error.problem if isinstance(error, MateriaError) else getattr(error, "strerror", None) or error
            found.append(Damage(key, f"{UNREADABLE} ({why})"))
            continue
        wrong = (what for entry in manifest.files if (what := _wrong(dataset, entry, deep))) if manifest else iter(())
        if first := next(wrong, None):
            found.append(Damage(key, first))
    return found


def _wrong(dataset: Dataset, entry: FileEntry, deep: bool) -> str | None:
    try:
        size = _size(dataset, entry.path)
        if size != entry.bytes:
            return f"{entry.path} has {size} bytes instead of {entry.bytes}"
        if deep and _sha256(dataset, entry.path) != entry.sha256:
            return f"{entry.path} has other bytes than were written"
    except FileNotFoundError:
        return f"{entry.path} is missing"
    except OSError as error:
        return f"{entry.path} cannot be read ({error.strerror})"
    return None


def _size(dataset: Dataset, path: str) -> int:
    if dataset.copy is None:
        return int((dataset.url / path).stat().st_size)
    sizes = dataset.copy.sizes()
    if path not in sizes:
        raise FileNotFoundError(path)
    return sizes[path]


def _sha256(dataset: Dataset, path: str) -> str:
    return file_sha256(dataset.url / path) if dataset.copy is None else dataset.copy.sha256(path)
