"""Files for Neo4j's bulk import: `nodes.csv` and `relationships.csv`, with the headers that neo4j-admin expects.

    neo4j-admin database import full --nodes=nodes.csv --relationships=relationships.csv neo4j

A node has its Biolink class as label (`Disease`), a relationship its predicate as type (`TREATS`). A relationship cannot say
`not`, so a claim that more speaks against than for is left out. All text is quoted, a line break in it becomes a space (so that
no `--multiline-fields` is needed), and a `;` inside a member of a list, where Neo4j would cut, becomes a comma. Text that a
spreadsheet would take for a formula is left as it is: these files are data for a database.

Format: https://neo4j.com/docs/operations-manual/current/import/.
"""

from __future__ import annotations

from typing import Final

from kg.export.nodes_and_edges import NodesAndEdges
from kg.export.text import cell, joined, number, quoted

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


class Neo4j(NodesAndEdges):
    """Exporter of Neo4j's import files."""

    name = "neo4j.v1"
    believed_only = True
    files = ("nodes.csv", "relationships.csv")
    separator = ","
    nodes = _NODES
    edges = _RELATIONSHIPS
    with_evidence = _WITH_EVIDENCE
    # Three quoted columns; a quote inside one is doubled.
    before_counts = rb'(?:"(?:[^"]|"")*",){3}'
