"""KGX TSV: `materia_nodes.tsv` and `materia_edges.tsv`, with Biolink's own names for the columns that Biolink has.

Nodes are the ends of edges. An edge is a claim; `negated` is true where more speaks against it than for it, and then
`has_confidence_score` is the belief in the negated claim (contradiction x (1 - support)). Belief, support, contradiction and
the counts stand in columns of their own. `publications` are all papers behind the claim, `has_evidence` (with
`--with-evidence`) all its evidence, `supporting_text` the sentences of the side that is stronger.

KGX TSV has neither quotes nor escapes: tabs and line breaks become spaces, and a `|` that joins nothing becomes `¦`.

Cost: a million claims (`benchmarks/export.py`) take 20 seconds of processor time and 0.75 GiB.

Format: https://github.com/biolink/kgx/blob/master/specification/kgx-format.md. The kgx package reads and validates it
(`benchmarks/kgx_validate.py`), and so does `pipeline.graphs.kgx`.
"""

from __future__ import annotations

from typing import Final

from kg.export.nodes_and_edges import NodesAndEdges
from kg.export.text import cell, joined, number
from kg.nquads import FROM_GRAPHS

__all__ = ["Kgx"]

_NODES: Final = {
    "id": "curie",
    "category": "category",
    # KGX cuts any cell at a `|`.
    "name": f"replace({cell('name')}, '|', '¦')",
    "description": f"replace({cell('definition')}, '|', '¦')",
    "synonym": joined("synonyms", "|", "¦"),
    "xref": joined("xrefs", "|", "¦"),
    "provided_by": joined("sources", "|", "¦"),
}
_NEGATED: Final = "support <= contradiction"
_CONFIDENCE: Final = f"CASE WHEN {_NEGATED} THEN contradiction * (1 - support) ELSE belief END"
_EDGES: Final = {
    "id": "'materia:triple/' || triple_id",
    "subject": "subject",
    "predicate": "predicate",
    "object": "object",
    "category": "'biolink:Association'",
    "subject_category": "subject_category",
    "object_category": "object_category",
    "negated": f"({_NEGATED})::VARCHAR",
    "knowledge_level": "'not_provided'",
    "agent_type": f"CASE WHEN {FROM_GRAPHS} THEN 'not_provided' ELSE 'text_mining_agent' END",
    "primary_knowledge_source": f"CASE WHEN {FROM_GRAPHS} THEN coalesce(source, 'infores:materia') ELSE 'infores:materia' END",
    "aggregator_knowledge_source": f"CASE WHEN {FROM_GRAPHS} AND source IS NOT NULL THEN 'infores:materia' END",
    "publications": joined("doc_ids", "|", "¦"),
    # A score of nothing at all is left empty: it would read as one that was measured.
    "has_confidence_score": f"nullif({number(_CONFIDENCE)}, '0')",
    "belief": number("belief"),
    "support": number("support"),
    "contradiction": number("contradiction"),
    "contested": "contested::VARCHAR",
    "supporting_evidence": "supporting_evidence::VARCHAR",
    "contradicting_evidence": "contradicting_evidence::VARCHAR",
    "supporting_documents": "supporting_documents::VARCHAR",
    "contradicting_documents": "contradicting_documents::VARCHAR",
    "extractors": joined("extractors", "|", "¦"),
    "split": "split",
}
_WITH_EVIDENCE: Final = {
    "has_evidence": "array_to_string(list_transform(evidence_ids, lambda id: 'materia:evidence/' || id), '|')",
    "supporting_text": joined("sentences", "|", "¦"),
}


class Kgx(NodesAndEdges):
    """Exporter of KGX TSV."""

    name = "kgx.v1"
    believed_only = False
    files = ("materia_nodes.tsv", "materia_edges.tsv")
    separator = "\t"
    nodes = _NODES
    edges = _EDGES
    with_evidence = _WITH_EVIDENCE
    before_counts = rb"(?:[^\t\n]*\t){%d}" % list(_EDGES).index("supporting_evidence")
