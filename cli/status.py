"""How much there is of everything in a home, what was set aside and why, what each stage cost.

Examples:
  materia status
  materia status --home work --json
"""

from __future__ import annotations

import argparse
import json

from assets.home import open_home
from assets.status import status


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The words of `materia status`."""
    parser.add_argument("--json", action="store_true", help="print figures as JSON")


def run(options: argparse.Namespace) -> int:
    """Print the figures as a table, or as JSON."""
    figures = status(open_home(options.home))
    if options.json:
        print(json.dumps(figures, indent=1))
        return 0
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table("what", "how many", box=None)
    table.columns[1].justify = "right"
    for name, value in figures.items():
        if isinstance(value, int):
            table.add_row(name.replace("_", " "), f"{value:,}")
    console.print(table)
    if figures["being_built_by"]:
        console.print(f"Being built by {figures['being_built_by']}.", soft_wrap=True, markup=False)
    if figures["beliefs"]:
        console.print(f"Beliefs are {figures['beliefs']}.", soft_wrap=True, markup=False)
    for name, why, what in (
        ("set_aside", "set aside because", "records"),
        ("not_taken", "not in the corpus because", "passages"),
    ):
        reasons = Table(why, what, box=None)
        for reason, count in figures[name].items():
            reasons.add_row(reason, f"{count:,}")
        if figures[name]:
            console.print(reasons)
    for name, result in figures["failed_checks"].items():
        told = {k: v for k, v in result.items() if k not in ("asks", "passed") and isinstance(v, int | float | str)}
        found = ", ".join(f"{key}: {value}" for key, value in told.items())
        console.print(f"{name} failed ({found}): {result['asks']}", soft_wrap=True, markup=False)
    costs = Table("stage", "seconds", "peak MiB", box=None)
    for name, cost in figures["stages"].items():
        costs.add_row(name, f"{cost['seconds']:.1f}", f"{cost['peak_mib']:,}")
    console.print(costs)
    return 0
