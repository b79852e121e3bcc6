"""An object store as Materia uses it: read, write and list below one URL, and one sentence where it does not answer.

Every request to a store that holds a home goes through here, so that errors of many libraries become one kind, and what is retried is
bounded. The file systems (s3fs, gcsfs, adlfs) retry by themselves; they are only told how long to wait (`pipeline.store_clients`).

Rejected: `UPath` for each file (a question of what it is before each read), caches of listings (another machine's builds would not be
seen).
"""

from __future__ import annotations

import errno
import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext

from fsspec.asyn import AsyncFileSystem, sync
from upath import UPath

from pipeline.errors import MateriaError, UnreachableError
from pipeline.store_clients import Stored, file_system, kind_of, listed

__all__ = ["ObjectStore", "Stored"]

_MOST_AT_ONCE = 1000
#: After which the write of a small object is given up, with what the library was still to try: a lease is taken over after half a minute,
#: and a manifest of before must not arrive after that.
_WRITE_S = 25.0
#: What S3 answers where an object is there, or another request makes it just now.
_EXISTS = ("PreconditionFailed", "ConditionalRequestConflict", "pre-conditions you specified", "conditional request")
_CREATING = threading.Lock()  # the file system in memory first looks, and then writes
_NO_BUCKET = re.compile(r"(bucket|container) does not exist|NoSuchBucket|ContainerNotFound", re.IGNORECASE)


class ObjectStore:
    """The objects below a URL, by their names relative to it.

    Raises:
        UnreachableError: (of all methods) the store refuses, or did not answer after what was retried; or its library is missing.
        FileNotFoundError: (of reading methods) there is no such object.
    """

    def __init__(self, url: UPath | str) -> None:
        self.url = str(url).rstrip("/")
        self._fs, root = file_system(self.url)
        self._root = root.rstrip("/")
        self._kind = kind_of(self.url)

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}" if name else self._root

    def read(self, name: str) -> bytes:
        """An object, whole."""
        with self._asking(name):
            # s3fs asks for the size before, to read large objects in parts.
            data: bytes = self._fs.cat_file(self._path(name), **({"max_concurrency": 1} if self._kind == "s3" else {}))
            return data

    def write(self, name: str, data: bytes) -> None:
        """Put an object in place, or another in its place, in one step."""
        with self._asking(name, writing=True):
            self._place(name, data)

    def create(self, name: str, data: bytes) -> bool:
        """Put an object in place if there is none of that name; whether there was none. Of several who try at once one succeeds."""
        with self._asking(name, writing=True):
            try:
                with _CREATING if self._kind == "memory" else nullcontext():
                    self._place(name, data, mode="create")
            except OSError as error:
                if isinstance(error, FileExistsError) or any(sign in str(error) for sign in _EXISTS):
                    return False
                raise
            return True

    def _place(self, name: str, data: bytes, **how: str) -> None:
        if isinstance(self._fs, AsyncFileSystem):
            sync(self._fs.loop, self._fs._pipe_file, self._path(name), data, timeout=_WRITE_S, **how)
        else:
            self._fs.pipe_file(self._path(name), data, **how)

    def get(self, name: str, local: str) -> None:
        """Copy an object to a local file."""
        with self._asking(name):
            self._fs.get_file(self._path(name), local)

    def put(self, local: str, name: str) -> None:
        """Copy a local file to an object. Nothing is seen of it before it is there as a whole."""
        with self._asking(name, writing=True):
            self._fs.put_file(local, self._path(name))

    def remove(self, names: Iterable[str]) -> None:
        """Remove objects; those that are not there are passed over. A request for a thousand (S3), a hundred (GCS) or each (Azure)."""
        wanted = [self._path(name) for name in names]
        for first in range(0, len(wanted), _MOST_AT_ONCE):
            some = wanted[first : first + _MOST_AT_ONCE]
            with self._asking(some[0].removeprefix(f"{self._root}/")):
                try:
                    # adlfs asks of each file, before, whether it is there.
                    self._fs.rm(some, **({"expand_path": False} if self._kind == "az" else {}))
                except FileNotFoundError:  # of one of them
                    for path in some:
                        if self._fs.exists(path):
                            self._fs.rm_file(path)

    def abort_uploads(self, below: str) -> int:
        """Give up the uploads in parts, below a folder, that nobody will finish; how many. Only S3 keeps them, and counts them."""
        if self._kind != "s3":
            return 0
        bucket, prefix, _ = self._fs.split_path(f"{self._path(below)}/")
        number = 0
        after: dict[str, str] = {}
        with self._asking(below):
            while True:
                told = self._fs.call_s3("list_multipart_uploads", Bucket=bucket, Prefix=prefix, **after)
                for one in told.get("Uploads", ()):
                    self._fs.call_s3("abort_multipart_upload", Bucket=bucket, Key=one["Key"], UploadId=one["UploadId"])
                    number += 1
                if not told.get("IsTruncated"):
                    return number
                after = {"KeyMarker": told["NextKeyMarker"], "UploadIdMarker": told["NextUploadIdMarker"]}

    def listing(self, below: str) -> dict[str, Stored]:
        """The objects below a folder, by their names relative to it, sorted; {} where there is none. A request for a thousand."""
        with self._asking(below):
            try:
                return listed(self._fs, self._kind, self._root, below)
            except FileNotFoundError as error:
                if _is_of_no_bucket(error):
                    raise
                return {}

    def folders(self) -> list[str]:
        """Names of what stands directly below, sorted."""
        with self._asking(""):
            try:
                found = self._fs.ls(self._root, detail=True)
            except FileNotFoundError:
                return []
        return sorted(str(one["name"]).rstrip("/").rpartition("/")[2] for one in found if one["type"] == "directory")

    @contextmanager
    def _asking(self, name: str, *, writing: bool = False) -> Iterator[None]:
        place = f"{self.url}/{name}" if name else self.url
        try:
            yield
        except MateriaError:
            raise
        except Exception as error:
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise  # of this machine's disk
            missing = isinstance(error, FileNotFoundError)
            if (missing and writing) or _is_of_no_bucket(error):
                raise UnreachableError(
                    "is in no bucket that exists", file=place, remedy="Make the bucket first"
                ) from error
            if missing:
                raise
            if any(_is_refusal(one) for one in _causes(error)):
                raise UnreachableError(
                    "is refused by the store",
                    file=place,
                    remedy="Check the credentials in the environment and what the bucket allows",
                ) from error
            raise UnreachableError(
                f"cannot be reached, after several tries ({_said(error)})",
                file=place,
                remedy="Check the network and the endpoint, and run again: what is complete is kept",
            ) from error


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error, and those that it was made from: adlfs says of some only that a file is missing, or cannot be removed."""
    while error is not None:
        yield error
        error = error.__cause__


def _is_of_no_bucket(error: BaseException) -> bool:
    return any(_NO_BUCKET.search(str(one)) for one in _causes(error))


def _is_refusal(error: BaseException) -> bool:
    """Whether a store, or what looks for credentials, says no: PermissionError (s3fs), a status (Azure), a code or a word (gcsfs)."""
    status = getattr(error, "status_code", None) or getattr(error, "code", None)
    return (
        isinstance(error, PermissionError)
        or "Credential" in type(error).__name__
        or type(error).__name__ in ("ClientAuthenticationError", "RefreshError")
        or status in (401, 403, "401", "403")
        or str(error).startswith("Forbidden: ")
    )


def _said(error: BaseException) -> str:
    """What went wrong, without who asked and what signs the request; Azure adds ids and a page of XML after the first line."""
    # A RuntimeError of adlfs lists all that it was to remove.
    told = error.__cause__ if isinstance(error, RuntimeError) and error.__cause__ else error
    text = " ".join(str(told).partition("\nRequestId:")[0].split()) or type(error).__name__
    return re.sub(r"(//[^?\s]*)\?[^\s)\"']*", r"\1", re.sub(r"//[^/@\s]*@", "//", text))
