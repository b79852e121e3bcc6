"""Whatever the tables hold, queries and shapes find the same: each rule the same nodes, no more and no less."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from .conftest import DISEASE, DRUG, GENE, Asked, Tables, concept

#: Sound identifiers, ones nobody describes, and ones that are none.
CURIES = [DRUG, DISEASE, GENE, "MESH:D001645", "HP:0000118", "MESH:D000001", "MYOWN:1", "bare", "MESH:D 1", 'MESH:"1"']
DOCUMENTS = ["PMID:1", "PMID:2", "DOI:10.1/a<b>c", "DOI:10.1/ä%20", "PMID:3 4"]
PREDICATES = [
    *("biolink:treats", "biolink:affects", "biolink:has_phenotype", "biolink:interacts_with", "biolink:binds"),
    *("biolink:gene_associated_with_condition", "biolink:related_to", "biolink:heals", "biolink:trea ts"),
]
CATEGORIES = ["biolink:Disease", "biolink:Gene", "biolink:Drug", "biolink:NamedThing", "biolink:Sickness", None]
SCORES = [-0.5, 0.0, 0.3, 0.4999999, 0.5, 0.8, 0.80000049, 1.0, 1.25, 1.0000001, float("nan")]
MATCHES = st.fixed_dictionaries(
    {"curie": st.sampled_from(CURIES), "predicate": st.sampled_from(["exact", "close", "broad", "narrow", "related"])}
)


@st.composite
def concepts(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Concepts, some twice, with any class, any name, any superclass, and mappings that may contradict each other."""
    return [
        concept(
            curie,
            draw(st.sampled_from(["Metformin", "Diabetes", "", " ", 'a "b"', None])),
            draw(st.sampled_from(CATEGORIES)),
            parents=draw(st.lists(st.sampled_from(CURIES), max_size=2, unique=True)),
            matches=draw(st.lists(MATCHES, max_size=3, unique_by=lambda match: tuple(match.items()))),
        )
        for curie in draw(st.lists(st.sampled_from(CURIES[:-2]), max_size=6))
    ]


@st.composite
def graphs(draw: st.DrawFn) -> Tables:
    """Claims between any two concepts, with evidence of any documents; sums and numbers are right half of the time."""
    sometimes = st.integers(0, 5).map(lambda n: n == 0)
    tables = Tables(concepts=draw(concepts()))
    ends = st.tuples(st.sampled_from(CURIES), st.sampled_from(PREDICATES), st.sampled_from(CURIES))
    for subject, predicate, object_ in draw(st.lists(ends, max_size=4, unique=True)):
        row = tables.claim(subject, predicate, object_, draw(st.integers(1, 3)))
        mine = tables.evidence[-len(row["evidence_ids"]) :]
        for piece in mine:
            piece["doc_id"] = draw(st.sampled_from(DOCUMENTS))
            piece["polarity"] = draw(st.sampled_from([True, True, True, False, None]))
            piece["direction"] = draw(st.sampled_from([None, None, "increased", "up"]))
            piece["sentence"] = draw(st.sampled_from(["It does.", "It does.", " ", ""]))
            for score in ("probability", "certainty"):
                if draw(sometimes):
                    piece[score] = draw(st.sampled_from(SCORES))
        row["doc_ids"] = sorted({piece["doc_id"] for piece in mine})
        for pool, polarity in (("supporting", True), ("contradicting", False)):
            kept = [piece for piece in mine if piece["polarity"] is polarity]
            row[f"{pool}_evidence"] = len(kept) + draw(sometimes)
            row[f"{pool}_documents"] = len({piece["doc_id"] for piece in kept}) + draw(sometimes)
        row["support"], row["contradiction"] = draw(st.sampled_from(SCORES)), draw(st.sampled_from(SCORES))
        row["belief"] = round(row["support"] * (1 - row["contradiction"]), 6) + draw(
            st.sampled_from([0, 0, 0, 2e-6, 0.1])
        )
        row["contested"] = (row["support"] >= 0.5 and row["contradiction"] >= 0.5) != draw(sometimes)
        if draw(sometimes):
            row["doc_ids"] = draw(st.lists(st.sampled_from(DOCUMENTS), min_size=1, unique=True))
        if draw(sometimes):
            tables.triples.append(row | {"belief": draw(st.sampled_from(SCORES))})
        if draw(sometimes):
            tables.evidence.append(mine[0] | {"doc_id": draw(st.sampled_from(DOCUMENTS))})
    if len(tables.triples) > 1 and draw(sometimes):
        tables.triples[0]["evidence_ids"] = [*tables.triples[0]["evidence_ids"], *tables.triples[-1]["evidence_ids"]]
    return tables


# Shrinking would take minutes: an example costs half a second, nearly all of it in pySHACL.
@settings(
    max_examples=15,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(tables=graphs())
def test_queries_and_shapes_find_the_same_nodes_of_each_rule(tables: Tables, ask: Callable[[Tables], Asked]) -> None:
    asked = ask(tables)
    assert asked.tables == asked.graph


def test_two_beliefs_that_six_decimals_do_not_tell_apart_are_one(ask: Callable[[Tables], Asked]) -> None:
    tables = Tables(
        concepts=[concept(DRUG, "Metformin", "biolink:Drug"), concept(DISEASE, "Diabetes", "biolink:Disease")]
    )
    row = tables.claim(DRUG, "biolink:treats", DISEASE, 1)
    row["belief"] = 0.5
    tables.triples.append(row | {"belief": 0.4999999})
    asked = ask(tables)
    assert asked.tables == asked.graph
    assert "claim_not_single" not in asked.tables
