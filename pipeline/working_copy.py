"""The files of one asset of a home in an object store, and their copies on this machine.

The store is the truth. A file is named by its content and never changes, so its copy is right for ever or absent; it is fetched
when it is first asked for, several at once, checked by size and SHA-256, and moved into place. A manifest is replaced, so its copy is
named by what a listing tells of it (the ETag): one listing an asset shows which manifests are other ones, and only these are
fetched. A listing holds until the home is looked at anew (`look_again`): when it is opened, and when it is locked for writing.

Costs of a home where nothing changed: a request for an asset, and none for its files. Rejected: reading Parquet from the store by
ranges (each stage reads whole files, often twice, and DuckDB, mapped arrays and models want local ones); copies named like the
manifests (two processes that write one, each with its ETag beside it, can leave the two disagreeing).
"""

from __future__ import annotations

import hashlib
import itertools
import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from upath import UPath

from pipeline.errors import UnreachableError
from pipeline.files import file_sha256
from pipeline.hashing import hash_fields
from pipeline.manifest import MANIFESTS, FileEntry, Manifest, read_manifest
from pipeline.working_folder import working_folder

if TYPE_CHECKING:
    from pipeline.object_store import ObjectStore

__all__ = ["SIGNS", "WorkingCopy", "guarded", "look_again", "object_store", "working_copy"]

#: The folder of a home in a store where each process that writes to an asset says so: `_writing/<asset>/<process>`.
SIGNS = "_writing"
_AT_ONCE = 8
_NUMBERS = itertools.count()
#: With its number, tells this process from others: containers that share the folder of copies have the same numbers, and a forked
#: process has its parent's token.
_PROCESS = secrets.token_hex(4)


@cache
def object_store(home: str) -> ObjectStore:
    """The store of a home, opened once a process."""
    from pipeline.object_store import ObjectStore  # fsspec's parts that a local home needs not

    return ObjectStore(home)


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="materia-store")


_COPIES: dict[tuple[str, str], WorkingCopy] = {}
_GUARDS: dict[str, list[Callable[[], None]]] = {}


def working_copy(home: UPath | str, asset: str) -> WorkingCopy:
    """The working copy of an asset, one a process, whoever asks for it."""
    url = str(home).rstrip("/")
    if (url, asset) not in _COPIES:
        _COPIES[url, asset] = WorkingCopy(url, asset)
    return _COPIES[url, asset]


def look_again(home: UPath | Path | str, *assets: str) -> None:
    """Forget what listings told of a home in an object store (of these assets, or all): others may have written there since."""
    url = str(home).rstrip("/")
    for (place, asset), copy in _COPIES.items():
        if place == url and (not assets or asset in assets):
            copy.forget_listings()


@contextmanager
def guarded(home: str, check: Callable[[], None]) -> Iterator[None]:
    """While this lasts, `check` is called before a manifest is put in force or anything removed; it raises where that must not be."""
    guards = _GUARDS.setdefault(home, [])
    guards.append(check)
    try:
        yield
    finally:
        guards.remove(check)


class WorkingCopy:
    """What an asset holds in the store, with copies below `folder`."""

    def __init__(self, home: str, asset: str) -> None:
        self._home, self._asset = home, asset
        self.folder = str(working_folder(home) / asset)
        self._manifests: dict[str, str] | None = None  # the version of each partition's manifest
        self._files: dict[str, int] | None = None  # bytes of each file
        self._uploads: list[Future[None]] = []
        self._doomed: list[str] = []

    @property
    def _store(self) -> ObjectStore:
        return object_store(self._home)

    def _name(self, path: str) -> str:
        return f"{self._asset}/{path}"

    def _guard(self) -> None:
        for check in tuple(_GUARDS.get(self._home, ())):
            check()

    def forget_listings(self) -> None:
        """Ask the store again when something is asked for next."""
        self._manifests = self._files = None

    # Manifests

    def versions(self) -> dict[str, str]:
        """Of every complete partition a name of its manifest's content, sorted. Brings the manifests that are other ones than before."""
        if self._manifests is None:
            listed = self._store.listing(self._name(MANIFESTS))
            found = {
                name.removesuffix(".json"): one.version
                for name, one in listed.items()
                if name.endswith(".json") and "/" not in name
            }
            missing = [key for key, version in found.items() if not Path(self._manifest_copy(key, version)).exists()]
            list(_threads().map(lambda key: self._fetch_manifest(key, found[key]), missing))
            self._manifests = found
        return self._manifests

    def _manifest_copy(self, key: str, version: str) -> str:
        return f"{self.folder}/{MANIFESTS}/{key}.{version}.json"

    def _fetch_manifest(self, key: str, version: str) -> None:
        with suppress(FileNotFoundError):  # its partition was removed since
            self._write_copy(self._manifest_copy(key, version), self._store.read(self._name(f"{MANIFESTS}/{key}.json")))

    def manifest(self, key: str) -> Manifest:
        """The manifest of a partition.

        Raises:
            FileNotFoundError: it is not complete.
        """
        version = self.versions().get(key)
        if version is None:
            raise FileNotFoundError(key)
        copy = self._manifest_copy(key, version)
        try:
            return read_manifest(copy)
        except FileNotFoundError:  # somebody emptied the folder of copies
            self._fetch_manifest(key, version)
            return read_manifest(copy)

    def put_manifest(self, manifest: Manifest) -> Manifest:
        """Put a manifest in force, once the files it names are in the store."""
        self._finish_uploads()
        known = self.versions()
        self._guard()
        data = manifest.to_json().encode()
        self._store.write(self._name(f"{MANIFESTS}/{manifest.partition}.json"), data)
        # S3 and GCS name an object by its MD5, so the next listing finds this copy; where it has another name it is fetched once.
        version = hash_fields(hashlib.md5(data, usedforsecurity=False).hexdigest(), str(len(data)))[:16]
        self._write_copy(self._manifest_copy(manifest.partition, version), data)
        self._manifests = dict(sorted({**known, manifest.partition: version}.items()))
        return self.manifest(manifest.partition)

    def remove_manifest(self, key: str) -> None:
        """The partition counts as never built."""
        self._guard()
        self._store.remove([self._name(f"{MANIFESTS}/{key}.json")])
        if self._manifests is not None:
            self._manifests = {one: version for one, version in self._manifests.items() if one != key}

    # Files

    def fetch(self, entries: Sequence[FileEntry]) -> None:
        """Bring files that are not here, several at once.

        Raises:
            FileNotFoundError: one is not in the store.
            UnreachableError: it is there and has other bytes than its manifest says.
        """
        missing = [entry for entry in entries if not self._is_here(entry)]
        if len(missing) == 1:
            self._fetch_file(missing[0])
        elif missing:
            list(_threads().map(self._fetch_file, missing))

    def _is_here(self, entry: FileEntry) -> bool:
        """Whether the copy is there; then it counts as used now."""
        path = f"{self.folder}/{entry.path}"
        with suppress(FileNotFoundError):
            if os.stat(path).st_size == entry.bytes:  # noqa: PTH116
                os.utime(path)
                return True
        return False

    def _fetch_file(self, entry: FileEntry) -> None:
        part = self._part(f"{self.folder}/{entry.path}")
        try:
            for attempt in (1, 2):  # a connection that breaks can leave a file short
                self._store.get(self._name(entry.path), part)
                if os.stat(part).st_size == entry.bytes and file_sha256(Path(part)) == entry.sha256:  # noqa: PTH116
                    os.replace(part, f"{self.folder}/{entry.path}")  # noqa: PTH105
                    return
                if attempt == 2:
                    raise UnreachableError(
                        "has other bytes in the store than its manifest says",
                        file=f"{self._home}/{self._name(entry.path)}",
                        remedy="Run: materia doctor --deep --mend, then materia build",
                    )
        finally:
            Path(part).unlink(missing_ok=True)

    def place(self, staged: Path, path: str) -> None:
        """Take a staged file for the copy, and begin to upload it; `put_manifest` waits for that."""
        final = f"{self.folder}/{path}"
        os.makedirs(os.path.dirname(final), exist_ok=True)  # noqa: PTH103, PTH120
        os.replace(staged, final)  # noqa: PTH105
        if self._files is not None:
            self._files[path] = os.stat(final).st_size  # noqa: PTH116
        with suppress(ValueError):  # the partition may be made again with a file that was to go
            self._doomed.remove(path)
        self._uploads.append(_threads().submit(self._store.put, final, self._name(path)))

    def _finish_uploads(self) -> None:
        uploads, self._uploads = self._uploads, []
        for upload in uploads:
            upload.result()

    def remove(self, paths: Iterable[str]) -> None:
        """Files that no manifest names any more: they go when the writer has finished with the asset (`writing`), many at once."""
        self._doomed += paths

    def sizes(self) -> dict[str, int]:
        """Bytes of every file of the asset, by path; for a request a thousand of them."""
        if self._files is None:
            self._files = {path: one.bytes for path, one in self._store.listing(self._asset).items()}
        return self._files

    def sha256(self, path: str) -> str:
        """SHA-256 (hex) of a file as the store has it."""
        part = self._part(f"{self.folder}/{path}")
        try:
            self._store.get(self._name(path), part)
            return file_sha256(Path(part))
        finally:
            Path(part).unlink(missing_ok=True)

    # Signs of a writer at work

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Say by a sign in the store that somebody writes to the asset. Who is killed, or fails, leaves it (`pipeline.leftovers`)."""
        sign = f"{SIGNS}/{self._asset}/{secrets.token_hex(8)}"
        self._store.write(sign, b"")
        try:
            yield
        except BaseException:
            uploads, self._uploads, self._doomed = self._uploads, [], []
            wait([upload for upload in uploads if not upload.cancel()])
            raise
        doomed, self._doomed = self._doomed, []
        self._guard()
        self._store.remove([*map(self._name, doomed), sign])
        for path in doomed:
            Path(f"{self.folder}/{path}").unlink(missing_ok=True)
            if self._files is not None:
                self._files.pop(path, None)

    def signs(self) -> list[str]:
        """Of each process that writes, or was killed or failed while writing."""
        return list(self._store.listing(f"{SIGNS}/{self._asset}"))

    def remove_signs(self, names: Iterable[str]) -> None:
        """Those who left them (paths below the home) are at work no more, and what else they left is removed."""
        self._store.remove(names)

    def abort_uploads(self) -> None:
        """Give up what somebody who was killed had begun to upload in parts. The caller holds the home."""
        with suppress(UnreachableError):  # not everybody who may write may list these, and they do no harm but cost
            self._store.abort_uploads(self._asset)

    # Copies

    def _part(self, final: str) -> str:
        os.makedirs(os.path.dirname(final), exist_ok=True)  # noqa: PTH103, PTH120
        return f"{final}.{_PROCESS}-{os.getpid()}-{next(_NUMBERS)}.part"

    def _write_copy(self, final: str, data: bytes) -> None:
        part = self._part(final)
        Path(part).write_bytes(data)
        os.replace(part, final)  # noqa: PTH105
