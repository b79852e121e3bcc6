"""GraphML for Gephi, Cytoscape, yEd, igraph and networkx: nodes are concepts, edges are believed claims.

Edges carry `weight` (belief, under the name that those programs look for) beside the counts. An edge of a drawing cannot say
`not`, so a claim that more speaks against than for is left out. Lists are joined by `|`; a `|` inside a member becomes `¦`.
Characters that XML 1.0 forbids become spaces. Written row by row: no tree is in memory.

Format: http://graphml.graphdrawing.org/specification.html.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from kg.export.base import Evidence
from kg.export.claims import write_claims
from kg.export.graph import Graph
from kg.export.text import cell, joined, number, open_output, sum_of_matches, write_lines, xml

__all__ = ["GraphMl"]

#: Name, type and SQL of what a node and an edge carry.
_NODES: Final = (
    ("label", "string", xml(cell("coalesce(name, curie)"))),
    ("category", "string", xml("category")),
)
_EDGES: Final = (
    ("predicate", "string", xml("predicate")),
    ("weight", "double", number("belief")),
    ("support", "double", number("support")),
    ("contradiction", "double", number("contradiction")),
    ("contested", "boolean", "contested"),
    ("supporting_evidence", "int", "supporting_evidence"),
    ("contradicting_evidence", "int", "contradicting_evidence"),
    ("supporting_documents", "int", "supporting_documents"),
    ("contradicting_documents", "int", "contradicting_documents"),
    ("publications", "string", xml(joined("doc_ids", "|", "¦"))),
    ("split", "string", xml("split")),
)
_WITH_EVIDENCE: Final = (
    ("evidence_ids", "string", "array_to_string(evidence_ids, '|')"),
    ("sentences", "string", xml(joined("sentences", "|", "¦"))),
)
_Attributes = tuple[tuple[str, str, str], ...]


class GraphMl:
    """Exporter of GraphML."""

    name = "graphml.v1"
    needs = ("triples", "evidence_by_bucket", "vocabulary")
    single_file = True
    evidence: Evidence = "optional"
    believed_only = True

    def write(self, graph: Graph, target: Path) -> dict[str, int]:
        """Write the keys, then nodes, then edges."""
        edges = _EDGES + (_WITH_EVIDENCE if graph.selection.with_evidence else ())
        nodes = graph.count("nodes")
        with open_output(target) as output:
            output.write(_head(_NODES, edges).encode())
            line = _element("node", f"""'id="', {xml("curie")}, '"'""", _NODES)
            sql = f"SELECT {line} AS text FROM nodes ORDER BY curie"  # noqa: S608
            write_lines(graph, output, sql, "nodes", nodes)
            ends = f"""'id="', triple_id, '" source="', {xml("subject")}, '" target="', {xml("object")}, '"'"""
            write_claims(graph, output, _element("edge", ends, edges))
            output.write(b"</graph>\n</graphml>\n")
        return {"nodes": nodes}

    def recount(self, target: Path) -> dict[str, int]:
        """Nodes, edges, and the evidence that edges count. Text holds no `<`, so that tags are tags."""
        found = sum_of_matches(
            target,
            nodes=rb"<node ",
            edges=rb"<edge ",
            supporting=rb'<data key="supporting_evidence">(\d+)<',
            contradicting=rb'<data key="contradicting_evidence">(\d+)<',
        )
        evidence = found["supporting"] + found["contradicting"]
        return {"claims": found["edges"], "evidence": evidence, "nodes": found["nodes"]}


def _head(nodes: _Attributes, edges: _Attributes) -> str:
    keys = "".join(
        f'<key id="{name}" for="{element}" attr.name="{name}" attr.type="{kind}"/>\n'
        for element, attributes in (("node", nodes), ("edge", edges))
        for name, kind, _ in attributes
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<graphml xmlns="http://graphml.graphdrawing.org/xmlns">\n'
        f'{keys}<graph id="materia" edgedefault="directed">\n'
    )


def _element(tag: str, attributes: str, data: _Attributes) -> str:
    """An element with its data on one line, as an SQL expression."""
    inside = ", ".join(f"""'<data key="{name}">', {value}, '</data>'""" for name, _, value in data)
    return f"concat('<{tag} ', {attributes}, '>', {inside}, '</{tag}>', chr(10))"
