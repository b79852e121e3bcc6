"""Write the graph in a format that other programs read: N-Quads, Turtle, KGX, GraphML, Neo4j, PyKEEN, Parquet, SSSOM;
or where the corpus comes from (PROV-O).

What each format holds is in docs/exports.md. Nothing half-written is left, and the counts of claims and evidence in the files
are compared with the graph before they are put in place.

Examples:
  materia export --format kgx --out kgx/
  materia export --format turtle --out graph.ttl --minimum-belief 0.8 --predicates treats causes
  materia export --format nquads --out graph.nq.gz --force
  materia export --format prov --out provenance.ttl
  materia export --format pykeen --out triples/ --json
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from assets.home import open_home
from pipeline.errors import MateriaError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The words of `materia export`."""
    parser.add_argument("--format", required=True, metavar="FORMAT", help="what to write; see docs/exports.md")
    parser.add_argument(
        "--out", required=True, metavar="PATH", help="the file or folder to write; a file named .gz is compressed"
    )
    parser.add_argument(
        "--minimum-belief", type=float, default=0.0, metavar="X", help="leave out claims believed less (default: 0)"
    )
    parser.add_argument(
        "--predicates",
        nargs="+",
        action="extend",
        default=[],
        metavar="P",
        help="only these (biolink:treats, or treats)",
    )
    parser.add_argument(
        "--split", nargs="+", action="extend", default=[], metavar="SPLIT", help="only these of train, validation, test"
    )
    parser.add_argument("--with-evidence", action="store_true", help="sentences too, in a format that may hold them")
    parser.add_argument("--force", action="store_true", help="replace an export that is there")
    parser.add_argument("--json", action="store_true", help="print the manifest of the export as JSON")


def run(options: argparse.Namespace) -> int:
    """Export with a progress bar, and say what was written and what was left out."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from kg.export.base import Selection
    from kg.export.export import export_graph

    if not 0 <= options.minimum_belief <= 1:
        raise MateriaError("--minimum-belief is not between 0 and 1", remedy="Give a number such as 0.8")
    selection = Selection(
        options.minimum_belief,
        tuple(sorted({word if ":" in word else f"biolink:{word}" for word in options.predicates})),
        tuple(sorted(set(options.split))),
        options.with_evidence,
    )
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=options.json) as bars:
        bar = bars.add_task("looking at the graph", total=None)

        def show(what: str, done: int, total: int | None) -> None:
            bars.update(bar, description=what, completed=done, total=total)

        home, out = open_home(options.home), Path(options.out)
        manifest = export_graph(home.url, options.format, out, selection, force=options.force, progress=show)
    print(json.dumps(manifest, indent=1, ensure_ascii=False) if options.json else _summary(manifest, options.out))
    return 0


def _summary(manifest: dict[str, Any], out: str) -> str:
    size = sum(file["bytes"] for file in manifest["files"].values())
    lines = [f"{out}: {manifest['format']}, {len(manifest['files'])} file(s), {size:,} bytes"]
    lines += [f"  {count:>12,} {what.replace('_', ' ')}" for what, count in manifest["counts"].items()]
    lines += [
        f"  left out {counts['claims']:,} claims with {counts['evidence']:,} pieces of evidence: {reason}"
        for reason, counts in manifest["left_out"].items()
    ]
    return "\n".join(lines)
