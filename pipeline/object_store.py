"""An object store as Materia uses it: read, write and list below one URL, and one sentence where it does not answer.

Every request to a store that holds a home goes through here, so that errors of many libraries become one kind, and what is retried is
bounded. The file systems (s3fs, gcsfs, adlfs) retry by themselves; here they are only told how long to wait. Credentials come
from the environment, as those libraries read it, and no URL may hold any. Whoever knows better sets options by fsspec's
own variables (`FSSPEC_S3='{"endpoint_url": ...}'`, https://filesystem-spec.readthedocs.io/en/latest/features.html#configuration).

Rejected: `UPath` for each file (a question of what it is before each read), caches of listings (another machine's builds would not be
seen).
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import fsspec
from upath import UPath

from pipeline.errors import MateriaError, UnreachableError
from pipeline.hashing import hash_fields
from pipeline.sources import refuse_credentials

__all__ = ["ObjectStore", "Stored"]

_CONNECT_S, _READ_S = 10, 60
#: What is asked of a file system beside its URL, where the environment does not say otherwise: no memory of listings; limits of waiting.
_OPTIONS: dict[str, dict[str, Any]] = {
    "s3": {
        "use_listings_cache": False,
        "config_kwargs": {
            "connect_timeout": _CONNECT_S,
            "read_timeout": _READ_S,
            "retries": {"mode": "standard", "total_max_attempts": 3},
            "max_pool_connections": 32,
        },
    },
    "gs": {"use_listings_cache": False, "timeout": _READ_S},
    "az": {"use_listings_cache": False, "connection_timeout": _CONNECT_S, "read_timeout": _READ_S},
}
_SAME = {"s3a": "s3", "gcs": "gs", "abfs": "az", "abfss": "az"}
_EXTRAS = {"s3": "materia[s3]", "gs": "materia[gcs]", "az": "materia[azure]"}
_MOST_AT_ONCE = 1000
_NO_BUCKET = re.compile(r"(bucket|container) does not exist|NoSuchBucket|ContainerNotFound", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Stored:
    """An object in a listing: its size, and a name for its content, which is another one as soon as the object is replaced."""

    bytes: int
    version: str


class ObjectStore:
    """The objects below a URL, by their names relative to it.

    Raises:
        UnreachableError: (of all methods) the store refuses, or did not answer after what was retried; or its library is missing.
        FileNotFoundError: (of reading methods) there is no such object.
    """

    def __init__(self, url: UPath | str) -> None:
        self.url = str(url).rstrip("/")
        self._fs, root = _file_system(self.url)
        self._root = root.rstrip("/")
        self._is_s3 = _kind(self.url) == "s3"

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}" if name else self._root

    def read(self, name: str) -> bytes:
        """An object, whole."""
        with self._asking(name):
            # s3fs asks for the size before, to read large objects in parts.
            data: bytes = self._fs.cat_file(self._path(name), **({"max_concurrency": 1} if self._is_s3 else {}))
            return data

    def write(self, name: str, data: bytes) -> None:
        """Put an object in place, or another in its place, in one step."""
        with self._asking(name, writing=True):
            self._fs.pipe_file(self._path(name), data)

    def get(self, name: str, local: str) -> None:
        """Copy an object to a local file."""
        with self._asking(name):
            self._fs.get_file(self._path(name), local)

    def put(self, local: str, name: str) -> None:
        """Copy a local file to an object. Nothing is seen of it before it is there as a whole."""
        with self._asking(name, writing=True):
            self._fs.put_file(local, self._path(name))

    def remove(self, names: Iterable[str]) -> None:
        """Remove objects, a thousand with one request; those that are not there are passed over."""
        wanted = [self._path(name) for name in names]
        for first in range(0, len(wanted), _MOST_AT_ONCE):
            some = wanted[first : first + _MOST_AT_ONCE]
            with self._asking(some[0].removeprefix(f"{self._root}/")):
                try:
                    self._fs.rm(some)
                except FileNotFoundError:  # of one of them
                    for path in some:
                        if self._fs.exists(path):
                            self._fs.rm_file(path)

    def listing(self, below: str) -> dict[str, Stored]:
        """The objects below a folder, by their names relative to it, sorted; {} where there is none. A request for a thousand."""
        root = self._path(below)
        with self._asking(below):
            try:
                # With a prefix s3fs does not ask, where there is nothing, whether a file has the name of the folder.
                found = (
                    self._fs.find(self._root, prefix=below and f"{below}/", detail=True)
                    if self._is_s3
                    else self._fs.find(root, detail=True)
                )
            except FileNotFoundError as error:
                if _NO_BUCKET.search(str(error)):
                    raise
                return {}
        files = {path.removeprefix(root).lstrip("/"): info for path, info in found.items()}
        return {name: _stored(info) for name, info in sorted(files.items()) if name}

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
        except FileNotFoundError as error:
            if not writing and not _NO_BUCKET.search(str(error)):
                raise
            raise UnreachableError("is in no bucket that exists", file=place, remedy="Make the bucket first") from error
        except Exception as error:
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise  # of this machine's disk
            if isinstance(error, PermissionError) or "Credentials" in type(error).__name__:
                raise UnreachableError(
                    "is refused by the store",
                    file=place,
                    remedy="Check the credentials in the environment and what the bucket allows",
                ) from error
            said = re.sub(r"//[^/@\s]*@", "//", " ".join(str(error).split())) or type(error).__name__
            raise UnreachableError(
                f"cannot be reached, after several tries ({said})",
                file=place,
                remedy="Check the network and the endpoint, and run again: what is complete is kept",
            ) from error


def _kind(url: str) -> str:
    protocol = url.partition("://")[0]
    return _SAME.get(protocol, protocol)


def _file_system(url: str) -> tuple[Any, str]:
    refuse_credentials(url)
    kind = _kind(url)
    stated = fsspec.config.conf.get(url.partition("://")[0], {})
    options = {name: value for name, value in _OPTIONS.get(kind, {}).items() if name not in stated}
    try:
        return fsspec.url_to_fs(url, **options)  # type: ignore[no-any-return]
    except ImportError as error:
        extra = _EXTRAS.get(kind)
        remedy = f"Install it: pip install '{extra}'" if extra else f"Install the library that fsspec needs: {error}"
        raise UnreachableError("needs a library that is not installed", file=url, remedy=remedy) from error
    except Exception as error:
        raise UnreachableError(f"cannot be reached ({error})", file=url, remedy="Check the URL") from error


def _stored(info: dict[str, Any]) -> Stored:
    """Of what a listing tells. GCS tells an MD5 and S3 has it for its ETag (https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html)."""
    tag = info.get("md5Hash") or info.get("ETag") or info.get("etag") or info.get("created") or info.get("mtime")
    return Stored(int(info["size"]), hash_fields(str(tag).strip('"'), str(info["size"]))[:16])
