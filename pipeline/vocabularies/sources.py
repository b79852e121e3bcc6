"""Vocabulary files as streams: paths, folders and fsspec URLs, gzip by its magic bytes, and clear refusals.

The loader is found from the first uncompressed bytes. Every way in which a file as a whole can be unusable (missing,
empty, cut off, of no known format) becomes one `MateriaError` here, so that loaders need not think of it.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO, cast

from upath import UPath

from pipeline.bad_records import BadRecords, TooManyBadRecordsError
from pipeline.curated.mapping import TableMapping
from pipeline.errors import MateriaError, SetAside
from pipeline.readers.streams import BrokenStreamError, open_stream
from pipeline.sources import printable, reaching
from pipeline.vocabularies.base import Concept, Loader, OnSetAside
from pipeline.vocabularies.registry import HEAD_BYTES, LOADERS, recognise

__all__ = ["list_vocabularies", "loader_of", "read_concepts"]

_FORMATS = ", ".join(sorted(name.rpartition(".v")[0] for name in LOADERS))


class _NoVocabularyError(MateriaError):
    """The file is none that a loader reads."""


def list_vocabularies(
    paths: Sequence[str | UPath], set_aside: OnSetAside | None = None, tables: Sequence[TableMapping] = ()
) -> list[UPath]:
    """The files that the paths name, in the order given; a folder stands for the vocabularies in it, sorted by name.

    A folder may hold what is no vocabulary (a UMLS release has indexes and rankings beside its names): that is left out,
    and told to `set_aside`. A file that is named itself stays, and is an error when it is read. `tables` are mappings of a
    user's own tables.

    Raises:
        MateriaError: a path does not exist, cannot be reached, or is a folder without any vocabulary.
    """
    found: list[UPath] = []
    for given in paths:
        with reaching(str(given)):
            path = UPath(given)
            if path.is_dir():
                inside = sorted((p for p in path.iterdir() if p.is_file()), key=lambda p: p.name)
                known = [p for p in inside if not p.name.startswith(".") and _is_vocabulary(p, set_aside, tables)]
                if not known:
                    remedy = "Name a folder with files in the formats of docs/vocabularies.md"
                    raise MateriaError("holds no vocabulary", file=str(given), remedy=remedy)
                found += known
                continue
            if not path.is_file():
                problem = "is a pipe, a socket or a device" if path.exists() else "does not exist"
                raise MateriaError(problem, file=str(given), remedy="Check the path of the vocabulary")
            found.append(path)
    return found


def loader_of(path: UPath, tables: Sequence[TableMapping] = ()) -> Loader:
    """The loader that recognises a file, from its first bytes; a mapping of a user's own table goes before all.

    Raises:
        MateriaError: the file is empty, of no known format, or cannot be read.
    """
    with _opened(path) as stream:
        return _loader(stream, printable(path.name), tables)


def read_concepts(path: UPath, set_aside: OnSetAside, loader: Loader | None = None) -> Iterator[Concept]:
    """Yield the concepts of one file, by the given loader, else by the one that recognises it.

    Raises:
        MateriaError: the file is empty, of no known format, or ends too early (a truncated gzip).
    """
    bad = BadRecords(printable(path.name))

    def counted(record: SetAside) -> None:
        set_aside(record)
        bad.set_aside()

    with _opened(path) as stream:
        reader = loader or _loader(stream, printable(path.name))
        try:
            for concept in reader.load(cast(BinaryIO, stream), printable(path.name), counted):
                bad.use()
                yield concept
        except TooManyBadRecordsError as error:
            set_aside(error.problem)


def _loader(stream: io.BufferedReader, file: str, tables: Sequence[TableMapping] = ()) -> Loader:
    head = stream.peek(HEAD_BYTES)[:HEAD_BYTES]
    if not head.strip():
        raise _NoVocabularyError("is empty", file=file, remedy="Download it again, or leave it out")
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _NoVocabularyError("is UTF-16", file=file, remedy="Convert it to UTF-8")
    loader = recognise(head, file, tables)
    if loader is None:
        stream.read(len(head) + 1)  # a file that is cut in its first bytes says so, rather than be of no format
        raise _NoVocabularyError(
            "is of no vocabulary format that is known",
            file=file,
            remedy=f"Use one of the formats of docs/vocabularies.md ({_FORMATS})",
        )
    return loader


def _is_vocabulary(path: UPath, set_aside: OnSetAside | None, tables: Sequence[TableMapping]) -> bool:
    """Whether a file in a folder is worth reading; one that is damaged is, so that reading it says what is wrong."""
    try:
        with _opened(path) as stream:
            _loader(stream, printable(path.name), tables)
    except _NoVocabularyError as error:
        if set_aside is not None:
            detail = f"The file {error.problem}, so it is not read with its folder. {error.remedy}."
            set_aside(SetAside(printable(path.name), "file", "unknown-format", detail))
        return False
    except MateriaError:
        return True
    return True


@contextmanager
def _opened(path: UPath) -> Iterator[io.BufferedReader]:
    """The file's bytes, uncompressed, with a buffer that a loader's head fits in; what goes wrong in reading as one sentence."""
    try:
        with open_stream(path) as stream:
            yield stream
    except BrokenStreamError as error:
        raise MateriaError(
            f"cannot be read to its end: {error}", file=printable(path.name), remedy=error.remedy
        ) from error
    except OSError as error:
        raise MateriaError(
            f"cannot be read ({type(error).__name__})", file=printable(path.name), remedy="Check its permissions"
        ) from error
