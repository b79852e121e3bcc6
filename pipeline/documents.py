"""Literature files to the documents table: text cleaned and joined, hashes taken, 512 rows to a batch.

Memory holds one batch. A record that cannot be used is set aside and the next one read; a file that breaks off keeps what
was read before the break, and the next file follows. The place of a record counts every record of the file, also those
set aside, so that mending one moves no other.

`text_hash` covers the text alone: two documents of equal text are extracted once. `metadata_hash` covers everything else,
labels and bounds of the sections among it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pyarrow as pa

from pipeline.errors import MateriaError, SetAside
from pipeline.gold import annotation_rows, relation_rows
from pipeline.hashing import hash_json, text_hash
from pipeline.inventory import LiteratureFile
from pipeline.readers import READERS
from pipeline.readers.base import DELETED, Document, clean, compose
from pipeline.readers.streams import BrokenStreamError, open_stream
from pipeline.tables import DOCUMENTS

__all__ = ["read_documents", "read_file"]

_BATCH_ROWS = 512


def read_documents(
    files: Sequence[tuple[LiteratureFile, str, str]], set_aside: Callable[[SetAside], None]
) -> Iterator[pa.RecordBatch]:
    """The documents of the files, in their order, as batches of the schema DOCUMENTS.

    Args:
        files: file, position and format of each, as in the inventory.
        set_aside: receives each record that is not used, and each file that breaks off, with the reason.

    Raises:
        MateriaError: a format that no reader has, or a file that is gone since the inventory was taken.
    """
    rows: list[dict[str, Any]] = []
    for file, position, format_ in files:
        for record, document in enumerate(read_file(file, format_)):
            row = document if isinstance(document, SetAside) else _row(document, file.name, position, record)
            if isinstance(row, SetAside):
                set_aside(row)
                continue
            rows.append(row)
            if len(rows) == _BATCH_ROWS:
                yield _batch(rows)
                rows = []
    if rows:
        yield _batch(rows)


def read_file(file: LiteratureFile, format_: str) -> Iterator[Document | SetAside]:
    """What the reader of the format yields for one file; where the file breaks off, a SetAside comes last."""
    reader = READERS.get(format_)
    if reader is None:
        raise MateriaError(
            f"was read as {format_}, which this version does not know",
            file=file.name,
            remedy="Build again from the inventory",
        )
    count = 0
    try:
        with open_stream(file.path) as stream:
            for item in reader.read(stream, file.name):
                yield item
                count += 1
    except BrokenStreamError as error:
        detail = f"After {count} records {error}; those before it are kept. {error.remedy}."
        yield SetAside(file.name, f"record {count}", error.reason, detail)
    except OSError as error:
        problem = error.strerror or type(error).__name__
        raise MateriaError(
            f"cannot be read ({problem})", file=file.name, remedy="Check that it is still there"
        ) from error
    else:
        if not count:
            yield SetAside(file.name, "file", "no-records", "The file holds no record. Get it again, or remove it.")


def _row(document: Document, file: str, position: str, record: int) -> dict[str, Any] | SetAside:
    deleted = document.status == DELETED
    text, spans = ("", []) if deleted else compose(document.title, document.sections)
    if not deleted and (not text or text.isspace()):
        detail = f"{document.doc_id} has neither a title nor a text. Nothing is to be done unless its source has one."
        return SetAside(file, f"record {record} ({document.doc_id})", "no-text", detail)
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
        "position": position,
        "record": record,
        "file": file,
        "member": None,
        "title": "" if deleted else clean(document.title),
        "text": text,
        "text_hash": text_hash(text),
        "metadata_hash": hash_json(metadata),
        **metadata,
    }


def _batch(rows: list[dict[str, Any]]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(rows, DOCUMENTS)
