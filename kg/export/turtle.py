"""The graph as Turtle that one can read: prefixes bound, one paragraph a subject, subjects in order.

Turtle has no named graphs, so it holds the default graph: concepts, claims, and the plain triples of what is believed. With
evidence it is TriG, which is Turtle with named graphs: each piece of evidence stands in the graph of its document.

The sorted N-Quads are parsed and written by pyoxigraph, one quad at a time.

Cost: 600,000 quads a second on one core.

Format: https://www.w3.org/TR/turtle/, https://www.w3.org/TR/trig/.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from kg.export.base import Evidence
from kg.export.graph import Graph
from kg.export.nquads import merge_buckets
from kg.export.text import open_output, sum_of_matches
from pipeline.curies import PREFIXES

__all__ = ["Turtle"]

#: A line break inside a literal is escaped, so that these stand at the beginning of lines only.
_COUNTS: Final = {
    "claims": rb"(?m)^\t*materia:support ",
    "for": rb"(?m)^\t*materia:supporting_evidence (\d+) ",
    "against": rb"(?m)^\t*materia:contradicting_evidence (\d+) ",
    "rows": rb"(?m)^\t*materia:probability ",
}


class Turtle:
    """Exporter of Turtle, and of TriG where evidence is wanted."""

    name = "turtle.v1"
    needs = ("triples", "evidence_by_bucket", "vocabulary", "knowledge_graph")
    single_file = True
    evidence: Evidence = "optional"
    believed_only = False

    def write(self, graph: Graph, target: Path) -> dict[str, int]:
        """Write the quads of all buckets, in the order of their subjects."""
        import pyoxigraph

        merged = target.parent / "merged.nq"
        with merged.open("wb") as output:
            merge_buckets(graph, target, output)
        quads: Any = pyoxigraph.parse(path=str(merged), format=pyoxigraph.RdfFormat.N_QUADS)
        format_ = pyoxigraph.RdfFormat.TRIG
        if not graph.selection.with_evidence:
            default, format_ = pyoxigraph.DefaultGraph(), pyoxigraph.RdfFormat.TURTLE
            quads = (quad.triple for quad in quads if quad.graph_name == default)
        graph.progress("writing", 0, 1)
        with open_output(target) as output:
            pyoxigraph.serialize(quads, output, format=format_, prefixes=PREFIXES)
        merged.unlink()
        return {}

    def recount(self, target: Path) -> dict[str, int]:
        """Claims and what they count; evidence rows where they are there."""
        found = sum_of_matches(target, **_COUNTS)
        held = {"claims": found["claims"], "evidence": found["for"] + found["against"]}
        return held | ({"evidence_rows": found["rows"]} if found["rows"] else {})
