"""Where every table and file is written and read: one folder an asset, one manifest a partition.

    HOME/triples/_manifests/03.json        what partition 03 holds: files, hashes, rows, inputs, versions
    HOME/triples/03/triples-<hash>.parquet

A file is written to a staging folder, named by the hash of its bytes, moved into place, and only then named by the
manifest, which is replaced in one step. A reader goes through the manifest, so it sees the old partition or the new one,
never half of either, and a build killed at any moment leaves the old manifest in force. It needs no rename of folders,
so an object store (any fsspec URL) serves as well as a disk. Rejected: fixed file names (a crash between data and
manifest leaves the two disagreeing), table formats such as Delta or Iceberg (their logs hold clocks and random names,
so equal inputs would not give equal bytes).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from upath import UPath

from pipeline.errors import MateriaError, SetAside
from pipeline.hashing import hash_fields, hash_json
from pipeline.tables import SET_ASIDE

__all__ = [
    "MANIFESTS",
    "PRIVATE",
    "STAGING",
    "WHOLE",
    "Dataset",
    "FileEntry",
    "Layout",
    "Manifest",
    "PartitionWriter",
    "TableSink",
    "file_sha256",
    "partition_key",
    "read_table",
    "slug_of",
    "write_atomically",
]

#: The partition key of an asset that has no partitions.
WHOLE = "all"

_KEY = re.compile(r"[a-z0-9_=-][a-z0-9_.=-]*")
#: Folders of an asset that hold its manifests, and what is being written.
MANIFESTS = "_manifests"
STAGING = "_staging"
_SCHEMA = "materia.manifest.v2"
#: v1 had no `rules`: such a partition is readable, and made anew as a whole when it is stale.
_OLDER_SCHEMAS = ("materia.manifest.v1",)
_STATE = "_state/"
#: Files of a partition that are no output of it: records set aside, and what the next build compares with.
PRIVATE = ("_set_aside/", _STATE)
_ROW_GROUP_ROWS = 16_384
_LONGEST_SLUG = 80
#: A file that was written so long ago has another time of change if it is written again; clocks of file systems tick in milliseconds.
_SETTLED_NS = 100_000_000
#: Manifests that were read, by path, each with the time, size and number of its file: a build asks for most of them many times.
_MANIFESTS_READ: dict[str, tuple[tuple[int, int, int], Manifest]] = {}


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file of a partition: path relative to the asset's folder, SHA-256, size, and rows where it is a table."""

    path: str
    sha256: str
    bytes: int
    rows: int | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a complete partition holds and what it was made from. It holds no clock, host or absolute path.

    Attributes:
        skip_key: hash of inputs, code, configuration and schema: equal means there is nothing to do.
        rules: hash of code, configuration and schema alone: equal means that what is here may be brought up to date by
            what changed in the inputs.
        data_version: hash of the output: what downstream looks at.
        inputs: data version of every input partition, by `asset/partition`.
        set_aside: how many records were not used, by reason.
        summary: figures of the stage, for people and for `materia status`.
    """

    asset: str
    partition: str
    skip_key: str
    data_version: str
    code_version: str
    inputs: dict[str, str]
    files: tuple[FileEntry, ...]
    rows: int
    set_aside: dict[str, int] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    rules: str = ""

    def to_json(self) -> str:
        """The manifest as it is stored: sorted keys, so that equal manifests are equal bytes."""
        return json.dumps({"schema": _SCHEMA, **asdict(self)}, indent=1, sort_keys=True, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str, place: str) -> Manifest:
        """Read a stored manifest; `place` names it in the error."""
        try:
            values = json.loads(text)
            if values.pop("schema") not in (_SCHEMA, *_OLDER_SCHEMAS):
                raise MateriaError(
                    "has a schema this version does not read", file=place, remedy="Build into a new home"
                )
            values["files"] = tuple(FileEntry(**entry) for entry in values["files"])
            return cls(**values)
        except (ValueError, KeyError, TypeError) as error:
            raise MateriaError(
                f"is not a manifest ({error})", file=place, remedy="Delete it; the next build makes it again"
            ) from error


def file_sha256(path: UPath | Path) -> str:
    """SHA-256 (hex) of a file's bytes, read in pieces of one megabyte."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while piece := stream.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def write_atomically(path: UPath | Path, text: str) -> None:
    """Replace a small text file in one step: a reader sees the old text or the new."""
    target = UPath(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    if _is_local(target):
        staged = Path(f"{target.path}.staged")
        staged.write_text(text, encoding="utf-8")
        staged.replace(target.path)
    else:
        target.write_text(text, encoding="utf-8")


def _is_local(path: UPath) -> bool:
    return path.protocol in ("", "file", "local")


def _read_manifest(path: str) -> Manifest:
    """The manifest in a local file, read again only where the file is another one."""
    stat = os.stat(path)  # noqa: PTH116  (called some ten thousand times in a large home)
    stamp = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
    known = _MANIFESTS_READ.get(path)
    if known is not None and known[0] == stamp:
        return known[1]
    manifest = Manifest.from_json(Path(path).read_text(encoding="utf-8"), path)
    if time.time_ns() - stat.st_mtime_ns > _SETTLED_NS:
        _MANIFESTS_READ[path] = stamp, manifest
    return manifest


def read_table(path: str, columns: list[str] | None = None) -> pa.Table:
    """A Parquet file, whole. `pq.read_table` would import pandas, a quarter of a second."""
    with (
        UPath(path).open("rb") if "://" in path else Path(path).open("rb") as source,
        pq.ParquetFile(source) as parquet,
    ):
        table = parquet.read(columns=columns)
    return table if columns is None else table.select(columns)


def check_key(key: str) -> str:
    """The key itself, if it is safe as a folder name; else an error. Keys come from data and must not leave their folder."""
    if not _KEY.fullmatch(key) or ".." in key:
        raise MateriaError(
            f"{key!r} is no valid partition key", remedy="Use lower-case letters, digits, '_', '.', '-', '='"
        )
    return key


def slug_of(name: str) -> str:
    """The characters of a name that a partition key may have; the others as hyphens, the last 80 of them."""
    text = re.sub(r"\.{2,}", ".", re.sub(r"[^a-z0-9_.]+", "-", name.lower()))
    return text[-_LONGEST_SLUG:].strip(".-") or "file"


def partition_key(name: str) -> str:
    """A partition key for anything that has a name: its slug, and a piece of its hash.

    >>> partition_key("PubMed/pubmed26n0001.xml.gz")
    'pubmed-pubmed26n0001.xml.gz-ee927fcf'
    """
    return f"{slug_of(name)}-{hash_fields(name)[:8]}"


class Dataset:
    """The partitions of one asset, below a home folder (a path or any fsspec URL)."""

    def __init__(self, home: UPath | Path | str, asset: str) -> None:
        self.asset = check_key(asset)
        self.url = UPath(home) / asset
        self._local = self.url.path if _is_local(self.url) else None

    def manifest(self, key: str = WHOLE) -> Manifest | None:
        """The manifest of a partition, or None where it was never completed."""
        name = f"{MANIFESTS}/{check_key(key)}.json"
        try:
            if self._local is not None:
                return _read_manifest(f"{self._local}/{name}")
            return Manifest.from_json((self.url / name).read_text(encoding="utf-8"), str(self.url / name))
        except FileNotFoundError:
            return None

    def manifests(self) -> dict[str, Manifest]:
        """Every complete partition's manifest, by key, sorted."""
        return {key: manifest for key in self._keys() if (manifest := self.manifest(key)) is not None}

    def _keys(self) -> list[str]:
        folder = Path(self._local) / MANIFESTS if self._local is not None else self.url / MANIFESTS
        try:
            names = [path.name for path in folder.iterdir()]
        except FileNotFoundError:
            return []
        return sorted(name.removesuffix(".json") for name in names if name.endswith(".json"))

    def paths(self, key: str = WHOLE, suffix: str = ".parquet", containing: str = "") -> list[str]:
        """Full paths of a partition's files of one kind, whose relative path contains a text; [] where there is none."""
        manifest = self.manifest(key)
        if manifest is None:
            return []
        return [
            str(self.url / entry.path)
            for entry in manifest.files
            if entry.path.endswith(suffix) and containing in entry.path and not entry.path.startswith(PRIVATE)
        ]

    def read(self, key: str = WHOLE, columns: list[str] | None = None, containing: str = "") -> pa.Table:
        """A partition's table, whole. Raises MateriaError where the partition has not been built.

        A build that replaces the partition meanwhile removes the files that were just named; then the new ones are read.
        """
        while True:
            paths = self.paths(key, containing=containing)
            if not paths:
                raise MateriaError(
                    f"{self.asset}/{key} has not been built", remedy=f"Run: materia build --until {self.asset}"
                )
            try:
                return pa.concat_tables([read_table(path, columns) for path in paths])
            except FileNotFoundError:
                if paths == self.paths(key, containing=containing):
                    raise

    def batches(
        self, key: str = WHOLE, columns: list[str] | None = None, batch_size: int = 4096, containing: str = ""
    ) -> Iterator[pa.RecordBatch]:
        """A partition's table in pieces, so that memory does not grow with the partition."""
        for path in self.paths(key, containing=containing):
            with pq.ParquetFile(path) as parquet:
                yield from parquet.iter_batches(batch_size=batch_size, columns=columns)

    def set_aside(self, key: str = WHOLE) -> pa.Table:
        """The records of a partition that were set aside, with their reasons."""
        manifest = self.manifest(key)
        entries = [e for e in manifest.files if e.path.startswith("_set_aside/")] if manifest else []
        return pa.concat_tables([SET_ASIDE.empty_table(), *(read_table(str(self.url / e.path)) for e in entries)])

    def state(self, name: str, key: str = WHOLE) -> str | None:
        """Full path of a table that a partition kept for the next build (`PartitionWriter.state`); None where there is none."""
        manifest = self.manifest(key)
        for entry in manifest.files if manifest else ():
            if entry.path.startswith(f"_state/{key}/{name}-"):
                return str(self.url / entry.path)
        return None

    def is_whole(self, manifest: Manifest) -> bool:
        """Whether every file that a manifest names is there, as long as it was written, and its state to the byte.

        What a build compares with must not have changed: it would take over what it should compute, and say nothing.
        """
        try:
            return all(
                (self.url / entry.path).stat().st_size == entry.bytes
                and (not entry.path.startswith(_STATE) or file_sha256(self.url / entry.path) == entry.sha256)
                for entry in manifest.files
            )
        except OSError:
            return False

    def writer(self, key: str = WHOLE) -> PartitionWriter:
        """A writer that stages files for a partition and puts them in force together, by `commit`."""
        return PartitionWriter(self, check_key(key))

    def delete(self, key: str) -> None:
        """Remove a partition: first its manifest, then its files. Killed between, it leaves a staging folder as a sign."""
        manifest = self.manifest(key)
        if manifest is not None:
            with self.writer(key):
                (self.url / MANIFESTS / f"{key}.json").unlink()
                self.remove_files(manifest.files)

    def remove_files(self, entries: Iterable[FileEntry]) -> None:
        """Remove files that no manifest names any more, and the folders they leave empty on a disk."""
        for entry in entries:
            path = self.url / entry.path
            path.unlink(missing_ok=True)
            if _is_local(path):
                for parent in Path(path.path).parents:
                    if parent == Path(self.url.path) or any(parent.iterdir()):
                        break
                    parent.rmdir()


@dataclass(frozen=True, slots=True)
class Layout:
    """How a table lies in its Parquet file, where that matters to others than Materia.

    Attributes:
        rows: rows of one row group.
        dictionaries: columns written with a dictionary; all, as long as it is small, for True.
        statistics: columns whose least and greatest value stand in the footer; all for True.
    """

    rows: int = _ROW_GROUP_ROWS
    dictionaries: bool | tuple[str, ...] = True
    statistics: bool | tuple[str, ...] = True


_PLAIN = Layout()


class TableSink:
    """A Parquet file being written, row group by row group, at flat memory. Byte-identical for identical rows."""

    def __init__(self, path: Path, schema: pa.Schema, layout: Layout = _PLAIN) -> None:
        self.path = path
        self.schema = schema
        self.rows = 0
        self._group = layout.rows
        dictionaries, statistics = (
            list(names) if isinstance(names, tuple) else names for names in (layout.dictionaries, layout.statistics)
        )
        self._writer = pq.ParquetWriter(
            path,
            schema,
            compression="zstd",
            compression_level=3,
            use_dictionary=dictionaries,
            write_statistics=statistics,
        )
        self._pending: list[pa.RecordBatch] = []
        self._pending_rows = 0

    def write(self, rows: pa.RecordBatch | pa.Table) -> None:
        """Append rows, cast to the table's schema. Row groups depend on the rows only, not on how they were cut into batches."""
        table = pa.Table.from_batches([rows]) if isinstance(rows, pa.RecordBatch) else rows
        table = table.select(self.schema.names).cast(self.schema)
        self.rows += table.num_rows
        self._pending += table.to_batches()
        self._pending_rows += table.num_rows
        while self._pending_rows >= self._group:
            self._flush(self._group)

    def _flush(self, rows: int) -> None:
        pending = pa.Table.from_batches(self._pending, self.schema)
        self._writer.write_table(pending.slice(0, rows).combine_chunks(), row_group_size=self._group)
        rest = pending.slice(rows)
        self._pending, self._pending_rows = rest.to_batches(), rest.num_rows

    def close(self) -> None:
        """Write what is pending and the footer."""
        if self._pending_rows:
            self._flush(self._pending_rows)
        self._writer.close()


class PartitionWriter:
    """Stages the files of one partition. Use as a context manager; nothing is in force until `commit`."""

    def __init__(self, dataset: Dataset, key: str) -> None:
        self.dataset = dataset
        self.key = key
        self.summary: dict[str, Any] = {}
        self._records: list[SetAside] = []
        self._counts: Counter[str] = Counter()
        self._sinks: dict[str, TableSink] = {}
        self._staged: dict[str, Path] = {}
        self._kept: list[FileEntry] = []
        if _is_local(dataset.url):
            base = Path(dataset.url.path) / STAGING
            base.mkdir(parents=True, exist_ok=True)
            self._folder = Path(tempfile.mkdtemp(prefix=f"{key}.", dir=base))
        else:
            self._folder = Path(tempfile.mkdtemp(prefix="materia."))

    def __enter__(self) -> PartitionWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for sink in self._sinks.values():
            if kind is not None:
                with suppress(OSError):  # the disk is full, say: its footer has no more room than its rows
                    sink._writer.close()
        shutil.rmtree(self._folder, ignore_errors=True)
        if _is_local(self.dataset.url):
            base = Path(self.dataset.url.path) / STAGING
            if base.exists() and not any(base.iterdir()):
                base.rmdir()

    def file(self, path: str) -> Path:
        """A local path to write one file to, that will stand at `path` (with a hash in its name) below the asset's folder."""
        staged = self._folder / hashlib.sha256(path.encode()).hexdigest()
        self._staged[path] = staged
        return staged

    def folder(self, path: str) -> Path:
        """A local folder to fill (a model directory), that will stand at `path` with a hash in its last name."""
        staged = self.file(path)
        staged.mkdir()
        return staged

    def table(self, path: str, schema: pa.Schema, layout: Layout = _PLAIN) -> TableSink:
        """The sink of a table that will stand at `path` (ending in .parquet, with a hash in its name)."""
        if path not in self._sinks:
            self._sinks[path] = TableSink(self.file(path), schema, layout)
        return self._sinks[path]

    def state(self, name: str, schema: pa.Schema, layout: Layout = _PLAIN) -> TableSink:
        """The sink of a table that is no output: what the next build compares with, to do again only what changed.

        It must depend on the inputs alone, as all output must, and never on how they came about.
        """
        return self.table(f"_state/{self.key}/{name}.parquet", schema, layout)

    def state_copy(self, name: str, path: str) -> None:
        """Keep a Parquet file of an input as it is, for the next build to compare with; read by `Dataset.state`."""
        staged = self.file(f"_state/{self.key}/{name}.parquet")
        with UPath(path).open("rb") as source, staged.open("wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)

    def keep(self, entry: FileEntry) -> None:
        """Take over a file of the partition as it is in force, unread and unchanged."""
        self._kept.append(entry)

    def set_aside(self, record: SetAside) -> None:
        """Put a record aside with its reason: counted in the manifest, listed in a table beside the rows."""
        self._counts[record.reason] += 1
        self._records.append(record)
        if len(self._records) == _ROW_GROUP_ROWS:
            self._write_set_aside()

    def _write_set_aside(self) -> None:
        """Move the records from memory to their table: there may be as many as a file has lines."""
        sink = self.table(f"_set_aside/{self.key}.parquet", SET_ASIDE)
        sink.write(pa.Table.from_pylist([asdict(record) for record in self._records], SET_ASIDE))
        self._records.clear()

    def commit(self, *, skip_key: str, code_version: str, inputs: dict[str, str], rules: str = "") -> Manifest:
        """Put the staged files in force: move them to their content names, replace the manifest, remove what it left."""
        if self._records:
            self._write_set_aside()
        for sink in self._sinks.values():
            sink.close()
        moved = [entry for path in sorted(self._staged) for entry in self._move(path)]
        entries = sorted([*moved, *self._kept], key=lambda entry: entry.path)
        output = [entry for entry in entries if not entry.path.startswith(PRIVATE)]
        rows = sum(entry.rows or 0 for entry in output)
        version = hash_json([[entry.path, entry.sha256] for entry in output])
        manifest = Manifest(
            self.dataset.asset,
            self.key,
            skip_key,
            version,
            code_version,
            inputs,
            tuple(entries),
            rows,
            dict(sorted(self._counts.items())),
            self.summary,
            rules,
        )
        previous = self.dataset.manifest(self.key)
        if previous is None:
            self._sweep(moved)
        write_atomically(self.dataset.url / MANIFESTS / f"{self.key}.json", manifest.to_json())
        if previous is not None:
            kept = {entry.path for entry in entries}
            self.dataset.remove_files(entry for entry in previous.files if entry.path not in kept)
        return manifest

    def _sweep(self, moved: Sequence[FileEntry]) -> None:
        """Remove what stands under the same names with other hashes: of a manifest that is lost, so that none names it."""
        for entry in moved:
            folder = self.dataset.url / entry.path.rpartition("/")[0]
            name = re.fullmatch(r"(.+-)[0-9a-f]{16}(\.\w+)", entry.path.rpartition("/")[2])
            if name is None or not _is_local(folder):
                continue
            like = re.compile(re.escape(name[1]) + r"[0-9a-f]{16}" + re.escape(name[2]))
            for path in folder.iterdir():
                if like.fullmatch(path.name) and path.name != entry.path.rpartition("/")[2]:
                    path.unlink()

    def _move(self, path: str) -> Iterator[FileEntry]:
        """Move one staged file or folder to its content name; yield an entry for each file."""
        staged = self._staged[path]
        sink = self._sinks.get(path)
        if staged.is_dir():
            inside = sorted(p for p in staged.rglob("*") if p.is_file())
            hashes = {str(p.relative_to(staged)): file_sha256(p) for p in inside}
            stem = f"{path}-{hash_json(hashes)[:16]}"
            for p in inside:
                name = str(p.relative_to(staged))
                size = p.stat().st_size
                self._place(p, f"{stem}/{name}")
                yield FileEntry(f"{stem}/{name}", hashes[name], size)
            return
        sha256, size = file_sha256(staged), staged.stat().st_size
        parent, _, name = path.rpartition("/")
        stem, _, suffix = name.partition(".")
        final = f"{parent + '/' if parent else ''}{stem}-{sha256[:16]}.{suffix}"
        self._place(staged, final)
        yield FileEntry(final, sha256, size, sink.rows if sink else None)

    def _place(self, staged: Path, final: str) -> None:
        target = self.dataset.url / final
        target.parent.mkdir(parents=True, exist_ok=True)
        if _is_local(target):
            staged.replace(target.path)
        else:
            target.fs.put_file(str(staged), target.path)
