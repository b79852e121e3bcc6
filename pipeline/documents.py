"""Literature files to the documents table: text cleaned and joined, hashes taken, 512 rows to a batch.

Memory holds one batch. The members of an archive are read one after another, each by the reader that knows it; the place of
a member in the order of release is that of a file of its name. A record that cannot be used is set aside and the next one
read; a file that breaks off keeps what was read before the break, and the next file follows. The place of a record counts
every record of the file, also those set aside, so that mending one moves no other.

`text_hash` covers the text alone: two documents of equal text are extracted once. `metadata_hash` covers everything else,
labels and bounds of the sections among it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, BinaryIO

import pyarrow as pa

from pipeline.archives import ARCHIVES, members
from pipeline.bad_records import while_worth_reading
from pipeline.errors import MateriaError, SetAside
from pipeline.gold import annotation_rows, relation_rows
from pipeline.hashing import hash_json, text_hash
from pipeline.inventory import LiteratureFile, is_quiet, unknown_format
from pipeline.readers import READERS, Reader, recognise
from pipeline.readers.base import DELETED, Document, clean, compose
from pipeline.readers.streams import BrokenStreamError, open_stream
from pipeline.releases import position_of
from pipeline.tables import DOCUMENTS

__all__ = ["read_documents", "read_file", "without_text"]

_BATCH_ROWS = 512
_NUMBERED = re.compile(r"(?:file|prolog|(?:line|record|row|page) [0-9]+)")


def read_documents(
    files: Sequence[tuple[LiteratureFile, str, str]],
    set_aside: Callable[[SetAside], None],
    deidentify: Callable[[Document], Document] | None = None,
) -> Iterator[pa.RecordBatch]:
    """The documents of the files, in their order, as batches of the schema DOCUMENTS.

    Args:
        files: file, position and format of each, as in the inventory.
        set_aside: receives each record that is not used, and each file that breaks off, with the reason.
        deidentify: takes what identifies a person out of the documents of clinical records (`LiteratureFile.records`).

    Raises:
        MateriaError: a format that no reader has, or a file that is gone since the inventory was taken.
    """
    rows: list[dict[str, Any]] = []
    for file, position, format_ in files:
        private = deidentify if file.records else None
        for record, (member, read) in enumerate(read_file(file, format_)):
            item = read if private is None else without_identity(read, file.name, private)
            row = item if isinstance(item, SetAside) else _row(item, file.name, position, record, member)
            if isinstance(row, SetAside):
                set_aside(row)
                continue
            rows.append(row)
            if len(rows) == _BATCH_ROWS:
                yield _batch(rows)
                rows = []
    if rows:
        yield _batch(rows)


def read_file(file: LiteratureFile, format_: str) -> Iterator[tuple[str | None, Document | SetAside]]:
    """What the reader of the format yields for one file, each with the member of an archive that it stands in.

    Where a file or member breaks off, a SetAside comes last.
    """
    archive, _, wanted = format_.partition(":")
    try:
        if archive in ARCHIVES:
            yield from _read_archive(file, archive, wanted)
        else:
            reader = _reader(format_, file.name)
            with open_stream(file.path) as stream:
                yield from ((None, item) for item in _read_stream(reader, stream, file.name))
    except OSError as error:
        problem = error.strerror or type(error).__name__
        raise MateriaError(
            f"cannot be read ({problem})", file=file.name, remedy="Check that it is still there"
        ) from error


def _read_archive(file: LiteratureFile, archive: str, wanted: str) -> Iterator[tuple[str | None, Document | SetAside]]:
    count = 0
    for member in members(file.path, archive, file.name):
        if isinstance(member, SetAside):
            yield None, member
            continue
        name, head, stream = member
        if is_quiet(name):
            continue
        count += 1
        place = f"{file.name}/{name}"
        reader = _reader(wanted, place) if wanted else recognise(head, name)
        if reader is None:
            yield name, SetAside(place, "file", *unknown_format(head))
        else:
            yield from ((name, item) for item in _read_stream(reader, stream, place))
    if not count:
        yield None, _no_records(file.name)


def _read_stream(reader: Reader, stream: BinaryIO, name: str) -> Iterator[Document | SetAside]:
    count = 0
    try:
        for item in while_worth_reading(reader.read(stream, name), name):
            yield item
            count += 1
    except BrokenStreamError as error:
        detail = f"After {count} records {error}; those before it are kept. {error.remedy}."
        yield SetAside(name, f"record {count}", error.reason, detail)
    else:
        if not count:
            yield _no_records(name)


def _reader(format_: str, name: str) -> Reader:
    reader = READERS.get(format_)
    if reader is None:
        raise MateriaError(
            f"was read as {format_}, which this version does not know",
            file=name,
            remedy="Build again from the inventory",
        )
    return reader


def _no_records(name: str) -> SetAside:
    return SetAside(name, "file", "no-records", "The file holds no record. Get it again, or remove it.")


def without_identity(
    item: Document | SetAside, file: str, deidentify: Callable[[Document], Document]
) -> Document | SetAside:
    """A clinical record without what identifies its person.

    What is said of a record set aside may quote it, so only its place and the reason are kept.
    """
    if isinstance(item, SetAside):
        detail = (
            "The record is not used. What is wrong is not repeated here, as it may identify a person; look in the file."
        )
        place = item.record if _NUMBERED.fullmatch(item.record) else "a record"
        return SetAside(item.file, place, item.reason, detail)
    if item.status == DELETED:
        detail = "Clinical records go by their text, so none can be deleted by its number. Take it out of its file."
        return SetAside(file, "a record", "deletion-of-record", detail)
    return deidentify(item)


def without_text(document: Document, file: str, record: int) -> SetAside | None:
    """Why a document is not used that has no word to read; None for one that has, and for a deletion."""
    if document.status == DELETED or any(part.strip() for part in (document.title, *(t for _, t in document.sections))):
        return None
    detail = f"{document.doc_id} has neither a title nor a text. Nothing is to be done unless its source has one."
    return SetAside(file, f"record {record} ({document.doc_id})", "no-text", detail)


def _row(document: Document, file: str, position: str, record: int, member: str | None) -> dict[str, Any] | SetAside:
    if (problem := without_text(document, file, record)) is not None:
        return problem
    deleted = document.status == DELETED
    text, spans = ("", []) if deleted else compose(document.title, document.sections)
    metadata: dict[str, Any] = {
        "status": document.status,
        "aliases": [clean(alias) for alias in document.aliases],
        "sections": [{"label": label, "start": start, "end": end} for label, start, end in spans],
        "language": clean(document.language),
        "year": document.year,
        "journal": clean(document.journal) if document.journal else None,
        "subjects": [clean(subject) for subject in document.subjects],
        "publication_types": [clean(kind) for kind in document.publication_types],
        "full_text": document.full_text,
        "translations": [
            {"language": clean(language), "label": clean(label), "text": clean(text)}
            for language, label, text in document.translations
        ],
        "retracts": sorted({clean(curie) for curie in document.retracts}),
        "annotations": annotation_rows(document),
        "relations": relation_rows(document),
    }
    return {
        "doc_id": clean(document.doc_id),
        "version": document.version,
        "position": position if member is None else position_of(f"{file}/{member}"),
        "record": record,
        "file": file,
        "member": member,
        "title": "" if deleted else clean(document.title),
        "text": text,
        "text_hash": text_hash(text),
        "metadata_hash": hash_json(metadata),
        **metadata,
    }


def _batch(rows: list[dict[str, Any]]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(rows, DOCUMENTS)
