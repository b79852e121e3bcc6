"""Rich Release Format: the rows that the files of UMLS and RxNorm are made of.

Fields are ended by `|` and never quoted, text is UTF-8, one row a line, rows of one concept together (UMLS Reference
Manual, chapter 3, https://www.ncbi.nlm.nih.gov/books/NBK9685/; RxNorm Technical Documentation, section 12,
https://www.nlm.nih.gov/research/umls/rxnorm/docs/techdoc.html). RxNorm's files have the columns of the UMLS's, and `RXN`
for `MR` in their names, so one loader reads both: what a file is shows in its first rows, whatever its name.

Rows stay bytes, and a loader decodes the one or two fields that it keeps: bytes split at 2.0 million rows a second on
one core, text at 1.3, and pyarrow's CSV reader with the rows taken back into Python at 0.9. Memory is that of a concept.

Rows that are left out on purpose are many, a third of a release. They are counted, and each reason is reported once.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby, islice
from operator import itemgetter
from typing import BinaryIO, Final

from pipeline.errors import SetAside
from pipeline.vocabularies.base import Concept, OnSetAside

__all__ = ["CUI", "LeftOut", "RrfLoader", "in_use", "to_curie", "to_text"]

#: A concept identifier: UMLS (`C0000005`) or RxNorm (`161`).
CUI: Final = rb"(?:C[0-9]{7}|[1-9][0-9]{0,7})"
# Values of SUPPRESS that take a row out of use: obsolete, by an editor, by its source. RXNREL leaves the field empty.
_SUPPRESSED = frozenset((b"O", b"E", b"Y"))

_CUI = re.compile(CUI)
_LONGEST_ROW = 1 << 20
_LONGEST_RUN = 1 << 16
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_REASONS = {
    "bad-row": "do not have the columns of this file, or no concept identifier. Get the file again from its source.",
    "not-utf-8": "are not UTF-8. Get the file again from its source.",
    "suppressed": "are marked as not to be used (SUPPRESS is O, E or Y). Nothing needs to be done.",
}


class LeftOut:
    """Rows that were left out: how many for each reason, and where the first one was."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._first: dict[str, str] = {}

    def add(self, reason: str, place: str, count: int = 1) -> None:
        """Count rows; `reason` is one of those in this module."""
        if count:
            self._counts[reason] += count
            self._first.setdefault(reason, place)

    def report(self, file: str, set_aside: OnSetAside) -> None:
        """Set aside one record for each reason."""
        for reason, count in sorted(self._counts.items()):
            detail = f"{count} row{'s' if count > 1 else ''}, from here on, {_REASONS[reason]}"
            set_aside(SetAside(file, self._first[reason], reason, detail))


def _has_row(head: bytes, row: re.Pattern[bytes]) -> bool:
    """Whether one of the first three lines is such a row: three, so that one damaged row does not hide the format."""
    lines = head.removeprefix(_BYTE_ORDER_MARK)[: 3 * _LONGEST_ROW].split(b"\n", 3)[:3]
    return any(row.fullmatch(line.rstrip(b"\r")) for line in lines)


def _runs(stream: BinaryIO, columns: int, left_out: LeftOut) -> Iterator[tuple[bytes, list[list[bytes]]]]:
    """Yield (concept identifier, its rows as lists of fields); a run without end comes in pieces, so memory is bounded."""
    for cui, run in groupby(_rows(stream, columns, left_out), key=itemgetter(0)):
        while piece := list(islice(run, _LONGEST_RUN)):
            yield cui, piece


def _rows(stream: BinaryIO, columns: int, left_out: LeftOut) -> Iterator[list[bytes]]:
    """Yield the fields of each row that has that many; with or without the last `|`, so the last field may hold a line end."""
    number = 0
    while line := stream.readline(_LONGEST_ROW):
        number += 1
        fields = line.split(b"|")
        if number == 1:
            fields[0] = fields[0].removeprefix(_BYTE_ORDER_MARK)
        if columns <= len(fields) <= columns + 1:
            yield fields
        elif line.strip():
            left_out.add("bad-row" if to_text(line) is not None else "not-utf-8", f"line {number}")


def in_use(run: list[list[bytes]], suppress: int, curie: str, left_out: LeftOut) -> list[list[bytes]]:
    """The rows of one concept that are not suppressed; `suppress` is the place of that field."""
    kept = [fields for fields in run if fields[suppress] not in _SUPPRESSED]
    left_out.add("suppressed", curie, len(run) - len(kept))
    return kept


def to_curie(cui: bytes) -> str | None:
    """The CURIE of a concept identifier; None where it is none.

    >>> to_curie(b"C0000039"), to_curie(b"161"), to_curie(b"")
    ('UMLS:C0000039', 'RXNORM:161', None)
    """
    if not _CUI.fullmatch(cui):
        return None
    return ("UMLS:" if cui[:1] == b"C" else "RXNORM:") + cui.decode("ascii")


def to_text(field: bytes) -> str | None:
    """The field as text; None where it is not UTF-8."""
    try:
        return field.decode("utf-8")
    except UnicodeDecodeError:
        return None


class RrfLoader(ABC):
    """A loader of one kind of RRF file: what its rows look like, and what a run of rows with one CUI says.

    Attributes:
        name: name with version, as every loader has.
        columns: fields in a row, without what follows the last bar.
        row: a row by which the kind of file is recognised.
        atoms: whether rows without a CUI, which relate two atoms, are in order.
    """

    name: str
    columns: int
    row: re.Pattern[bytes]
    atoms = False

    def recognises(self, head: bytes, name: str) -> bool:
        """By the form of the first row; RRF has no header."""
        del name
        return _has_row(head, self.row)

    def load(self, stream: BinaryIO, file: str, set_aside: OnSetAside) -> Iterator[Concept]:
        """Yield what each run of rows with one CUI says, in the order of the file."""
        left_out = LeftOut()
        for cui, run in _runs(stream, self.columns, left_out):
            curie = to_curie(cui)
            if curie is not None:
                yield from self.concepts(curie, run, left_out)
            elif not self.atoms:
                left_out.add("bad-row", repr(cui[:20])[1:], len(run))
        left_out.report(file, set_aside)

    @abstractmethod
    def concepts(self, curie: str, run: list[list[bytes]], left_out: LeftOut) -> Iterable[Concept]:
        """The concepts or parts that the rows of one CUI make."""
