"""Show what a build would read of files, without building: format, counts, first rows, what is set aside and why.

A single file is shown as a table of its first documents, concepts or edges; a folder, or several files, as a table of files.

Examples:
  materia inspect paper.nxml
  materia inspect mesh.tsv --rows 20
  materia inspect data/literature data/vocabulary
  materia inspect diseases.csv --table diseases.yaml
  materia inspect notes.txt --format markdown --json
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from pipeline.inspection import Inspected


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The words of `materia inspect`."""
    parser.add_argument(
        "paths", nargs="+", metavar="PATH", help="files, folders or URLs of literature, vocabularies or graphs"
    )
    parser.add_argument("--format", metavar="FORMAT", help="read as this format; found from content by default")
    parser.add_argument(
        "--table",
        action="append",
        default=[],
        metavar="FILE",
        help="YAML file that says what the columns of a table mean",
    )
    parser.add_argument("--rows", type=int, default=10, metavar="N", help="rows shown of a single file (default: 10)")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")


def run(options: argparse.Namespace) -> int:
    """Print one table; exit status 1 where nothing would be read of any file."""
    from rich.console import Console
    from rich.progress import track

    from pipeline.curated.mapping import load_table_mapping
    from pipeline.inspection import inspect_files

    errors = Console(stderr=True)
    tables = [load_table_mapping(path) for path in options.table]
    looking = inspect_files(options.paths, format_=options.format, rows=max(0, options.rows), tables=tables)
    found = list(track(looking, "reading", console=errors, transient=True, disable=options.json))
    console = Console(width=None if sys.stdout.isatty() else 160)
    if options.json:
        print(json.dumps([asdict(one) for one in found], indent=1, ensure_ascii=False))
    elif len({one.file for one in found}) == 1:  # it may be a vocabulary and a graph
        for one in found:
            _show_file(one, console)
    else:
        _show_files(found, console)
    return 0 if any(one.counts.total() for one in found) else 1


def _show_file(found: Inspected, console: Console) -> None:
    from rich.table import Table

    if found.rows:
        columns = [name for name in found.rows[0] if any(row[name] not in ("", None, 0) for row in found.rows)]
        table = Table(*columns, box=None)
        for row in found.rows:
            table.add_row(*(_cell(row[name]) for name in columns))
        console.print(table)
    line = f"{found.file}: {found.kind}, {found.format or 'no known format'}; {_counts(found)}"
    console.print(line, soft_wrap=True, markup=False)
    kinds = found.kinds if found.kinds.total() > len(found.rows) else {}  # else the rows say it
    for kind, count in sorted(kinds.items(), key=lambda one: (-one[1], one[0])):
        console.print(f"  {count:,} {kind}", soft_wrap=True, markup=False)
    for reason, count in sorted(found.set_aside.items()):
        console.print(f"set aside {count:,}: {reason}", soft_wrap=True)
    for record in found.examples:
        console.print(f"  {record.record}: {record.detail}", soft_wrap=True, markup=False)


def _show_files(found: list[Inspected], console: Console) -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table("file", "kind", "format", "read", "set aside", box=None)
    table.columns[0].overflow = "fold"
    for one in found:
        aside = ", ".join(f"{count:,} {reason}" for reason, count in sorted(one.set_aside.items()))
        table.add_row(escape(one.file), one.kind, one.format, _counts(one), aside)
    console.print(table)


def _counts(found: Inspected) -> str:
    words = (
        f"{count:,} {what.removesuffix('s') if count == 1 else what}" for what, count in found.counts.items() if count
    )
    return ", ".join(words) or "nothing"


def _cell(value: object) -> str:
    from rich.markup import escape

    text = "" if value is None else str(value)
    return escape(text if len(text) <= 80 else text[:79] + "…")
