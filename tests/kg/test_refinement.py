"""Refinement: which claims are more specific, by the vocabulary and by Biolink, against a model that tries everything."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kg.claims import triple_id
from kg.refinement import generalizations_of, predicate_refinements, refinements_of
from kg.tables import TRIPLES
from pipeline.biolink_predicates import PREDICATES, predicate_ancestors
from pipeline.tables import VOCABULARY

Claim = tuple[str, str, str]
TREATS, STUDIED = "biolink:treats", "biolink:treats_or_applied_or_studied_to_treat"
INTERACTS, BINDS = "biolink:interacts_with", "biolink:directly_physically_interacts_with"


def vocabulary(folder: Path, parents: dict[str, list[str]]) -> list[str]:
    rows = [{"curie": curie, "name": curie, "parents": above} for curie, above in parents.items()]
    pq.write_table(pa.Table.from_pylist(rows, VOCABULARY), folder / "vocabulary.parquet")
    return [str(folder / "vocabulary.parquet")]


def triples(folder: Path, claims: list[Claim]) -> list[str]:
    rows = [
        dict(zip(("triple_id", "subject", "predicate", "object"), (triple_id(*c), *c), strict=True)) for c in claims
    ]
    pq.write_table(pa.Table.from_pylist(rows, TRIPLES), folder / "triples.parquet")
    return [str(folder / "triples.parquet")]


def table(claims: list[Claim]) -> pa.Table:
    return pa.table({name: [c[i] for c in claims] for i, name in enumerate(("subject", "predicate", "object"))})


def pairs(found: pa.Table) -> set[tuple[Claim, str]]:
    rows = found.to_pylist()
    assert len(rows) == len({tuple(row.values()) for row in rows})
    return {((row["subject"], row["predicate"], row["object"]), row["triple_id"]) for row in rows}


KINDS = {
    "metformin": ["biguanides"],
    "biguanides": ["drugs"],
    "drugs": [],
    "type 2 diabetes": ["diabetes"],
    "diabetes": ["disease"],
    "disease": [],
}


@pytest.fixture
def refinements(tmp_path: Path) -> Callable[[Claim, list[Claim]], list[Claim]]:
    """The claims of a graph that are more specific than one claim, by the vocabulary KINDS."""

    def of(claim: Claim, graph: list[Claim]) -> list[Claim]:
        found = refinements_of(table([claim]), triples(tmp_path, graph), vocabulary(tmp_path, KINDS))
        ids = found["triple_id"].to_pylist()
        return [c for c in graph if triple_id(*c) in ids]

    return of


def test_a_kind_of_drug_for_a_kind_of_disease_is_more_specific(refinements) -> None:
    specific = ("metformin", TREATS, "type 2 diabetes")
    assert refinements(("biguanides", TREATS, "diabetes"), [specific]) == [specific]
    assert refinements(("drugs", TREATS, "disease"), [specific]) == [specific]
    assert refinements(("drugs", TREATS, "type 2 diabetes"), [specific]) == [specific]


def test_the_more_general_is_not_and_neither_is_the_claim_itself(refinements) -> None:
    claim = ("biguanides", TREATS, "diabetes")
    assert refinements(claim, [claim, ("drugs", TREATS, "diabetes"), ("biguanides", TREATS, "disease")]) == []


def test_the_predicate_may_be_more_specific_too(refinements) -> None:
    specific = ("metformin", TREATS, "diabetes")
    assert refinements(("metformin", STUDIED, "diabetes"), [specific]) == [specific]
    assert refinements(specific, [("metformin", STUDIED, "diabetes")]) == []


def test_a_symmetric_predicate_has_no_first_end(refinements) -> None:
    specific = ("type 2 diabetes", BINDS, "metformin")
    assert refinements(("drugs", INTERACTS, "disease"), [specific]) == [specific]
    assert refinements(("drugs", TREATS, "disease"), [("type 2 diabetes", TREATS, "metformin")]) == []


def test_the_inverse_says_the_same(refinements) -> None:
    said = ("diabetes", "biolink:treated_by", "metformin")
    assert refinements(("metformin", TREATS, "diabetes"), [said]) == [said]


def test_concepts_in_a_cycle_are_kinds_of_each_other(tmp_path: Path) -> None:
    kinds = vocabulary(tmp_path, {"a": ["b"], "b": ["a"], "x": []})
    graph = triples(tmp_path, [("a", TREATS, "x"), ("b", TREATS, "x")])
    found = pairs(refinements_of(table([("a", TREATS, "x"), ("b", TREATS, "x")]), graph, kinds))
    a, b = ("a", TREATS, "x"), ("b", TREATS, "x")
    assert found == {(a, triple_id(*b)), (b, triple_id(*a))}


def test_a_predicate_outside_biolink_refines_itself_alone(tmp_path: Path) -> None:
    kinds = vocabulary(tmp_path, KINDS)
    own = ("metformin", "own:heals", "diabetes")
    found = refinements_of(table([("drugs", "own:heals", "disease")]), triples(tmp_path, [own]), kinds)
    assert found["triple_id"].to_pylist() == [triple_id(*own)]


def test_a_concept_the_vocabulary_does_not_have_is_itself(tmp_path: Path) -> None:
    claim, specific = ("own:1", STUDIED, "own:2"), ("own:1", TREATS, "own:2")
    found = refinements_of(table([claim]), triples(tmp_path, [specific]), vocabulary(tmp_path, KINDS))
    assert found["triple_id"].to_pylist() == [triple_id(*specific)]


def test_every_predicate_entails_its_ancestors_and_nothing_that_is_none() -> None:
    rows = predicate_refinements().to_pylist()
    straight = {(row["specific"], row["general"]) for row in rows if not row["swapped"]}
    for name in PREDICATES:
        assert {(name, above) for above in predicate_ancestors(name)} <= straight
    assert (STUDIED, TREATS) not in straight
    assert (TREATS, "biolink:treated_by") not in straight


CONCEPTS = "abcdef"
NAMES = st.sampled_from(CONCEPTS)
USED = (TREATS, STUDIED, INTERACTS, BINDS, "biolink:treated_by", "biolink:related_to", "own:heals")
CLAIMS = st.lists(st.tuples(NAMES, st.sampled_from(USED), NAMES), min_size=1, max_size=8, unique=True)


def kinds_of(curie: str, parents: dict[str, list[str]]) -> set[str]:
    found, waiting = set(), [curie]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += parents.get(one, [])
    return found


def refines(specific: Claim, general: Claim, parents: dict[str, list[str]]) -> bool:
    """The definition, tried out: every way to weaken the specific claim, until it says the general one."""
    known, waiting = set(), [specific]
    while waiting:
        one = s, p, o = waiting.pop()
        if one in known:
            continue
        known.add(one)
        waiting += [(s, above, o) for above in predicate_ancestors(p)]
        if p in PREDICATES:
            if PREDICATES[p].symmetric:
                waiting.append((o, p, s))
            if PREDICATES[p].inverse:
                waiting.append((o, PREDICATES[p].inverse, s))
    return specific != general and any(
        p == general[1] and general[0] in kinds_of(s, parents) and general[2] in kinds_of(o, parents)
        for s, p, o in known
    )


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(graph=CLAIMS, asked=CLAIMS, parents=st.dictionaries(NAMES, st.lists(NAMES, max_size=2, unique=True), max_size=6))
def test_the_columns_agree_with_the_definition(
    tmp_path: Path, graph: list[Claim], asked: list[Claim], parents: dict[str, list[str]]
) -> None:
    """Cycles, concepts without a row and claims outside the graph included; and one direction is the other turned round."""
    kinds, rows = vocabulary(tmp_path, parents), triples(tmp_path, graph)
    below = pairs(refinements_of(table(asked), rows, kinds, threads=1))
    assert below == {(a, triple_id(*t)) for a in asked for t in graph if refines(t, a, parents)}
    above = pairs(generalizations_of(table(asked), rows, kinds, threads=1))
    assert above == {(a, triple_id(*t)) for a in asked for t in graph if refines(a, t, parents)}
