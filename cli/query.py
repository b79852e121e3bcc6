"""Ask the graph a SPARQL question. Prefixes (biolink, MESH, PMID, skos, prov, ...) are bound already.

The graph's model is in docs/graph.md. Updates are refused; a question that takes too long is stopped.

Examples:
  materia query "SELECT ?drug ?belief WHERE { ?claim rdf:subject ?drug ; rdf:predicate biolink:treats ;
                 rdf:object MESH:D003924 ; materia:belief ?belief } ORDER BY DESC(?belief)"
  materia query --json "SELECT (COUNT(*) AS ?n) WHERE { ?s a biolink:Disease }"
"""

from __future__ import annotations

import argparse
import json
import sys

from assets.graph import asked_store
from assets.home import open_home


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The words of `materia query`."""
    parser.add_argument("sparql", metavar="SPARQL", help="a SELECT, ASK or CONSTRUCT query")
    parser.add_argument("--json", action="store_true", help="print rows as JSON")
    parser.add_argument("--limit", type=int, default=1000, metavar="N", help="most rows to print (default: 1000)")
    parser.add_argument(
        "--timeout", type=float, default=60, metavar="S", help="seconds before it is stopped (default: 60)"
    )


def run(options: argparse.Namespace) -> int:
    """Print the rows as a table, or as JSON."""
    from kg.graph_store import query

    home = open_home(options.home)
    store = asked_store(home, lambda line: print(line, file=sys.stderr))
    columns, rows = query(store, options.sparql, limit=options.limit, timeout_s=options.timeout)
    if options.json:
        print(json.dumps([dict(zip(columns, row, strict=True)) for row in rows], indent=1, ensure_ascii=False))
        return 0
    from rich.console import Console
    from rich.table import Table

    table = Table(*columns, box=None)
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    Console().print(table)
    Console(stderr=True).print(f"{len(rows)} rows")
    return 0
