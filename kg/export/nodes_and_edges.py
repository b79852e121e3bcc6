"""The shape that KGX TSV and Neo4j's import files share: one table of nodes and one of edges, each line put together by SQL."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from kg.export.base import Evidence
from kg.export.claims import write_claims
from kg.export.graph import Graph
from kg.export.text import sum_of_matches, write_lines

__all__ = ["NodesAndEdges"]


class NodesAndEdges:
    """What the exporters of such formats have in common; a member says which columns, and how cells are told apart.

    Attributes:
        files: names of the table of nodes and of that of edges.
        separator: what stands between cells.
        nodes: headings of columns to SQL expressions over a concept; null is an empty cell.
        edges: the same over a claim; among them the evidence for, and after it that against.
        with_evidence: columns that stand after those where evidence is wanted.
        before_counts: a regular expression of what stands in the line of an edge before the evidence for.
    """

    needs = ("triples", "evidence_by_bucket", "vocabulary")
    single_file = False
    evidence: Evidence = "optional"
    files: ClassVar[tuple[str, str]]
    separator: ClassVar[str]
    nodes: ClassVar[Mapping[str, str]]
    edges: ClassVar[Mapping[str, str]]
    with_evidence: ClassVar[Mapping[str, str]]
    before_counts: ClassVar[bytes]

    def write(self, graph: Graph, target: Path) -> dict[str, int]:
        """Write nodes, then edges."""
        nodes = graph.count("nodes")
        with (target / self.files[0]).open("wb") as output:
            output.write(self._header(self.nodes))
            sql = f"SELECT {self._line(self.nodes)} AS text FROM nodes ORDER BY curie"  # noqa: S608
            write_lines(graph, output, sql, "nodes", nodes)
        columns = {**self.edges, **(self.with_evidence if graph.selection.with_evidence else {})}
        with (target / self.files[1]).open("wb") as output:
            output.write(self._header(columns))
            write_claims(graph, output, self._line(columns))
        return {"nodes": nodes}

    def recount(self, target: Path) -> dict[str, int]:
        """Lines of the two files, and the evidence that edges count."""
        before, end = b"(?m)^" + self.before_counts, self.separator.encode()
        edges = sum_of_matches(
            target / self.files[1],
            lines=rb"\n",
            supporting=before + rb"(\d+)" + end,
            contradicting=before + rb"\d+" + end + rb"(\d+)" + end,
        )
        nodes = sum_of_matches(target / self.files[0], lines=rb"\n")["lines"] - 1
        return {"claims": edges["lines"] - 1, "evidence": edges["supporting"] + edges["contradicting"], "nodes": nodes}

    def _header(self, columns: Mapping[str, str]) -> bytes:
        return (self.separator.join(columns) + "\n").encode()

    def _line(self, columns: Mapping[str, str]) -> str:
        """All cells of a row and the end of the line, as one call."""
        cells = f", '{self.separator}', ".join(columns.values())
        return f"concat({cells}, chr(10))"
