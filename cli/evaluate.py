"""Scores: of the home's models on held-out data, or of extraction against a gold file.

`materia evaluate` shows the held-out losses and ranks of the trained model and embeddings (built first where need be).
`materia evaluate mentions` reads a gold file (PubTator, BioC) with the given vocabularies and scores span and identifier together.

Examples:
  materia evaluate
  materia evaluate --json
  materia evaluate mentions --gold dev.pubtator --vocabulary medic.txt mesh_names.tsv --json
"""

from __future__ import annotations

import argparse
import json
from typing import Any

from assets.home import open_home
from pipeline.errors import MateriaError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The words of `materia evaluate`."""
    parser.add_argument("what", nargs="?", choices=["models", "mentions"], default="models", help="default: models")
    parser.add_argument("--gold", metavar="FILE", help="file with annotations, PubTator or BioC (for mentions)")
    parser.add_argument(
        "--vocabulary", nargs="+", action="extend", metavar="PATH", help="vocabulary files (for mentions)"
    )
    parser.add_argument("--json", action="store_true", help="print figures as JSON")


def run(options: argparse.Namespace) -> int:
    """Print the figures as a table, or as JSON."""
    figures = _mentions(options) if options.what == "mentions" else _models(options)
    if options.json:
        print(json.dumps(figures, indent=1))
        return 0
    from rich.console import Console
    from rich.table import Table

    table = Table("figure", "value", box=None)
    table.columns[1].justify = "right"
    for name, value in _flat(figures):
        table.add_row(name, f"{value:.4f}" if isinstance(value, float) else str(value))
    Console().print(table)
    return 0


def _mentions(options: argparse.Namespace) -> dict[str, Any]:
    if not options.gold or not options.vocabulary:
        raise MateriaError(
            "evaluate mentions needs a gold file and vocabularies", remedy="Give --gold FILE --vocabulary PATH ..."
        )
    from pipeline.mention_evaluation import evaluate_mentions
    from pipeline.parallel import cpu_count

    return evaluate_mentions(options.gold, options.vocabulary, workers=cpu_count())


def _models(options: argparse.Namespace) -> dict[str, Any]:
    from assets.build import build
    from assets.models import figures_of

    home = open_home(options.home)
    build(home, "evaluation")
    return figures_of(home, "evaluation", "evaluation")


def _flat(figures: dict[str, Any], before: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for name, value in figures.items():
        rows += _flat(value, f"{before}{name} ") if isinstance(value, dict) else [(f"{before}{name}", value)]
    return rows
