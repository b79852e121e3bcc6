"""What two builds know differently, and why: documents, concepts and claims, with the reasons and the sentences behind them.

A and B are homes; what is said is how B differs from A. Exit status, as of diff(1): 0 the same, 1 different, 2 trouble.

Examples:
  materia diff materia-home-before
  materia diff before after --what triples --epsilon 0.05 --limit 50
  materia diff before after --json
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from typing import Any

from assets.home import Home, open_home
from pipeline.errors import MateriaError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The words of `materia diff`."""
    parser.add_argument("a", metavar="A", help="a home: the build before")
    parser.add_argument("b", metavar="B", nargs="?", help="a home: the build after (default: the one of --home)")
    parser.add_argument(
        "--what",
        action="append",
        choices=("documents", "concepts", "triples"),
        help="compare these only (default: all; may be given more than once)",
    )
    parser.add_argument(
        "--epsilon", type=float, default=0.0, metavar="E", help="changes of belief up to this do not count (default: 0)"
    )
    parser.add_argument("--limit", type=int, default=10, metavar="N", help="most examples of each kind (default: 10)")
    parser.add_argument("--json", action="store_true", help="print the difference as JSON")


def run(options: argparse.Namespace) -> int:
    """Print the difference; 0 where there is none, 1 where there is, 2 where a home cannot be read."""
    try:
        return _run(options)
    except MateriaError as error:
        print(f"materia: {error}", file=sys.stderr)
        return 2


def _run(options: argparse.Namespace) -> int:
    from rich.console import Console

    from kg.difference import EVERYTHING, compare
    from kg.difference_text import difference_lines

    if options.limit < 0 or not options.epsilon >= 0:
        raise MateriaError("--limit and --epsilon cannot be negative", remedy="Give 0 or more")
    a, b = (_build(open_home(home)) for home in (options.a, options.b or options.home))
    with Console(stderr=True).status("Comparing"):
        difference = compare(a, b, what=options.what or EVERYTHING, epsilon=options.epsilon, limit=options.limit)
    if options.json:
        print(json.dumps({"equal": difference.equal, **asdict(difference)}, indent=1, ensure_ascii=False))
    else:
        console = Console(width=None if sys.stdout.isatty() else 160, highlight=False)
        for line in difference_lines(difference):
            console.print(line, soft_wrap=not sys.stdout.isatty())
    return 0 if difference.equal else 1


def _build(home: Home) -> Any:
    from kg.difference import Build

    if not home.url.is_dir():
        raise MateriaError("is no folder", file=str(home.url), remedy="Name the home of a build")
    sources = {
        "literature": list(home.literature),
        "records": list(home.records),
        "vocabulary": list(home.vocabulary),
        "graphs": list(home.graphs),
        "graph_mapping": home.graph_mapping,
        "formats": [list(pair) for pair in home.formats],
        "retracted": list(home.retracted),
    }
    settings = home.config.model_dump(mode="json") | {"fusion": home.config.fusion.identity()}
    return Build(home.url, sources | _flat(settings))


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings as one mapping: {"fusion": {"retracted": "keep"}} as {"fusion.retracted": "keep"}."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return flat
