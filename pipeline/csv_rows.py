"""Rows of a CSV file with quoted cells (RFC 4180), for the vocabularies and tables that come as CSV.

The standard library's parser does the work in C. A cell may run over lines; one of more than a million characters is
taken for a quotation mark that is never closed: the row is set aside and reading goes on behind it.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator

from pipeline.errors import SetAside

__all__ = ["csv_rows"]

_LONGEST_CELL = 1 << 20


def csv_rows(
    lines: Iterable[tuple[int, str]], file: str, set_aside: Callable[[SetAside], None], delimiter: str = ","
) -> Iterator[tuple[int, list[str]]]:
    """Yield (number of the line a row ends on, its cells) of numbered lines; blank lines are passed over."""
    line = 0

    def texts() -> Iterator[str]:
        nonlocal line
        for line, text in lines:  # noqa: B007
            yield text + "\n"

    csv.field_size_limit(_LONGEST_CELL)
    rows = csv.reader(texts(), delimiter=delimiter)
    while True:
        try:
            row = next(rows, None)
        except csv.Error as error:
            detail = f"The row cannot be read ({error}). Close its quotation marks."
            set_aside(SetAside(file, f"line {line}", "bad-row", detail))
            continue
        if row is None:
            return
        if row:
            yield line, row
