"""CSV and TSV: delimited tables whose first row names the columns.

Format: RFC 4180 (https://www.rfc-editor.org/rfc/rfc4180), with `,` `;` tab or `|` between cells, in any encoding of
`pipeline.readers.encodings`. The columns are those of `pipeline.readers.columns`. A quoted cell may run over lines. Memory
holds one row, of at most 16 Mi characters.

The dialect is found by trial: the head is parsed with each delimiter, and between tabs also without quotes; the first reading wins
that knows most columns and in which most rows are as long as the header. A row that is longer or shorter than the header, that
is broken in its quotes or encoding, or that is too long is set aside with its number (the header is row 0), and the
rest goes on. Rejected: `csv.Sniffer`, which takes the commonest letter of a text for its delimiter; `pyarrow.csv`, which gives
up a file at its first bad row.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from typing import BinaryIO, Literal, NamedTuple

from pipeline.errors import SetAside
from pipeline.readers.base import Document
from pipeline.readers.columns import Columns
from pipeline.readers.encodings import encoding_of
from pipeline.readers.fields import document_of
from pipeline.readers.streams import ReadAhead

__all__ = ["CsvTable"]

_NAMES = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
_HEAD = 1 << 16
#: Characters of the longest row.
_LONGEST_ROW = 16 << 20
#: What stands in a decoded text for bytes that cannot be decoded: a lone surrogate, which no encoding yields.
_BROKEN = "\udc80"
codecs.register_error("materia_broken", lambda error: (_BROKEN, error.end))  # type: ignore[attr-defined]


class _Dialect(NamedTuple):
    delimiter: str
    quoting: Literal[0, 3]


# without quotes only between tabs: databases write such tables, and no cell of theirs holds a tab
_DIALECTS = [*(_Dialect(delimiter, csv.QUOTE_MINIMAL) for delimiter in ",\t;|"), _Dialect("\t", csv.QUOTE_NONE)]


class CsvTable:
    """Reader of CSV and TSV."""

    name = "csv.v1"
    one_document = False

    def recognises(self, head: bytes, name: str) -> bool:
        """By a first line of several cells, one of them a known column of text, or by the file's name."""
        if name.lower().endswith(_NAMES):
            return True
        encoding = encoding_of(head)
        if encoding is None:
            return False
        for header in _rows(head, encoding, _dialect(head, encoding)):
            columns = Columns(header or [])
            return columns.known > 1 and columns.has_text
        return False

    def read(self, stream: BinaryIO, file: str) -> Iterator[Document | SetAside]:
        """One document a row."""
        source = ReadAhead(stream)
        encoding = encoding_of(source.head)
        if encoding is None:
            yield SetAside(
                file, "file", "not-text", "The file holds bytes that no text has. Save the table as UTF-8 text."
            )
            return
        dialect = _dialect(source.head, encoding)
        lines = _Lines(source, encoding)
        # one limit for the whole process; every table here wants the same
        csv.field_size_limit(_LONGEST_ROW)
        rows = csv.reader(lines, delimiter=dialect.delimiter, quoting=dialect.quoting, strict=True)
        columns: Columns | None = None
        width = number = 0
        while True:
            lines.row = 0
            place = f"row {number}"
            try:
                row = next(rows, None)
            except csv.Error as error:
                yield _broken_row(file, place, str(error))
                number += 1
                continue
            if row is None:
                return
            if not row:
                continue  # a blank line is no row
            if columns is None:
                columns, width = Columns(row), len(row)
                if not columns.states_text:
                    yield _no_text(file, row)
                    return
            elif any(_BROKEN in cell for cell in row):
                detail = f"The row holds bytes that are not {encoding}, in which the file is. Save the file in UTF-8."
                yield SetAside(file, place, "invalid-encoding", detail)
            elif len(row) != width:
                detail = f"The row has {len(row)} cells and the header {width}. Quote cells that hold the delimiter."
                yield SetAside(file, place, "wrong-number-of-cells", detail)
            elif any(map(str.strip, row)):
                yield document_of(columns.record(row), file, place)
            number += 1


class _Lines:
    """The lines of a text for `csv.reader`, no more of them in one row than it may hold."""

    def __init__(self, stream: io.RawIOBase, encoding: str) -> None:
        self._text = io.TextIOWrapper(io.BufferedReader(stream), encoding, "materia_broken", newline="")
        self.row = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._text.readline(_LONGEST_ROW + 1)
        if not line:
            raise StopIteration
        self.row += len(line)
        if self.row > _LONGEST_ROW:
            while line and not line.endswith(("\n", "\r")):
                line = self._text.readline(_LONGEST_ROW)
            raise csv.Error("it is longer than 16 Mi characters")  # the reader begins anew behind it
        return line


def _dialect(head: bytes, encoding: str) -> _Dialect:
    """The dialect that reads the head best; the first of those that read it equally well."""

    def merit(dialect: _Dialect) -> tuple[int, float, int]:
        rows = [row for row in _rows(head, encoding, dialect) if row != []]
        header = rows[0] if rows and rows[0] else []
        width = len(header)
        return (
            Columns(header).known,
            sum(row is not None and len(row) == width for row in rows) / max(len(rows), 1),
            width,
        )

    return max(_DIALECTS, key=merit)


def _rows(head: bytes, encoding: str, dialect: _Dialect) -> Iterator[list[str] | None]:
    """The rows of the head; None for each that is broken."""
    text = codecs.getincrementaldecoder(encoding)("replace").decode(head)
    lines = list(io.StringIO(text, newline=""))
    if len(head) >= _HEAD and len(lines) > 1:
        del lines[-1]  # it may be cut
    rows = csv.reader(lines, delimiter=dialect.delimiter, quoting=dialect.quoting, strict=True)
    while True:
        try:
            yield next(rows)
        except csv.Error:
            yield None
        except StopIteration:
            return


def _broken_row(file: str, place: str, problem: str) -> SetAside:
    if "16 Mi" in problem or "field limit" in problem:
        detail = "The row is longer than 16 Mi characters, or a quote in it is never closed. Close the quote."
        return SetAside(file, place, "row-too-long", detail)
    detail = f"The row is broken in its quotes ({problem}). Double each quote inside a quoted cell, and close the cell."
    return SetAside(file, place, "invalid-csv", detail)


def _no_text(file: str, row: list[str]) -> SetAside:
    names = ", ".join(cell.strip()[:40] for cell in row[:12])
    detail = f"No column is a title, an abstract or a text; there are {names}. Name one of them so in the first row."
    return SetAside(file, "row 0", "no-text-column", detail)
