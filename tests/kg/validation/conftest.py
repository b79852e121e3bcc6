"""A small graph in tables, sound until a test plants a fault."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kg.claims import triple_id
from kg.nquads import write_nquads
from kg.tables import TRIPLES
from kg.validation import Findings, validate_tables
from kg.validation.subgraph import graph_of, validate_subgraph
from pipeline.curies import expand
from pipeline.tables import EVIDENCE, VOCABULARY

DRUG, DISEASE, GENE = "MESH:D008687", "MESH:D003924", "NCBIGene:7124"


def concept(curie: str, name: str | None, category: str | None, **columns: Any) -> dict[str, Any]:
    """One row of VOCABULARY."""
    lists = {"synonyms": [], "parents": [], "xrefs": [], "sources": [], "translations": [], "matches": []}
    return lists | {"curie": curie, "name": name, "category": category, "definition": None} | columns


@dataclass
class Tables:
    """Tables of a graph as lists of rows, which a test changes."""

    triples: list[dict[str, Any]] = field(default_factory=list)
    evidence: list[dict[str, Any]] = field(default_factory=list)
    concepts: list[dict[str, Any]] = field(
        default_factory=lambda: [
            concept(DRUG, "Metformin", "biolink:SmallMolecule", parents=["MESH:D001645"]),
            concept("MESH:D001645", "Biguanides", "biolink:ChemicalEntity"),
            concept(DISEASE, "Type 2 diabetes", "biolink:Disease"),
            concept(GENE, "TNF", "biolink:Gene"),
        ]
    )

    def claim(self, subject: str, predicate: str, object_: str, documents: int = 1, **columns: Any) -> dict[str, Any]:
        """Add a claim with one piece of evidence of each document, and give its row."""
        name = triple_id(subject, predicate, object_)
        docs = [f"PMID:{n + 1}" for n in range(documents)]
        ids = [f"{name[:24]}{n:x}" for n in range(documents)]
        self.evidence += [
            {
                **{"evidence_id": i, "doc_id": d, "subject": subject, "predicate": predicate, "object": object_},
                **{"sentence": "It does.", "extractor": "trigger.v2", "probability": 0.8, "certainty": 1.0},
                **{"polarity": True, "retracted": False},
            }
            for i, d in zip(ids, docs, strict=True)
        ]
        self.triples.append(
            {
                **{"triple_id": name, "subject": subject, "predicate": predicate, "object": object_},
                **{"belief": 0.8, "support": 0.8, "contradiction": 0.0, "contested": False},
                **{"supporting_evidence": documents, "contradicting_evidence": 0},
                **{"supporting_documents": documents, "contradicting_documents": 0},
                **{"evidence_ids": ids, "doc_ids": docs, "extractors": ["trigger.v2"], "split": "train"},
            }
            | columns
        )
        return self.triples[-1]


@dataclass
class Asked:
    """What both ways found: the names of rules with the nodes (IRIs) that break them."""

    tables: dict[str, set[str]]
    graph: dict[str, set[str]]
    findings: list[Findings]


@pytest.fixture
def ask(tmp_path: Path) -> Callable[[Tables], Asked]:
    """A function that validates tables, and the N-Quads that are written of them."""

    def nodes(findings: list[Findings]) -> dict[str, set[str]]:
        return {
            found.rule.name: {e.node if "://" in e.node else expand(e.node) for e in found.examples}
            for found in findings
        }

    def both(tables: Tables) -> Asked:
        path = tmp_path / "evidence.parquet"
        pq.write_table(pa.Table.from_pylist(tables.evidence, EVIDENCE), path)
        triples = pa.Table.from_pylist(tables.triples, TRIPLES)
        concepts = pa.Table.from_pylist(tables.concepts, VOCABULARY)
        found = validate_tables(triples, [str(path)], concepts, limit=None)
        write_nquads(tmp_path / "graph.nq", triples, [str(path)], concepts)
        with (tmp_path / "graph.nq").open(encoding="utf-8") as lines:
            return Asked(nodes(found), nodes(validate_subgraph(graph_of(lines))), found)

    return both
