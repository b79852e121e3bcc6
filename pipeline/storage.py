"""Where every table and file is written and read: one folder an asset, one manifest a partition.

    HOME/triples/_manifests/03.json        what partition 03 holds: files, hashes, rows, inputs, versions
    HOME/triples/03/triples-<hash>.parquet

A file is written to a staging folder, named by the hash of its bytes, moved into place, and only then named by the
manifest, which is replaced in one step. A reader goes through the manifest, so it sees the old partition or the new one,
never half of either, and a build killed at any moment leaves the old manifest in force. It needs no rename of folders,
so an object store (any fsspec URL) serves as well as a disk: paths are then those of copies on this machine
(`pipeline.working_copy`). Rejected: fixed file names (a crash between data and
manifest leaves the two disagreeing), table formats such as Delta or Iceberg (their logs hold clocks and random names,
so equal inputs would not give equal bytes).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from upath import UPath

from pipeline.errors import MateriaError
from pipeline.files import file_sha256, is_local, write_atomically
from pipeline.manifest import MANIFESTS, PRIVATE, STATE, FileEntry, Manifest, read_manifest, write_manifest
from pipeline.partition_keys import WHOLE, check_key, partition_key, slug_of
from pipeline.partition_writer import PartitionWriter
from pipeline.staging import STAGING, staging_folder
from pipeline.table_files import Layout, TableSink, read_table
from pipeline.tables import SET_ASIDE
from pipeline.working_copy import look_again, working_copy

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
    "check_key",
    "file_sha256",
    "look_again",
    "partition_key",
    "read_table",
    "slug_of",
    "write_atomically",
]


class Dataset:
    """The partitions of one asset, below a home folder (a path or any fsspec URL)."""

    def __init__(self, home: UPath | Path | str, asset: str) -> None:
        self.asset = check_key(asset)
        self.url = UPath(home) / asset
        #: What is in the store and what is copied here, where the home is in an object store; else None.
        self.copy = None if is_local(self.url) else working_copy(UPath(home), asset)
        self._local = self.url.path if self.copy is None else self.copy.folder

    def manifest(self, key: str = WHOLE) -> Manifest | None:
        """The manifest of a partition, or None where it was never completed."""
        try:
            if self.copy is not None:
                return self.copy.manifest(check_key(key))
            return read_manifest(self._manifest(check_key(key)))
        except FileNotFoundError:
            return None

    def _manifest(self, key: str) -> str:
        return f"{self._local}/{MANIFESTS}/{key}.json"

    def put_manifest(self, manifest: Manifest) -> Manifest:
        """Put a manifest in force; the manifest as it will be read."""
        if self.copy is not None:
            return self.copy.put_manifest(manifest)
        return write_manifest(self._manifest(manifest.partition), manifest)

    def manifests(self) -> dict[str, Manifest]:
        """Every complete partition's manifest, by key, sorted."""
        return {key: manifest for key in self._keys() if (manifest := self.manifest(key)) is not None}

    def _keys(self) -> list[str]:
        if self.copy is not None:
            return list(self.copy.versions())
        try:
            names = os.listdir(f"{self._local}/{MANIFESTS}")  # noqa: PTH208
        except FileNotFoundError:
            return []
        return sorted(name.removesuffix(".json") for name in names if name.endswith(".json"))

    def look_again(self) -> None:
        """See what others wrote since: of an asset in an object store listings are remembered."""
        if self.copy is not None:
            self.copy.forget_listings()

    def fetch(self, entries: Iterable[FileEntry]) -> list[str]:
        """Full paths on this machine of files that a manifest names; those in an object store are brought here, several at once."""
        wanted = list(entries)
        if self.copy is not None:
            self.copy.fetch(wanted)
        return [f"{self._local}/{entry.path}" for entry in wanted]

    def paths(self, key: str = WHOLE, suffix: str = ".parquet", containing: str = "") -> list[str]:
        """Full paths of a partition's files of one kind, whose relative path contains a text; [] where there is none."""
        return self.paths_of([key], suffix, containing)

    def paths_of(self, keys: Iterable[str] | None = None, suffix: str = ".parquet", containing: str = "") -> list[str]:
        """Full paths of some partitions' files, or of all's, as `paths` gives them, partition by partition."""
        while True:
            manifests = [self.manifest(key) for key in (self._keys() if keys is None else keys)]
            try:
                return self.fetch(
                    entry
                    for manifest in manifests
                    for entry in (manifest.files if manifest is not None else ())
                    if entry.path.endswith(suffix) and containing in entry.path and not entry.path.startswith(PRIVATE)
                )
            except FileNotFoundError:  # a build on another machine has just replaced them
                self.look_again()
                if manifests == [self.manifest(key) for key in (self._keys() if keys is None else keys)]:
                    raise

    def folders(self, key: str = WHOLE) -> list[Path]:
        """The folders that a partition holds with all files in them (`PartitionWriter.folder`), sorted; those of models, say."""
        manifest = self.manifest(key)
        inside = [entry for entry in (manifest.files if manifest else ()) if _in_folder(entry.path)]
        self.fetch(inside)
        return sorted({Path(self._local) / entry.path.split("/")[0] for entry in inside})

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
                self.look_again()
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
        return pa.concat_tables([SET_ASIDE.empty_table(), *map(read_table, self.fetch(entries))])

    def state(self, name: str, key: str = WHOLE) -> str | None:
        """Full path of a table that a partition kept for the next build (`PartitionWriter.state`); None where there is none."""
        manifest = self.manifest(key)
        for entry in manifest.files if manifest else ():
            if entry.path.startswith(f"{STATE}{key}/{name}-"):
                return self.fetch([entry])[0]
        return None

    def is_whole(self, manifest: Manifest) -> bool:
        """Whether every file that a manifest names is there, as long as it was written, and its state to the byte.

        What a build compares with must not have changed: it would take over what it should compute, and say nothing.
        """
        try:
            if self.copy is not None:
                sizes = self.copy.sizes()
                self.copy.fetch([entry for entry in manifest.files if entry.path.startswith(STATE)])
                return all(sizes.get(entry.path) == entry.bytes for entry in manifest.files)
            root = Path(self._local)
            return all(
                (root / entry.path).stat().st_size == entry.bytes
                and (not entry.path.startswith(STATE) or file_sha256(root / entry.path) == entry.sha256)
                for entry in manifest.files
            )
        except OSError:
            return False

    def writer(self, key: str = WHOLE) -> PartitionWriter:
        """A writer that stages files for a partition and puts them in force together, by `commit`."""
        return PartitionWriter(self, check_key(key))

    def staging(self) -> AbstractContextManager[Path]:
        """The folder in which files are staged, kept while this lasts: to be entered by whoever writes many partitions."""
        return staging_folder(self._local) if self.copy is None else staging_folder(self._local, self.copy.writing)

    def delete(self, key: str) -> None:
        """Remove a partition: first its manifest, then its files. Killed between, it leaves a sign that somebody wrote."""
        manifest = self.manifest(key)
        if manifest is not None:
            with self.staging():
                self.forget(key)
                self.remove_files(manifest.files)

    def forget(self, key: str) -> None:
        """Remove what stands in the place of a partition's manifest, so that the next build makes the partition anew."""
        if self.copy is not None:
            self.copy.remove_manifest(key)
            return
        path = Path(self._manifest(key))
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)

    def place(self, staged: Path, path: str) -> None:
        """Move a staged file to where it will stand."""
        if self.copy is not None:
            self.copy.place(staged, path)
            return
        final = f"{self._local}/{path}"
        try:
            os.replace(staged, final)  # noqa: PTH105  (paths as texts: this is done for every file of a build)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(final), exist_ok=True)  # noqa: PTH103, PTH120
            os.replace(staged, final)  # noqa: PTH105

    def remove_files(self, entries: Iterable[FileEntry]) -> None:
        """Remove files that no manifest names any more, and the folders they leave empty on a disk.

        In an object store they go when the staging folder does, in few requests.
        """
        if self.copy is not None:
            self.copy.remove(entry.path for entry in entries)
            return
        for entry in entries:
            with suppress(FileNotFoundError):
                os.unlink(f"{self._local}/{entry.path}")  # noqa: PTH108
            parent = entry.path.rpartition("/")[0]
            while parent:
                try:
                    os.rmdir(f"{self._local}/{parent}")  # noqa: PTH106
                except OSError:  # it is not empty
                    break
                parent = parent.rpartition("/")[0]


def _in_folder(path: str) -> bool:
    return "/" in path and not path.startswith(PRIVATE)
