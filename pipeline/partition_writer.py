"""The writer of one partition: files are staged, named by their content, put in place, and then named by the manifest.

Cost: a millisecond of processor time a partition, beside writing its files.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from upath import UPath

from pipeline.errors import SetAside
from pipeline.files import file_sha256
from pipeline.hashing import hash_json
from pipeline.manifest import PRIVATE, STATE, FileEntry, Manifest
from pipeline.table_files import PLAIN, Layout, TableSink
from pipeline.tables import SET_ASIDE

if TYPE_CHECKING:
    from pipeline.storage import Dataset

__all__ = ["PartitionWriter"]

#: Records set aside that are held in memory, at most.
_HELD = 16_384
_NUMBERS = itertools.count()


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
        self._stack = ExitStack()
        self._folder = self._stack.enter_context(dataset.staging())
        self._prefix = f"{key}.{os.getpid()}-{next(_NUMBERS)}."

    def __enter__(self) -> PartitionWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for sink in self._sinks.values():
            if kind is not None:
                with suppress(OSError):  # the disk is full, say: its footer has no more room than its rows
                    sink.abandon()
        for staged in self._staged.values():
            if staged.is_dir():
                shutil.rmtree(staged, ignore_errors=True)
            else:
                staged.unlink(missing_ok=True)
        self._stack.__exit__(kind, error, trace)

    def file(self, path: str) -> Path:
        """A local path to write one file to, that will stand at `path` (with a hash in its name) below the asset's folder."""
        return self._staged.setdefault(path, self._folder / f"{self._prefix}{len(self._staged)}")

    def folder(self, path: str) -> Path:
        """A local folder to fill (a model directory), that will stand at `path` with a hash in its last name."""
        staged = self._staged[path] = Path(tempfile.mkdtemp(prefix=self._prefix, dir=self._folder))
        return staged

    def table(self, path: str, schema: pa.Schema, layout: Layout = PLAIN) -> TableSink:
        """The sink of a table that will stand at `path` (ending in .parquet, with a hash in its name)."""
        if path not in self._sinks:
            self._sinks[path] = TableSink(self.file(path), schema, layout)
        return self._sinks[path]

    def state(self, name: str, schema: pa.Schema, layout: Layout = PLAIN) -> TableSink:
        """The sink of a table that is no output: what the next build compares with, to do again only what changed.

        It must depend on the inputs alone, as all output must, and never on how they came about.
        """
        return self.table(f"{STATE}{self.key}/{name}.parquet", schema, layout)

    def state_copy(self, name: str, path: str) -> None:
        """Keep a Parquet file of an input as it is, for the next build to compare with; read by `Dataset.state`."""
        staged = self.file(f"{STATE}{self.key}/{name}.parquet")
        with UPath(path).open("rb") as source, staged.open("wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)

    def keep(self, entry: FileEntry) -> None:
        """Take over a file of the partition as it is in force, unread and unchanged."""
        self._kept.append(entry)

    def set_aside(self, record: SetAside) -> None:
        """Put a record aside with its reason: counted in the manifest, listed in a table beside the rows."""
        self._counts[record.reason] += 1
        self._records.append(record)
        if len(self._records) == _HELD:
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
        manifest = Manifest(
            self.dataset.asset,
            self.key,
            skip_key,
            hash_json([[entry.path, entry.sha256] for entry in output]),
            code_version,
            inputs,
            tuple(entries),
            sum(entry.rows or 0 for entry in output),
            dict(sorted(self._counts.items())),
            self.summary,
            rules,
        )
        previous = self.dataset.manifest(self.key)
        if previous is None and self.dataset.copy is None:  # a store is swept by its listing (`pipeline.leftovers`)
            self._sweep(moved)
        written = self.dataset.put_manifest(manifest)
        if previous is not None:
            kept = {entry.path for entry in entries}
            self.dataset.remove_files(entry for entry in previous.files if entry.path not in kept)
        return written

    def _sweep(self, moved: Sequence[FileEntry]) -> None:
        """Remove what stands under the same names with other hashes: of a manifest that is lost, so that none names it."""
        for entry in moved:
            folder = Path(self.dataset.url.path) / entry.path.rpartition("/")[0]
            name = re.fullmatch(r"(.+-)[0-9a-f]{16}(\.\w+)", entry.path.rpartition("/")[2])
            if name is None:
                continue
            like = re.compile(re.escape(name[1]) + r"[0-9a-f]{16}" + re.escape(name[2]))
            for path in folder.iterdir():
                if like.fullmatch(path.name) and path.name != entry.path.rpartition("/")[2]:
                    path.unlink()

    def _move(self, path: str) -> Iterator[FileEntry]:
        """Move one staged file or folder to its content name; yield an entry for each file."""
        staged, sink = self._staged.pop(path), self._sinks.get(path)
        if sink is None and staged.is_dir():
            inside = sorted(p for p in staged.rglob("*") if p.is_file())
            hashes = {str(p.relative_to(staged)): file_sha256(p) for p in inside}
            stem = f"{path}-{hash_json(hashes)[:16]}"
            for p in inside:
                name = str(p.relative_to(staged))
                size = p.stat().st_size
                self.dataset.place(p, f"{stem}/{name}")
                yield FileEntry(f"{stem}/{name}", hashes[name], size)
            shutil.rmtree(staged)
            return
        sha256, size = file_sha256(staged), staged.stat().st_size
        parent, _, name = path.rpartition("/")
        stem, _, suffix = name.partition(".")
        final = f"{parent + '/' if parent else ''}{stem}-{sha256[:16]}.{suffix}"
        self.dataset.place(staged, final)
        yield FileEntry(final, sha256, size, sink.rows if sink else None)
