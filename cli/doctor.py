"""What is installed, what is missing, what state a home is in, and what to do about it.

Files of a home that a crash or a disk spoiled are found and, with --mend, put right: what is half written is removed, and a
partition whose manifest cannot be read, or whose files are not what it says, is made anew by the next build.

Examples:
  materia doctor
  materia doctor --home work --mend
  materia doctor --home work --deep
  materia doctor --home work --json
"""

from __future__ import annotations

import argparse
import json

from assets.doctor import examine


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The words of `materia doctor`."""
    parser.add_argument("--json", action="store_true", help="print findings as JSON")
    parser.add_argument("--mend", action="store_true", help="put right what a crash or a disk spoiled in the home")
    parser.add_argument(
        "--deep", action="store_true", help="compare the hash of every file too, which reads all of them"
    )


def run(options: argparse.Namespace) -> int:
    """Print every finding; exit status 1 where something needs doing."""
    findings = examine(options.home, deep=options.deep, repair=options.mend)
    if options.json:
        print(json.dumps([finding._asdict() for finding in findings], indent=1))
    else:
        from rich.console import Console
        from rich.table import Table

        table = Table("", "what", "found", "what to do", box=None)
        for finding in findings:
            mark = "[green]ok[/green]" if finding.ok else "[red]no[/red]"
            table.add_row(mark, finding.what, finding.found, finding.remedy)
        Console().print(table)
    return 0 if all(finding.ok for finding in findings) else 1
