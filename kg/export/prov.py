"""Where the corpus comes from, in PROV-O: as Turtle, or as sorted N-Quads where the file is named so (.nq, .nq.gz).

The statements are those of the stage `provenance` (`kg.prov`); its files are sorted and no line is in two of them, so they are merged, one
line of each in memory. Turtle has no named graphs, so the statements stand in the default graph there.

Cost: merging, 1.2 million lines a second on one core; writing Turtle, 600,000.

Format: https://www.w3.org/TR/prov-o/.
"""

from __future__ import annotations

import heapq
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from kg.export.base import Evidence
from kg.export.graph import Graph
from kg.export.text import open_input, open_output
from pipeline.curies import PREFIXES

__all__ = ["Prov"]


class Prov:
    """Exporter of provenance."""

    name = "prov.v1"
    needs = ("provenance",)
    single_file = True
    evidence: Evidence = "never"
    believed_only = False

    def write(self, graph: Graph, target: Path) -> dict[str, int]:
        """Merge the parts; say how many statements there are."""
        import pyoxigraph

        parts = [Path(path) for paths in graph.paths["provenance"].values() for path in paths]
        merged = target if _is_nquads(target) else target.parent / "merged.nq"
        statements = 0
        with open_output(merged) as output, ExitStack() as opened:
            for line in heapq.merge(*(opened.enter_context(part.open("rb")) for part in parts)):
                output.write(line)
                statements += 1
        if merged != target:
            quads: Any = pyoxigraph.parse(path=str(merged), format=pyoxigraph.RdfFormat.N_QUADS)
            with open_output(target) as output:
                triples = (quad.triple for quad in quads)
                pyoxigraph.serialize(triples, output, format=pyoxigraph.RdfFormat.TURTLE, prefixes=PREFIXES)
            merged.unlink()
        return {"statements": statements}

    def recount(self, target: Path) -> dict[str, int]:
        """Statements, as a parser of the format reads them."""
        import pyoxigraph

        format_ = pyoxigraph.RdfFormat.N_QUADS if _is_nquads(target) else pyoxigraph.RdfFormat.TURTLE
        with open_input(target) as source:
            return {"statements": sum(1 for _ in pyoxigraph.parse(source, format=format_))}


def _is_nquads(path: Path) -> bool:
    return path.name.removesuffix(".gz").endswith(".nq")
