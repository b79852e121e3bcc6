"""Ask the rules of the graph: what is malformed, what is against the Biolink model, with examples and what to do.

The whole graph is asked by queries over its tables. With --shacl the shapes of the same rules (kg/validation/shapes.ttl)
are run by pySHACL besides, on some claims of the index with their evidence and concepts. Exit status 1 where something
is malformed (a violation); warnings and infos leave it at 0.

Examples:
  materia validate
  materia validate --limit 20 --json
  materia validate --shacl --claims 500
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from assets.graph import asked_store
from assets.home import open_home

if TYPE_CHECKING:
    from assets.home import Home
    from kg.validation import Findings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The words of `materia validate`."""
    parser.add_argument("--shacl", action="store_true", help="also run the shapes on a sample of the graph index")
    parser.add_argument(
        "--claims",
        type=int,
        default=200,
        metavar="N",
        help="claims that --shacl looks at, chosen by hash (default: 200)",
    )
    parser.add_argument("--limit", type=int, default=3, metavar="N", help="examples shown of each rule (default: 3)")
    parser.add_argument("--json", action="store_true", help="print findings as JSON")


def run(options: argparse.Namespace) -> int:
    """Print findings by severity and rule; exit status 1 where there is a violation."""
    from rich.console import Console
    from rich.progress import track

    from kg.validation import merged

    home, limit = open_home(options.home), max(1, options.limit)

    parts = track(
        _of_tables(home, limit),
        "validating",
        total=len(home.buckets) + 1,
        console=Console(stderr=True),
        transient=True,
        disable=options.json,
    )
    found = merged((findings for part in parts for findings in part), limit)
    shapes = _of_shapes(home, max(1, options.claims), limit) if options.shacl else None
    if options.json:
        told = {"tables": _rows(found)} | ({"shapes": _rows(shapes)} if shapes is not None else {})
        print(json.dumps(told, indent=1, ensure_ascii=False))
    else:
        _show("the whole graph, by its tables", found)
        if shapes is not None:
            _show("a sample of claims, by SHACL", shapes)
    return int(any(findings.rule.severity == "violation" for findings in [*found, *(shapes or [])]))


def _of_tables(home: Home, limit: int) -> Iterator[list[Findings]]:
    """Findings of the vocabulary, then of each bucket."""
    from kg.validation import validate_claims, validate_concepts
    from pipeline.duck import connect
    from pipeline.errors import MateriaError

    vocabulary, triples = home.dataset("vocabulary").paths(), home.dataset("triples")
    if not vocabulary or not triples.manifests():
        raise MateriaError("this home has no graph yet", remedy="Run: materia build")
    yield validate_concepts(vocabulary, limit=limit)
    with connect() as connection:
        for key in home.buckets:
            evidence = home.dataset("evidence_by_bucket").paths(key)
            yield validate_claims(triples.read(key), evidence, vocabulary, limit=limit, connection=connection)


def _of_shapes(home: Home, claims: int, limit: int) -> list[Findings]:
    """Findings in the neighbourhood of a sample of the claims."""
    from kg.graph_store import open_store
    from kg.validation.subgraph import neighbourhood, smallest_claims, validate_subgraph

    dataset = open_store(asked_store(home))
    return validate_subgraph(neighbourhood(dataset, smallest_claims(dataset, claims)), limit=limit)


def _rows(found: list[Findings]) -> list[dict[str, object]]:
    return [
        {
            "rule": findings.rule.name,
            "severity": findings.rule.severity,
            "count": findings.count,
            "message": findings.rule.message,
            "remedy": findings.rule.remedy,
            "examples": [{"node": example.node, "detail": example.detail} for example in findings.examples],
        }
        for findings in found
    ]


def _show(title: str, found: list[Findings]) -> None:
    from rich.console import Console
    from rich.markup import escape

    console = Console()
    console.print(f"[bold]{title}[/bold]" + ("" if found else ": nothing is wrong"))
    colours = {"violation": "red", "warning": "yellow", "info": "cyan"}
    for severity, colour in colours.items():
        for findings in (f for f in found if f.rule.severity == severity):
            console.print(
                f"[{colour}]{severity}[/{colour}] {findings.rule.name}: {findings.count:,}",
                highlight=False,
                soft_wrap=True,
            )
            console.print(f"  {escape(findings.rule.sentence)}", highlight=False, soft_wrap=True)
            for example in findings.examples:
                console.print(f"    {escape(example.node)}  {escape(example.detail)}", highlight=False, soft_wrap=True)
