"""Rows as lines of text, put together by DuckDB and written as whole buffers; and cells that no line breaks at.

Only the columns that a format joins pass through SQL, and no line passes through Python. Rejected: DuckDB's COPY to CSV, which
quotes as it sees fit (KGX forbids quotes, neo4j-admin wants them everywhere), and the csv module (a twentieth of the speed).
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from kg.export.graph import Graph
from kg.nquads import text_bytes
from pipeline.duck import stream

__all__ = ["cell", "joined", "number", "open_input", "open_output", "quoted", "sum_of_matches", "write_lines", "xml"]

_PIECE = 1 << 20


@contextmanager
def open_output(path: Path) -> Iterator[IO[bytes]]:
    """A file to write bytes to; compressed where its name ends in .gz, without a clock or a name inside."""
    with path.open("wb") as plain:
        if path.suffix != ".gz":
            yield plain
            return
        with gzip.GzipFile(filename="", fileobj=plain, mode="wb", compresslevel=6, mtime=0) as packed:
            yield cast(IO[bytes], packed)


@contextmanager
def open_input(path: Path) -> Iterator[IO[bytes]]:
    """The bytes of such a file."""
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as source:
        yield cast(IO[bytes], source)


def write_lines(graph: Graph, target: IO[bytes], sql: str, what: str, total: int | None = None) -> int:
    """Write the column `text` of a query, as it is, in the order of its rows; return the number of rows.

    Args:
        graph: where the query is asked, and who is told of progress.
        target: receives UTF-8.
        sql: a query with a column `text` and an ORDER BY that leaves no two rows in doubt.
        what: name of the rows, for progress.
        total: how many there will be, where that is known.
    """
    rows = 0
    graph.progress(what, 0, total)
    for batch in stream(graph.connection, sql, 16_384):
        target.write(text_bytes(batch["text"]))
        rows += batch.num_rows
        graph.progress(what, rows, total)
    return rows


def cell(column: str) -> str:
    """A string column as a cell of a table without quotes: no tab, no line break, no other control character."""
    # Also what some readers take for a line break: NEL and Unicode's line and paragraph separators.
    return f"trim(regexp_replace({column}, '[\\x00-\\x1f\\x7f\\x{{85}}\\x{{2028}}\\x{{2029}}]+', ' ', 'g'), ' ')"


def joined(column: str, separator: str, instead: str) -> str:
    """A list of strings as one cell; a separator inside a member becomes another character. Empty where the list is null."""
    member = f"replace({cell('member')}, '{separator}', '{instead}')"
    return f"array_to_string(list_transform(coalesce({column}, []), lambda member: {member}), '{separator}')"


def quoted(expression: str) -> str:
    """A cell between double quotes, those inside doubled (RFC 4180)."""
    return f"""concat('"', replace(coalesce({expression}, ''), '"', '""'), '"')"""


def number(column: str) -> str:
    """A number with at most six decimals: 0.9, 1, 0."""
    return f"regexp_replace(printf('%.6f', {column}), '\\.?0+$', '')"


def xml(column: str) -> str:
    """A string column as text or attribute of XML 1.0; characters that XML forbids become spaces."""
    legal = f"regexp_replace({column}, '[^\\x{{20}}-\\x{{d7ff}}\\x{{e000}}-\\x{{fffd}}\\x{{10000}}-\\x{{10ffff}}]', ' ', 'g')"
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        legal = f"replace({legal}, '{character}', '{entity}')"
    return legal


def sum_of_matches(path: Path, **patterns: bytes) -> dict[str, int]:
    """Read a text file by whole lines; of each pattern add up its group 1 as a number, or count it where it has no group."""
    compiled = {name: re.compile(pattern) for name, pattern in patterns.items()}
    totals = dict.fromkeys(patterns, 0)
    with open_input(path) as source:
        rest = b""
        while piece := source.read(_PIECE):
            lines, newline, rest = (rest + piece).rpartition(b"\n")
            _add(totals, compiled, lines + newline)
        _add(totals, compiled, rest)
    return totals


def _add(totals: dict[str, int], patterns: dict[str, Any], text: bytes) -> None:
    for name, pattern in patterns.items():
        found = pattern.findall(text)
        totals[name] += sum(map(int, found)) if pattern.groups else len(found)
