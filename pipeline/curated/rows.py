"""The rows of a table as names: what each is about, its other names, and what stands beside them, by a mapping.

A file is UTF-8 where most of its first lines are, else in the encoding of its mapping. Lines are decoded each on its own, which the
encodings allow that include ASCII, so a byte that is no character costs its row and not the file. A file put together
from two encodings is told by lines that are valid UTF-8 where the file is not (by accident, Chinese text of more than a few
characters never is): read as the file's encoding they would give wrong characters and no error, so they are set aside.

What is set aside: a row in another encoding, with too few cells or with its cells shifted; a row or a name whose end the
source cut off; what is no name. A cut name is never completed, not even where a single name of the table begins
so: of the drugs of the disease table it would often name another form (a capsule for a tablet).
Cost: 1.6 s on one core for the 14,336 rows and 190,000 names of the disease table; memory of one row.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final

from pipeline.csv_rows import csv_rows
from pipeline.curated.mapping import Aliases, Column, TableMapping
from pipeline.curated.names import problem_of
from pipeline.errors import SetAside
from pipeline.readers.base import clean
from pipeline.readers.streams import numbered_lines

__all__ = ["TableRow", "mapping_of", "table_rows"]

_LONGEST_LINE: Final = 1 << 20
_NOT_ASCII = re.compile(rb"[\x80-\xff]+")
#: Bytes beyond ASCII from which on valid UTF-8 is no accident: four Chinese characters.
_EVIDENT = 12


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row that can be used.

    Attributes:
        place: `line 7`, the line that the row ends on.
        name: what the row is about.
        aliases: its other names, each once.
        items: (column, name) of each other thing named, each once, in the order of the mapping's columns.
    """

    place: str
    name: str
    aliases: tuple[str, ...]
    items: tuple[tuple[str, str], ...]


def mapping_of(head: bytes, mappings: Sequence[TableMapping]) -> TableMapping | None:
    """The mapping whose columns the header of a file has: that of the subject and more than half of the others; the fullest wins."""
    best, most = None, 0.5
    line = head.removeprefix(codecs.BOM_UTF8).partition(b"\n")[0]
    for mapping in mappings:
        try:
            header = _cells(line.decode(_encoding(head, mapping)), mapping.delimiter)
        except (UnicodeDecodeError, csv.Error):
            continue
        share = sum(name in header for name in mapping.names) / len(mapping.names)
        if mapping.subject.column in header and share > most:
            best, most = mapping, share
    return best


def table_rows(stream: BinaryIO, file: str, head: bytes, mapping: TableMapping) -> Iterator[TableRow | SetAside]:
    """The rows of a table in their order, and a SetAside for each row and each name that is not used.

    Args:
        stream: the bytes of the file, uncompressed, from its start.
        file: its name, for messages.
        head: its first bytes, by which its encoding is told.
        mapping: what its columns mean. Columns of it that the header lacks are set aside; the others are read.
    """
    problems: list[SetAside] = []  # of the lines that the parser has taken so far
    rows = csv_rows(_lines(stream, file, _encoding(head, mapping), problems), file, problems.append, mapping.delimiter)
    header: list[str] | None = None
    for number, cells in rows:
        yield from problems
        problems.clear()
        if header is None:
            header = [cell.strip() for cell in cells]
            yield from _missing(header, mapping, file)
        elif (
            any(cell.strip() for cell in cells) and [cell.strip() for cell in cells] != header
        ):  # two tables in one file
            yield from _row(dict(zip(header, cells, strict=False)), f"line {number}", file, mapping)
    yield from problems


def _missing(header: list[str], mapping: TableMapping, file: str) -> Iterator[SetAside]:
    missing = [name for name in mapping.names if name not in header]
    if missing:
        detail = f"The header has no column {', '.join(missing)}. Correct it, or take the columns out of the mapping."
        yield SetAside(file, "header", "no-column", detail)


def _encoding(head: bytes, mapping: TableMapping) -> str:
    """UTF-8 where most of the first bytes beyond ASCII stand in lines that are UTF-8, else that of the mapping.

    A short line is UTF-8 by accident: 头痛 in GB18030 is.
    """
    whole, _, rest = head.rpartition(b"\n")
    votes = {True: 0, False: 0}
    for line in (whole or rest).split(b"\n"):
        votes[_is_utf8(line)] += _beyond_ascii(line)
    return "utf-8" if votes[True] >= max(_EVIDENT, votes[False]) else mapping.encoding.lower()


def _beyond_ascii(line: bytes) -> int:
    return sum(map(len, _NOT_ASCII.findall(line)))


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _cells(line: str, delimiter: str) -> list[str]:
    return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter), [])]


def _lines(stream: BinaryIO, file: str, encoding: str, problems: list[SetAside]) -> Iterator[tuple[int, str]]:
    remedy = "Save the whole file in one encoding."
    for number, line in numbered_lines(stream):
        if line is None or len(line) > _LONGEST_LINE:
            detail = "The line is longer than 1 MiB. Put one row on each line, and close its quotation marks."
            problems.append(SetAside(file, f"line {number}", "line-too-long", detail))
            continue
        try:
            text = line.decode(encoding)
        except UnicodeDecodeError:
            detail = f"The line is not {encoding.upper()}, which the file begins in. {remedy}"
            problems.append(SetAside(file, f"line {number}", f"not-{encoding}", detail))
            continue
        if encoding != "utf-8" and _is_other_utf8(line):
            detail = f"The line is UTF-8 in a file in {encoding.upper()}. {remedy}"
            problems.append(SetAside(file, f"line {number}", "mixed-encodings", detail))
            continue
        yield number, text


def _is_other_utf8(line: bytes) -> bool:
    return _beyond_ascii(line) >= _EVIDENT and _is_utf8(line)


def _row(row: dict[str, str], place: str, file: str, mapping: TableMapping) -> Iterator[TableRow | SetAside]:
    cells = {name: _stripped(row.get(name, ""), mapping.tails) for name in mapping.names}
    shifted = mapping.shifted and next((name for name, cell in cells.items() if re.search(mapping.shifted, cell)), None)
    if shifted:
        detail = f"The cell {shifted} holds what belongs into another column. Correct the row."
        yield SetAside(file, place, "shifted-row", detail)
        return
    about = mapping.subject
    name = cells[about.column]
    if problem := _problem(name, about.column, about.shortest, mapping.cut):
        yield SetAside(file, place, *problem)
        return
    aliases: list[str] = []
    items: list[tuple[str, str]] = []
    for column, rule in (*mapping.aliases.items(), *mapping.columns.items()):
        for part in _parts(cells[column], rule, mapping):
            if problem := _problem(part, column, rule.shortest, mapping.cut):
                yield SetAside(file, place, *problem)
            elif isinstance(rule, Column):
                items.append((column, part))
            elif part != name:
                aliases.append(part)
    yield TableRow(place, name, tuple(dict.fromkeys(aliases)), tuple(dict.fromkeys(items)))


def _stripped(cell: str, tails: Sequence[str]) -> str:
    cell = " ".join(clean(cell).split())
    for tail in tails:
        cell = cell.removesuffix(tail).rstrip()
    return cell


def _parts(cell: str, rule: Aliases, mapping: TableMapping) -> Iterator[str]:
    silent = mapping.placeholders | rule.placeholders
    if cell in silent:
        return
    for piece in rule.separator.split(cell) if rule.separator else [cell]:
        part = _stripped(piece, rule.tails)
        if part and part not in silent:
            yield part


def _problem(name: str, column: str, shortest: int, cut: str | None) -> tuple[str, str] | None:
    """Why a part of a cell is not used: reason and detail; None where it is."""
    if cut and name.endswith(cut):
        return "cut-name", f"The name {name[:40]!r} ({column}) is cut off, so it names nothing. Complete it."
    if problem := problem_of(name, shortest=shortest):
        return "no-name", f"{name[:40]!r} ({column}) is no name: {problem}. Correct or remove it."
    return None
