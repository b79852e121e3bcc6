"""Manifests: what each partition holds and what it was made from, as JSON with one thing a line.

Written by the encoder that is compiled, a line for each entry, 0.1 ms a manifest; with `indent` Python's own encoder does it, which
takes ten times as long. What was read is remembered as long as the file is the same one.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from pipeline.errors import MateriaError
from pipeline.files import write_atomically

__all__ = ["MANIFESTS", "PRIVATE", "STATE", "FileEntry", "Manifest", "read_manifest", "write_manifest"]

#: The folder of an asset that holds its manifests.
MANIFESTS = "_manifests"
#: Where files of a partition stand that the next build compares with.
STATE = "_state/"
#: Files of a partition that are no output of it: records set aside, and what the next build compares with.
PRIVATE = ("_set_aside/", STATE)

_SCHEMA = "materia.manifest.v3"
#: v1 had no `rules`, and v2 stood beside tables that were compressed otherwise. Such a partition can be read, and counts as stale.
_OLDER_SCHEMAS = ("materia.manifest.v1", "materia.manifest.v2")
#: A file that was written so long ago has another time of change if it is written again; clocks of file systems tick in milliseconds.
_SETTLED_NS = 100_000_000
_Stamp = tuple[int, int, int]
_encoded = json.JSONEncoder(sort_keys=True, ensure_ascii=False).encode


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
        values: dict[str, Any] = {"schema": _SCHEMA}
        values |= {one.name: getattr(self, one.name) for one in fields(self)}
        values["files"] = [{"path": e.path, "sha256": e.sha256, "bytes": e.bytes, "rows": e.rows} for e in self.files]
        lines = (f" {_encoded(name)}: {_value(values[name])}" for name in sorted(values))
        return "{\n" + ",\n".join(lines) + "\n}\n"

    @classmethod
    def from_json(cls, text: str, place: str) -> Manifest:
        """Read a stored manifest; `place` names it in the error."""
        try:
            values = json.loads(text)
            schema = values.pop("schema")
            if schema in _OLDER_SCHEMAS:
                values["rules"] = ""
            elif schema != _SCHEMA:
                raise MateriaError(
                    "has a schema this version does not read", file=place, remedy="Build into a new home"
                )
            values["files"] = tuple(FileEntry(**entry) for entry in values["files"])
            return cls(**values)
        except (ValueError, KeyError, TypeError) as error:
            raise MateriaError(
                f"is not a manifest ({error})", file=place, remedy="Delete it; the next build makes it again"
            ) from error


def _value(value: Any) -> str:
    """JSON of a value; an object or a list with a line for each thing in it."""
    if isinstance(value, dict) and value:
        return "{" + ",".join(f"\n  {_encoded(name)}: {_encoded(value[name])}" for name in sorted(value)) + "\n }"
    if isinstance(value, list) and value:
        return "[" + ",".join(f"\n  {_encoded(one)}" for one in value) + "\n ]"
    return _encoded(value)


#: Manifests that were read, by path, each with what tells its file from another: a build asks for most of them many times.
_READ: dict[str, tuple[_Stamp, Manifest]] = {}


def read_manifest(path: str) -> Manifest:
    """The manifest in a local file, read again only where the file is another one."""
    stat = os.stat(path)  # noqa: PTH116  (called some ten thousand times in a large home)
    stamp = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
    known = _READ.get(path)
    if known is not None and known[0] == stamp:
        return known[1]
    manifest = Manifest.from_json(Path(path).read_text(encoding="utf-8"), path)
    if time.time_ns() - stat.st_mtime_ns > _SETTLED_NS:
        _READ[path] = stamp, manifest
    return manifest


def write_manifest(path: str, manifest: Manifest) -> Manifest:
    """Put a manifest in force, in one step; the manifest as it will be read."""
    text = manifest.to_json()
    write_atomically(path, text)
    return Manifest.from_json(text, path)
