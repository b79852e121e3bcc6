"""Reaching what the user names, a path or an fsspec URL: whatever goes wrong on the way is one sentence.

The library behind a protocol may be missing, refuse its arguments, or fail in ways of its own (no network, no credentials,
no such bucket), so here, and nowhere else, every exception is caught.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

from upath import UPath

from pipeline.errors import MateriaError

__all__ = ["printable", "reaching", "refuse_credentials", "text_of"]

# Otherwise the library of gs:// asks with each object, by another protocol, what kind of bucket it is in, and warns where it may not.
os.environ.setdefault("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
# What they raise they also log, with its traceback, on the screen where nobody says where to.
for _library in ("gcsfs", "azure"):
    logging.getLogger(_library).addHandler(logging.NullHandler())

_SECRETS = re.compile(r"[?&][^=&]*(?:key|token|secret|sign|password|sig|credential)[^=&]*=", re.IGNORECASE)


@contextmanager
def reaching(source: str) -> Iterator[None]:
    """Raises MateriaError, with the name that the user gave, where the source cannot be looked at."""
    if not source.strip():  # an unset variable of a shell; a path of no letters is the current folder
        raise MateriaError("a path is empty", remedy="Name a file, a folder or a URL")
    try:
        yield
    except MateriaError:
        raise
    except Exception as error:
        said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        problem = " ".join(said.split()) or type(error).__name__
        remedy = "Check the path, its permissions, and that the library for such URLs is installed"
        raise MateriaError(f"cannot be reached ({problem})", file=source, remedy=remedy) from error


def text_of(source: str | UPath) -> str:
    """The text of a file of settings or rules that the user names.

    Raises:
        MateriaError: it is missing, out of reach, no regular file, or not UTF-8.
    """
    name = str(source)
    with reaching(name):
        path = UPath(source)
        if not path.is_file():  # a pipe would be waited for without end
            raise MateriaError("does not exist, or is no file", file=name, remedy="Check the path")
        data = path.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MateriaError("is not UTF-8", file=name, remedy="Save it as UTF-8 text") from error


def printable(name: str) -> str:
    """A file's name as valid Unicode on one line: bytes that are not UTF-8 and control characters are backslash escapes."""
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    return re.sub(r"[\x00-\x1f\x7f]", lambda sign: f"\\x{ord(sign[0]):02x}", text)


def refuse_credentials(url: str) -> None:
    """Raises MateriaError where a URL holds a password, or a key in its query: it would be recorded and shown."""
    scheme, _, rest = url.partition("://")
    if rest and (("@" in rest.partition("/")[0] and ":" in rest.partition("@")[0]) or _SECRETS.search(url)):
        shown = re.sub(r"^[^/]*@", "", rest).partition("?")[0]
        raise MateriaError(
            "holds credentials in its URL",
            file=f"{scheme}://{shown}",
            remedy="Give them by the environment (AWS_ACCESS_KEY_ID, GOOGLE_APPLICATION_CREDENTIALS, AZURE_STORAGE_KEY)",
        )
