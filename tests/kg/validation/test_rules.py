"""Each rule finds its fault, in tables and in the graph alike, and says what to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kg.validation import RULES

from .conftest import DISEASE, DRUG, GENE, Asked, Tables, concept

Ask = Callable[[Tables], Asked]
Plant = Callable[[Tables], Any]


def test_a_sound_graph_has_no_findings(ask: Ask) -> None:
    tables = Tables()
    tables.claim(DRUG, "biolink:treats", DISEASE, documents=2)
    tables.claim(GENE, "biolink:gene_associated_with_condition", DISEASE)
    asked = ask(tables)
    # The superclass of biguanides is not among the concepts of this small vocabulary; nothing else is missing.
    assert asked.tables == asked.graph == {}


def _cycle(tables: Tables) -> None:
    tables.concepts[1]["parents"] = [DRUG]


def _two_documents(tables: Tables) -> None:
    claim = tables.claim(DRUG, "biolink:treats", DISEASE)
    claim["doc_ids"] = ["PMID:1", "PMID:2"]
    tables.evidence.append(tables.evidence[0] | {"doc_id": "PMID:2"})


FAULTS: dict[str, Plant] = {
    "predicate_unknown": lambda t: t.claim(DRUG, "biolink:heals", DISEASE),
    "subject_outside_domain": lambda t: t.claim(DISEASE, "biolink:gene_associated_with_condition", DISEASE),
    "object_outside_range": lambda t: t.claim(DRUG, "biolink:treats", GENE),
    "predicate_deprecated": lambda t: t.claim(DRUG, "biolink:binds", GENE),
    "claim_about_itself": lambda t: t.claim(DISEASE, "biolink:associated_with", DISEASE),
    "concept_unknown": lambda t: t.claim("MESH:D000001", "biolink:treats", DISEASE),
    "claim_not_single": lambda t: t.triples.append(t.claim(DRUG, "biolink:treats", DISEASE) | {"belief": 0.7}),
    "score_out_of_range": lambda t: t.claim(DRUG, "biolink:treats", DISEASE, belief=1.25, support=1.25),
    "belief_not_product": lambda t: t.claim(DRUG, "biolink:treats", DISEASE, belief=0.7),
    "contested_wrong": lambda t: t.claim(DRUG, "biolink:treats", DISEASE, contested=True),
    "evidence_miscounted": lambda t: t.claim(DRUG, "biolink:treats", DISEASE, supporting_evidence=2),
    "documents_miscounted": lambda t: t.claim(DRUG, "biolink:treats", DISEASE, contradicting_documents=1),
    "publications_differ": lambda t: t.claim(DRUG, "biolink:treats", DISEASE, doc_ids=["PMID:1", "PMID:9"]),
    "evidence_of_no_claim": lambda t: t.claim(
        GENE,
        "biolink:affects",
        DRUG,
        evidence_ids=t.claim(DRUG, "biolink:treats", DISEASE)["evidence_ids"],
    ),
    "evidence_of_no_document": _two_documents,
    "evidence_score_out_of_range": lambda t: [
        t.claim(DRUG, "biolink:treats", DISEASE),
        t.evidence[0].update(certainty=2.0),
    ],
    "evidence_without_words": lambda t: [t.claim(DRUG, "biolink:treats", DISEASE), t.evidence[0].update(sentence=" ")],
    "direction_unknown": lambda t: [t.claim(DRUG, "biolink:affects", GENE), t.evidence[0].update(direction="sideways")],
    "identifier_malformed": lambda t: t.claim(DRUG, "biolink:treats", 'MESH:D 00"1'),
    "prefix_unregistered": lambda t: t.concepts.append(concept("MYOWN:1", "Thing", "biolink:Disease")),
    "category_unknown": lambda t: t.concepts.append(concept("MESH:C1", "Thing", "biolink:Sickness")),
    "name_missing": lambda t: t.concepts.append(concept("MESH:C1", None, "biolink:Disease")),
    "names_differ": lambda t: t.concepts.append(concept(GENE, "Cachectin", "biolink:Gene")),
    "name_shared": lambda t: t.concepts.append(concept("MESH:C1", "TNF", "biolink:Gene")),
    "is_a_cycle": _cycle,
    "parent_unknown": lambda t: t.concepts[0]["parents"].append("MESH:D000002"),
    "parent_of_other_kind": lambda t: t.concepts[0]["parents"].append(DISEASE),
    "match_of_other_kind": lambda t: t.concepts[0]["matches"].append({"curie": DISEASE, "predicate": "exact"}),
    "matches_contradict": lambda t: t.concepts[0]["matches"].extend(
        [{"curie": "CHEBI:6801", "predicate": "exact"}, {"curie": "CHEBI:6801", "predicate": "broad"}]
    ),
}


@pytest.mark.parametrize("rule", list(RULES))
def test_a_fault_is_found_by_its_rule_in_tables_and_in_the_graph(rule: str, ask: Ask) -> None:
    tables = Tables()
    FAULTS[rule](tables)
    asked = ask(tables)
    assert asked.tables[rule]
    assert asked.tables == asked.graph
