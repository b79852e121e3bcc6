"""The libraries of the stores (s3fs, gcsfs, adlfs): what each is told beside a URL, and one listing for all.

Credentials come from the environment, as those libraries read it, and no URL may hold any. Whoever knows better sets options by fsspec's
own variables (`FSSPEC_S3='{"endpoint_url": ...}'`, https://filesystem-spec.readthedocs.io/en/latest/features.html#configuration).

A listing is one request for each page. The libraries' own `find` asks more: whether the folder is a file (adlfs, two requests), and
again where it is empty (gcsfs, for all that begins with its name).
"""

from __future__ import annotations

import base64
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import fsspec

from pipeline.errors import UnreachableError
from pipeline.hashing import hash_fields
from pipeline.sources import refuse_credentials

__all__ = ["Stored", "file_system", "kind_of", "listed"]

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
    "gs": {"use_listings_cache": False},
    # Parts of one file in turn: several files go at once, and parts at once would be held in memory.
    "az": {
        "use_listings_cache": False,
        "connection_timeout": _CONNECT_S,
        "read_timeout": _READ_S,
        "max_concurrency": 1,
    },
}
_SAME = {"s3a": "s3", "gcs": "gs", "abfs": "az", "abfss": "az"}
_EXTRAS = {"s3": "materia[s3]", "gs": "materia[gcs]", "az": "materia[azure]"}


@dataclass(frozen=True, slots=True)
class Stored:
    """An object in a listing: its size, and a name for its content, which is another one as soon as the object is replaced."""

    bytes: int
    version: str


def kind_of(url: str) -> str:
    """The protocol of a store, by one name where it has several."""
    protocol = url.partition("://")[0]
    return _SAME.get(protocol, protocol)


def file_system(url: str) -> tuple[Any, str]:
    """The file system of a URL, and the path in it.

    Raises:
        MateriaError: the URL holds credentials.
        UnreachableError: its library is missing, or makes nothing of the URL and the environment.
    """
    refuse_credentials(url)
    kind = kind_of(url)
    stated = fsspec.config.conf.get(url.partition("://")[0], {})
    try:
        options = {**_OPTIONS.get(kind, {}), **(_google_limits() if kind == "gs" else {})}
        found, path = fsspec.url_to_fs(url, **{name: value for name, value in options.items() if name not in stated})
    except ImportError as error:
        extra = _EXTRAS.get(kind)
        remedy = f"Install it: pip install '{extra}'" if extra else f"Install the library that fsspec needs: {error}"
        raise UnreachableError("needs a library that is not installed", file=url, remedy=remedy) from error
    except Exception as error:
        remedy = "Check the URL, and the credentials in the environment"
        raise UnreachableError(f"cannot be reached ({error})", file=url, remedy=remedy) from error
    if kind == "az":
        _shorten_pauses(found)
    return found, path


def _google_limits() -> dict[str, Any]:
    """By itself gcsfs waits for ever. The limit is of silence, since an upload may take long."""
    from aiohttp import ClientTimeout  # comes with gcsfs

    return {"requests_timeout": ClientTimeout(total=None, sock_connect=_CONNECT_S, sock_read=_READ_S)}


def _shorten_pauses(found: Any) -> None:
    """Let a request to Azure be tried again after 2, 4 and 8 seconds; by itself the library waits for 84 in all.

    A lease is taken over after half a minute, so what was asked before must have ended by then. adlfs has no option for it.
    """
    with suppress(AttributeError):
        policy = found.service_client._config.retry_policy
        policy.initial_backoff, policy.increment_base, policy.random_jitter_range = 0, 2, 1


def listed(found: Any, kind: str, root: str, below: str) -> dict[str, Stored]:
    """The objects below a folder, by their names relative to it, sorted.

    Args:
        found: the file system.
        kind: its protocol, as `kind_of` names it.
        root: a path in the file system.
        below: the folder, relative to that path; "" for the path itself.

    Raises:
        FileNotFoundError: (S3, GCS) there is no such bucket.
    """
    folder = f"{root}/{below}" if below else root
    if kind == "gs":
        told = _of_google(found, f"{folder}/")
    elif kind == "az":
        told = _of_azure(found, f"{folder}/")
    elif kind == "s3":
        # With a prefix s3fs does not ask, where there is nothing, whether a file has the name of the folder.
        told = found.find(root, prefix=below and f"{below}/", detail=True)
    else:
        told = found.find(folder, detail=True)
    files = {path.removeprefix(folder).lstrip("/"): info for path, info in told.items()}
    return {name: _stored(info) for name, info in sorted(files.items()) if name and not name.endswith("/")}


def _of_google(found: Any, folder: str) -> dict[str, dict[str, Any]]:
    """As https://cloud.google.com/storage/docs/json_api/v1/objects/list gives it."""
    bucket, prefix, _ = found.split_path(folder)
    objects: dict[str, dict[str, Any]] = {}
    page = None
    while True:
        fields = "items(name,size,md5Hash,etag),nextPageToken"
        try:
            told = found.call("GET", "b/{}/o", bucket, prefix=prefix, fields=fields, pageToken=page, json_out=True)
        except FileNotFoundError as error:
            raise FileNotFoundError(f"{bucket}: the bucket does not exist") from error
        for one in told.get("items", ()):
            digest = one.get("md5Hash")  # in base64; objects of several parts have none
            tag = base64.b64decode(digest).hex() if digest else one["etag"]
            objects[f"{bucket}/{one['name']}"] = {"size": one["size"], "tag": tag}
        page = told.get("nextPageToken")
        if not page:
            return objects


def _of_azure(found: Any, folder: str) -> dict[str, dict[str, Any]]:
    """As https://learn.microsoft.com/rest/api/storageservices/list-blobs gives it."""
    container, prefix, _ = found.split_path(folder)

    async def pages() -> list[Any]:
        async with found.service_client.get_container_client(container) as client:
            return [blob async for blob in client.list_blobs(name_starts_with=prefix, include=["metadata"])]

    objects = {}
    for blob in fsspec.asyn.sync(found.loop, pages):
        if (blob.metadata or {}).get("hdi_isfolder", "").lower() != "true":  # accounts with real folders list them too
            digest = blob.content_settings.content_md5  # of what was written by one request
            tag = bytes(digest).hex() if digest else blob.etag
            objects[f"{container}/{blob.name}"] = {"size": blob.size, "tag": tag}
    return objects


def _stored(info: dict[str, Any]) -> Stored:
    """Of what a listing tells.

    S3 has the MD5 of what came by one request for its ETag (https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html), so the
    same content has the same version in every store.
    """
    tag = info.get("tag") or info.get("ETag") or info.get("etag") or info.get("created") or info.get("mtime")
    return Stored(int(info["size"]), hash_fields(str(tag).strip('"'), str(info["size"]))[:16])
