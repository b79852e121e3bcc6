"""Files for Neo4j's bulk import: `nodes.csv` and `relationships.csv`, with the headers that neo4j-admin expects.

    neo4j-admin database import full --nodes=nodes.csv --relationships=relationships.csv neo4j

A node has its Biolink class as label (`Disease`), a relationship its predicate as type (`TREATS`). A relationship cannot say
`not`, so a claim that more speaks against than for is left out. All text is quoted, a line break in it becomes a space (so that
no `--multiline-fields` is needed), and a `;` inside a member of a list, where Neo4j would cut, becomes a comma. Text that a
spreadsheet would take for a formula is left as it is: these files are data for a database.

Format: https://neo4j.com/docs/operations-manual/current/import/.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from kg.export.base import Evidence
from kg.export.claims import write_claims
from kg.export.graph import Graph
from kg.export.text import cell, joined, number, quoted, sum_of_matches, write_lines

__all__ = ["Neo4j"]

_NODES: Final = {
    "id:ID": quoted("curie"),
    ":LABEL": quoted("regexp_replace(category, '^biolink:', '')"),
    "name": quoted(cell("coalesce(name, curie)")),
    "category": quoted("category"),
    "definition": quoted(cell("definition")),
    "synonyms:string[]": quoted(joined("synonyms", ";", ",")),
    "xrefs:string[]": quoted(joined("xrefs", ";", ",")),
}
_RELATIONSHIPS: Final = {
    ":START_ID": quoted("subject"),
    ":TYPE": quoted("upper(regexp_replace(predicate, '^biolink:', ''))"),
    ":END_ID": quoted("object"),
    "supporting_evidence:int": "supporting_evidence",
    "contradicting_evidence:int": "contradicting_evidence",
    "supporting_documents:int": "supporting_documents",
    "contradicting_documents:int": "contradicting_documents",
    "belief:double": number("belief"),
    "support:double": number("support"),
    "contradiction:double": number("contradiction"),
    "contested:boolean": "contested",
    "triple_id": quoted("triple_id"),
    "predicate": quoted("predicate"),
    "split": quoted("split"),
    "publications:string[]": quoted(joined("doc_ids", ";", ",")),
    "extractors:string[]": quoted(joined("extractors", ";", ",")),
}
_WITH_EVIDENCE: Final = {
    "evidence_ids:string[]": quoted("array_to_string(evidence_ids, ';')"),
    "sentences:string[]": quoted(joined("sentences", ";", ",")),
}
#: The three quoted columns before the counts; a quote inside one is doubled.
_BEFORE: Final = rb'(?m)^(?:"(?:[^"]|"")*",){3}'


class Neo4j:
    """Exporter of Neo4j's import files."""

    name = "neo4j.v1"
    needs = ("triples", "evidence_by_bucket", "vocabulary")
    single_file = False
    evidence: Evidence = "optional"
    believed_only = True

    def write(self, graph: Graph, target: Path) -> dict[str, int]:
        """Write nodes, then relationships."""
        nodes = graph.count("nodes")
        with (target / "nodes.csv").open("wb") as output:
            output.write(_header(_NODES))
            sql = f"SELECT {_line(_NODES)} AS text FROM nodes ORDER BY curie"  # noqa: S608
            write_lines(graph, output, sql, "nodes", nodes)
        columns = _RELATIONSHIPS | (_WITH_EVIDENCE if graph.selection.with_evidence else {})
        with (target / "relationships.csv").open("wb") as output:
            output.write(_header(columns))
            write_claims(graph, output, _line(columns))
        return {"nodes": nodes}

    def recount(self, target: Path) -> dict[str, int]:
        """Lines of the two files, and the evidence that relationships count."""
        found = sum_of_matches(
            target / "relationships.csv",
            lines=rb"\n",
            supporting=_BEFORE + rb"(\d+),",
            contradicting=_BEFORE + rb"\d+,(\d+),",
        )
        nodes = sum_of_matches(target / "nodes.csv", lines=rb"\n")["lines"] - 1
        return {"claims": found["lines"] - 1, "evidence": found["supporting"] + found["contradicting"], "nodes": nodes}


def _header(columns: dict[str, str]) -> bytes:
    return (",".join(columns) + "\n").encode()


def _line(columns: dict[str, str]) -> str:
    return f"""concat({", ',', ".join(columns.values())}, chr(10))"""
