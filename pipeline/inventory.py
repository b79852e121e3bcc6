"""What literature there is: every file with its hash, its reader, its place in the order, and the batch it is read in.

Everything but the hash comes from the file's name and first bytes, so a file's row never depends on what else is there,
on arrival or on the clock (its place in the order: `pipeline.releases`). Listing costs one walk of the folders; the
inventory reads each file once for its SHA-256.

**The batch** is a file or an archive, except for formats with one document a file: those below 1 MiB that come from a folder share
their folder's groups, chosen by hash of the name, since a partition for each paper would drown the orchestrator.

Not read, quietly: hidden files, README*, LICENSE*, checksum files. Set aside: empty files, formats nobody reads, links to folders
and out of the source, pipes and devices, folders that cannot be listed. An error: a path that is missing or cannot be reached,
a file named by the user that cannot be read, a source without any readable file, two files under one name, a file that is
given as clinical records and, under whatever name, as literature.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

import pyarrow as pa
from upath import UPath

from pipeline.archives import archive_format
from pipeline.errors import MateriaError, SetAside
from pipeline.hashing import bucket_of, hash_fields
from pipeline.readers import READERS, recognise
from pipeline.readers.streams import read_head
from pipeline.releases import position_of
from pipeline.sources import printable, reaching
from pipeline.storage import file_sha256, partition_key, slug_of
from pipeline.tables import LITERATURE_INVENTORY

__all__ = ["LiteratureFile", "batch_of", "inventory_row", "is_quiet", "list_files", "take_inventory", "unknown_format"]

_QUIET = re.compile(r"\..*|readme.*|licen[cs]e.*|.*\.(?:md5|sha1|sha256|sha512)", re.IGNORECASE)
_SMALL = 1 << 20


@dataclass(frozen=True, slots=True)
class LiteratureFile:
    """A file of a literature source.

    Attributes:
        name: `<source>/<path below it>` for a file of a folder, its base name for a file the user named; `/` between parts.
        path: where it is read.
        bytes: size as stored.
        problem: why it must not be read (a link, a pipe), None as a rule.
        records: whether it holds clinical records, to be de-identified.
        format: the reader the user names for it; None where its content decides.
    """

    name: str
    path: UPath
    bytes: int
    problem: SetAside | None = None
    records: bool = False
    format: str | None = None


def list_files(
    sources: Sequence[str | UPath],
    records: Sequence[str | UPath] = (),
    formats: Mapping[str, str] | None = None,
) -> list[LiteratureFile]:
    """Every file of the sources (files, folders, fsspec URLs), sorted by name. Reads no contents.

    Args:
        sources: of literature.
        records: sources of clinical records, which are literature that is de-identified.
        formats: formats (`jats`) by patterns of names (`*.txt`, `notes/*`), for files whose content does not decide.

    Raises:
        MateriaError: a source is missing, out of reach or an empty folder, two files have one name, one file is given as
            literature and as records, or there is no such format.
    """
    chosen = {pattern: _format_named(format_) for pattern, format_ in (formats or {}).items()}
    found: dict[str, LiteratureFile] = {}
    named = [*((str(s), False) for s in sources), *((str(s), True) for s in records)]
    for source, is_record in dict.fromkeys(named):
        with reaching(source):
            files = list(_files_of(UPath(source), source))
        if not files:
            raise MateriaError("holds no file to read", file=source, remedy="Name a folder that holds some")
        for listed in files:
            file = replace(listed, records=is_record, format=_chosen_format(listed.name, chosen))
            other = found.setdefault(file.name, file)
            if str(other.path) != str(file.path):
                raise MateriaError(
                    f"has the name {file.name} in the inventory, and so has {other.path}",
                    file=str(file.path),
                    remedy="Rename one of them or one of their folders",
                )
            if other.records != file.records:
                raise _two_ways(file)
    private = {_place(file) for file in found.values() if file.records}
    for file in found.values() if private else ():
        if not file.records and _place(file) in private:
            raise _two_ways(file)
    return [found[name] for name in sorted(found)]


def _place(file: LiteratureFile) -> str:
    """Where a file is, whichever folders and links it was found through."""
    return os.path.realpath(file.path.path) if _is_local(file.path) else str(file.path)


def _two_ways(file: LiteratureFile) -> MateriaError:
    remedy = "Give it with --records only; --literature without a path takes out what is recorded"
    return MateriaError("is given as literature and as records", file=file.name, remedy=remedy)


def _is_local(path: UPath) -> bool:
    return path.protocol in ("", "file", "local")


def _format_named(format_: str) -> str:
    """The reader of a format by its name with or without a version."""
    for name in READERS:
        if format_ in (name, name.rpartition(".v")[0]):
            return name
    known = ", ".join(name.rpartition(".v")[0] for name in READERS)
    raise MateriaError(f"there is no format {format_!r}", remedy=f"Choose one of {known}")


def _chosen_format(name: str, formats: Mapping[str, str]) -> str | None:
    base = name.rpartition("/")[2]
    return next((f for p, f in formats.items() if fnmatchcase(name, p) or fnmatchcase(base, p)), None)


def _files_of(root: UPath, source: str) -> Iterator[LiteratureFile]:
    if not root.exists():
        raise MateriaError("does not exist", file=source, remedy="Check the path")
    if _is_local(root):
        local = Path(os.path.abspath(root.path))  # noqa: PTH100  (resolve() would follow a link and lose the name given)
        yield from _local_files(local)
    elif root.is_dir():
        base = root.path.rstrip("/")
        for path, info in sorted(root.fs.find(root.path, detail=True).items()):
            relative = path.removeprefix(base).lstrip("/")
            if not is_quiet(relative):
                yield LiteratureFile(f"{root.name or 'source'}/{relative}", root / relative, int(info["size"]))
    else:
        yield LiteratureFile(root.name, root, int(root.stat().st_size))


def _local_files(root: Path) -> Iterator[LiteratureFile]:
    if not root.is_dir():
        yield _regular(printable(root.name), root)
        return
    closed: list[OSError] = []
    for folder, inner, files in os.walk(root, onerror=closed.append):  # does not enter linked folders
        here = Path(folder)
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        for name in sorted([*files, *(n for n in inner if (here / n).is_symlink())]):
            path = here / name
            relative = path.relative_to(root).as_posix()
            if is_quiet(relative):
                continue
            full = printable(f"{root.name or 'source'}/{relative}")
            if path.is_symlink() and not (path.is_file() and path.resolve().is_relative_to(root.resolve())):
                detail = "The link leads out of the source, to a folder, or nowhere. Put the files themselves there."
                yield LiteratureFile(full, UPath(path), 0, SetAside(full, "file", "symbolic-link", detail))
            else:
                yield _regular(full, path)
    for error in closed:
        path = Path(os.fsdecode(error.filename))
        full = printable((Path(root.name or "source") / path.relative_to(root)).as_posix())
        detail = f"The folder cannot be listed ({error.strerror}). Check its permissions."
        yield LiteratureFile(full, UPath(path), 0, SetAside(full, "file", "unreadable-folder", detail))


def _regular(name: str, path: Path) -> LiteratureFile:
    """The file; one that is a pipe, a socket or a device could be read once or without end, so it must not be."""
    if path.is_file():
        return LiteratureFile(name, UPath(path), path.stat().st_size)
    detail = "It is a pipe, a socket or a device. Save what it gives to a file, and name that."
    return LiteratureFile(name, UPath(path), 0, SetAside(name, "file", "no-regular-file", detail))


def is_quiet(relative: str) -> bool:
    """Whether a file of a folder or archive is passed over: hidden, a README, a licence, a checksum."""
    *folders, name = relative.split("/")
    return _QUIET.fullmatch(name) is not None or any(f.startswith(".") and f.strip(".") for f in folders)


def batch_of(file: LiteratureFile, *, one_document: bool, small_file_groups: int = 16) -> str:
    """The partition key a file is read under: its own, or that of one of its folder's groups."""
    folder, slash, _ = file.name.rpartition("/")
    if slash and one_document and file.bytes < _SMALL:
        group = hash_fields(f"{folder}/{bucket_of(file.name, small_file_groups)}")
        return f"{slug_of(folder)}-group-{group[:8]}"
    return partition_key(file.name)


def take_inventory(
    files: Sequence[LiteratureFile],
    *,
    small_file_groups: int = 16,
    set_aside: Callable[[SetAside], None],
    sha256: Callable[[UPath], str] = file_sha256,
) -> pa.Table:
    """The inventory of the files: one row each, sorted by position, with the schema LITERATURE_INVENTORY.

    Args:
        files: what `list_files` gave.
        small_file_groups: batches that the small one-document files of one folder share. Fixed for a home.
        set_aside: receives each file that is not read, with the reason.
        sha256: gives the hash of a file, where it is remembered (`pipeline.file_hashes`).

    Raises:
        MateriaError: a file the user named cannot be read, or a folder holds no file that can.
    """
    rows = []
    readable: dict[str, SetAside | None] = {}  # source -> its first problem, None once a file of it can be read
    for file in files:
        source, slash, _ = file.name.partition("/")
        row = inventory_row(file, small_file_groups, sha256)
        if isinstance(row, SetAside):
            if not slash:
                raise _as_error(file.name, row)
            readable.setdefault(source, row)
            set_aside(row)
        else:
            readable[source] = None
            rows.append(row)
    for source, problem in readable.items():
        if problem is not None:
            raise MateriaError(
                f"holds no file that can be read; the first is {problem.file}: {problem.detail}",
                file=source,
                remedy="Name a folder or file in one of the formats of docs/literature.md",
            )
    rows.sort(key=lambda row: str(row["position"]))
    return pa.Table.from_pylist(rows, LITERATURE_INVENTORY)


def inventory_row(
    file: LiteratureFile, small_file_groups: int = 16, sha256: Callable[[UPath], str] = file_sha256
) -> dict[str, object] | SetAside:
    """The row of one file, with the schema LITERATURE_INVENTORY, or why the file is not read."""
    if file.problem is not None:
        return file.problem
    try:
        head, broken = read_head(file.path)
        content = sha256(file.path)
    except OSError as error:
        problem = error.strerror or type(error).__name__
        return _aside(file, "unreadable-file", f"The file cannot be opened ({problem}). Check its permissions.")
    if not head.strip() and broken is None:
        return _aside(file, "empty-file", "The file is empty. Get it again from its source, or remove it.")
    archive = archive_format(head)
    reader = READERS[file.format] if file.format else recognise(head, file.name)
    if archive is None and reader is None:
        if broken is not None:
            return _aside(file, broken.reason, f"Nothing can be read: {broken}. {broken.remedy}.")
        return _aside(file, *unknown_format(head))
    one_document = archive is None and reader is not None and reader.one_document
    return {
        "file": file.name,
        "sha256": content,
        "bytes": file.bytes,
        "format": ":".join(filter(None, [archive, file.format])) if archive or reader is None else reader.name,
        "position": position_of(file.name),
        "batch": batch_of(file, one_document=one_document, small_file_groups=small_file_groups),
        "records": file.records,
    }


def unknown_format(head: bytes) -> tuple[str, str]:
    """Reason and detail for a file or member that no reader recognises."""
    if not head.strip():
        return "empty-file", "The file is empty. Get it again from its source, or remove it."
    known = ", ".join(sorted({name.rpartition(".v")[0] for name in READERS}))
    return "unknown-format", f"No reader knows this format. Name it with --format ({known}), or remove the file."


def _aside(file: LiteratureFile, reason: str, detail: str) -> SetAside:
    return SetAside(file.name, "file", reason, detail)


def _as_error(name: str, problem: SetAside) -> MateriaError:
    problem_text, _, remedy = problem.detail.rstrip(".").partition(". ")
    return MateriaError(f"{problem_text} ({problem.reason})", file=name, remedy=remedy or "Remove the file")
