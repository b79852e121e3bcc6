"""Parquet: a table of records, one document a row.

Format: https://parquet.apache.org/docs/file-format/. The columns are those of `pipeline.readers.columns`; `sections` may be a
list of `{"label", "text"}`, and the lists of a record lists of strings. A column of a type that its field cannot have is
set aside as a whole, and the others are read.

Rows come in batches of 512 through pyarrow; texts stay in Arrow until their row is asked for, so a value that a dictionary
repeats is never unfolded. Memory is that of one page a column, as the file was written. Parquet is read from its end, so
a stream that cannot be sought (gzip around the file) is first written to a temporary file, of 8 GiB at most.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import types

from pipeline.errors import SetAside
from pipeline.readers.base import Document
from pipeline.readers.columns import Columns, column_key
from pipeline.readers.fields import document_of

__all__ = ["Parquet"]

_MAGIC = b"PAR1"
_BATCH_ROWS = 512
_LARGEST_SPOOL = 8 << 30
_PIECE = 1 << 20
_SECTION = {"label", "text"}


class Parquet:
    """Reader of Parquet."""

    name = "parquet.v1"
    one_document = False

    def recognises(self, head: bytes, name: str) -> bool:
        """By the format's magic number."""
        return head.startswith(_MAGIC)

    def read(self, stream: BinaryIO, file: str) -> Iterator[Document | SetAside]:
        """One document a row."""
        if stream.seekable():
            yield from _documents(stream, file)
            return
        with tempfile.TemporaryFile() as spool:
            while piece := stream.read(_PIECE):
                if spool.tell() > _LARGEST_SPOOL:
                    detail = "Unpacked, the file is larger than 8 GiB. Unpack it, so that it need not be copied."
                    yield SetAside(file, "file", "file-too-large", detail)
                    return
                spool.write(piece)
            spool.seek(0)
            yield from _documents(spool, file)


def _documents(stream: BinaryIO, file: str) -> Iterator[Document | SetAside]:
    number = 0
    try:
        with pa.PythonFile(stream, mode="r") as source:
            metadata = pq.read_metadata(source)
            schema = metadata.schema.to_arrow_schema()
            names = []
            for field in schema:
                if not Columns([field.name]).known and column_key(field.name) != "name":
                    continue
                if _is_readable(field.type):
                    names.append(field.name)
                else:
                    yield _unsupported(file, field)
            columns = Columns(names)
            if not columns.states_text or len(set(schema.names)) < len(schema.names):
                yield _no_text(file, schema)
                return
            # buffered and not read ahead: the pages of a column are taken one after the other
            texts = [name for name in names if types.is_string(schema.field(name).type)]
            table = pq.ParquetFile(
                source, metadata=metadata, read_dictionary=texts, buffer_size=_PIECE, pre_buffer=False
            )
            for batch in table.iter_batches(_BATCH_ROWS, columns=names):
                for row in range(len(batch)):
                    yield _row(columns, batch, row, file, f"row {number}")
                    number += 1
    except (pa.ArrowException, OSError, ValueError, MemoryError) as error:
        problem = str(error).split("\n", 1)[0].rstrip(".")[:120]
        detail = (
            f"The file is damaged ({problem}); the {number} rows before are kept. Get the file again from its source."
        )
        yield SetAside(file, f"row {number}", "corrupt-parquet", detail)


def _row(columns: Columns, batch: pa.RecordBatch, row: int, file: str, place: str) -> Document | SetAside:
    try:
        cells = [column[row].as_py() for column in batch.columns]
    except (ValueError, OverflowError):  # bytes that are not UTF-8, a time outside the calendar
        detail = "The row holds a text that is not UTF-8, or a date outside the calendar. Write the row again."
        return SetAside(file, place, "invalid-encoding", detail)
    return document_of(columns.record(cells), file, place)


def _is_readable(kind: pa.DataType) -> bool:
    """Whether a column's type is one that some field of a record can have."""
    if types.is_list(kind) or types.is_large_list(kind):
        inner = kind.value_type
        return _is_text(inner) or (types.is_struct(inner) and {"text"} <= {field.name for field in inner} <= _SECTION)
    if types.is_dictionary(kind):
        return _is_text(kind.value_type)
    return (
        _is_text(kind) or types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)
        or types.is_date(kind) or types.is_timestamp(kind) or types.is_null(kind)
    )  # fmt: skip


def _is_text(kind: pa.DataType) -> bool:
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def _unsupported(file: str, field: pa.Field) -> SetAside:
    detail = f"The column is of the type {str(field.type)[:80]}, which no field has. Store it as text."
    return SetAside(file, f"column {field.name[:40]}", "unsupported-column", detail)


def _no_text(file: str, schema: pa.Schema) -> SetAside:
    names = ", ".join(name[:40] for name in schema.names[:12])
    detail = f"No column is a title, an abstract or a text; there are {names}. Name one of them so, and no two alike."
    return SetAside(file, "schema", "no-text-column", detail)
