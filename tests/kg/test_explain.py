"""Explanations: the numbers can be redone by hand, they are those of the graph to the bit, and each policy can be read."""

import math
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kg.config import FusionConfig, SplitConfig
from kg.explain import explain
from kg.explain_text import explanation_lines, trigger_spans
from kg.explanation import Explanation, Side
from kg.fusion import fuse
from kg.tables import TRIPLES
from pipeline.hashing import bucket_name, bucket_of
from pipeline.storage import Dataset
from pipeline.tables import DOCUMENTS, EVIDENCE, LIVE_DOCUMENTS, VOCABULARY
from tests.kg.conftest import evidence_row

BUCKETS = 3
SPLITS = SplitConfig(validation=0.1, test=0.1)
METFORMIN, DIABETES = "MESH:D008687", "MESH:D003924"
CLAIM = (METFORMIN, "biolink:treats", DIABETES)
CONCEPTS = {
    METFORMIN: ("Metformin", ["MESH:D001645"]),
    "MESH:D001645": ("Biguanides", []),
    DIABETES: ("Diabetes Mellitus, Type 2", ["MESH:D003920"]),
    "MESH:D003920": ("Diabetes Mellitus", []),
}
Explain = Callable[..., Explanation]


def put(home: Path, asset: str, key: str, schema: pa.Schema, rows: pa.Table | list[dict[str, Any]]) -> None:
    table = rows if isinstance(rows, pa.Table) else pa.Table.from_pylist(rows, schema)
    with Dataset(home, asset).writer(key) as writer:
        writer.table(f"{asset}-{key}.parquet", schema).write(table)
        writer.commit(skip_key="k", code_version="1", inputs={})


def build(home: Path, rows: list[dict[str, Any]], fusion: FusionConfig) -> None:
    """The tables that an explanation reads, from evidence written by hand and fused by fusion itself."""
    rows = [evidence_row(**row) for row in rows]
    documents = sorted({row["doc_id"] for row in rows if row["doc_id"].startswith("PMID:")})
    about = [
        {
            "doc_id": name,
            "version": 1,
            "file": "f",
            "record": i,
            "title": f"Title of {name}",
            "journal": "Lancet",
            "year": 2001,
        }
        for i, name in enumerate(documents)
    ]
    live = [
        {"doc_id": row["doc_id"], "version": 1, "file": "f", "record": row["record"], "batch": "one"} for row in about
    ]
    put(home, "documents", "one", DOCUMENTS, about)
    put(home, "live_documents", "all", LIVE_DOCUMENTS, live)
    concepts = [{"curie": curie, "name": name, "parents": above} for curie, (name, above) in CONCEPTS.items()]
    put(home, "vocabulary", "all", VOCABULARY, concepts)
    for bucket in range(BUCKETS):
        key = bucket_name(bucket, BUCKETS)
        mine = sorted(
            (row for row in rows if bucket_of(row["subject"], BUCKETS) == bucket), key=lambda row: row["evidence_id"]
        )
        put(home, "evidence_by_bucket", key, EVIDENCE, mine)
        put(home, "triples", key, TRIPLES, fuse(Dataset(home, "evidence_by_bucket").paths(key), fusion, SPLITS))


@pytest.fixture
def explained(tmp_path: Path) -> Explain:
    """The explanation of a claim over rows of evidence, with settings of fusion."""

    def of(
        rows: list[dict[str, Any]], claim: tuple[str, str, str] = CLAIM, limit: int | None = None, **config: Any
    ) -> Explanation:
        fusion = FusionConfig(**config)
        build(tmp_path, rows, fusion)
        return explain(tmp_path, claim, fusion, SPLITS, buckets=BUCKETS, limit=limit)

    return of


def text(explanation: Explanation) -> str:
    return "\n".join(" " * indent + line.plain for indent, line in explanation_lines(explanation))


def by_calculator(side: Side) -> float:
    """What a reader gets from the printed numbers."""
    doubt = 1.0
    for source in side.sources:
        s = source.systematic_error
        doubt *= s + (1 - s) * math.prod(1 - document.best.p for document in source.told)
    return 1 - doubt


def test_a_reader_can_redo_the_belief(explained: Explain) -> None:
    rows = [
        {"doc_id": "PMID:1", "probability": 0.8},
        {"doc_id": "PMID:1", "probability": 0.6, "sentence": "Metformin treated type 2 diabetes."},
        {"doc_id": "PMID:2", "certainty": 0.5},
        {"doc_id": "PMID:3", "extractor": "model.v1", "probability": 0.9},
        {"doc_id": "PMID:4", "polarity": False, "probability": 0.7},
    ]
    found = explained(rows)
    assert found.agrees
    assert found.stored is not None
    assert found.stored["support"] == found.supporting.total == pytest.approx(by_calculator(found.supporting), abs=1e-6)
    assert found.stored["contradiction"] == pytest.approx(by_calculator(found.contradicting), abs=1e-6)
    printed = text(found)
    for line in (
        "belief 0.327034 = support 0.97622 x (1 - contradiction 0.665), contested",
        "trigger.v1, systematic error 0.05, 2 documents",
        "p = probability 0.8 x certainty 1 = 0.8",
        "not counted again: “Metformin treated type 2 diabetes.”",
        "(1 - 0.8) x (1 - 0.4) = 0.12; remains 0.05 + 0.95 x 0.12 = 0.164",
        "support = 1 - 0.145 x 0.164 = 0.97622",
        "contradiction = 1 - 0.335 = 0.665",
        "PMID:1 Lancet, 2001",
        "denies treats",
    ):
        assert line in printed, printed


def test_a_paper_that_two_extractors_read_stands_under_the_surer_one(explained: Explain) -> None:
    rows = [{"probability": 0.8}, {"probability": 0.9, "extractor": "model.v1"}]
    found = explained(rows)
    (source,) = found.supporting.sources
    assert (source.extractor, source.documents) == ("model.v1", 1)
    assert [quote.extractor for quote in source.told[0].others] == ["trigger.v1"]
    assert "not counted again by trigger.v1" in text(found)
    assert found.agrees


def test_an_opposed_claim_is_shown_against_as_what_it_says(explained: Explain) -> None:
    rows = [{}, {"doc_id": "PMID:2", "predicate": "biolink:contraindicated_in", "sentence": "Not for diabetics."}]
    found = explained(rows)
    assert found.agrees
    assert found.opposed_predicates == ("biolink:contraindicated_in",)
    (document,) = found.contradicting.sources[0].told
    assert (document.doc_id, document.best.predicate) == ("PMID:2", "biolink:contraindicated_in")
    assert "says contraindicated in" in text(found)


def test_a_denial_of_the_other_direction_counts_and_moves_nothing(explained: Explain) -> None:
    claim = (METFORMIN, "biolink:affects", DIABETES)
    rows = [
        {"predicate": "biolink:affects", "direction": "decreased"},
        {"predicate": "biolink:affects", "direction": "increased", "polarity": False, "doc_id": "PMID:2"},
        {"predicate": "biolink:affects", "direction": "increased", "doc_id": "PMID:3", "probability": 0.3},
    ]
    found = explained(rows, claim)
    assert found.agrees
    assert found.stored is not None
    assert found.stored["direction"] == "decreased"
    worth = {document.doc_id: document.best.p for document in found.contradicting.sources[0].told}
    assert worth == {"PMID:2": 0.0, "PMID:3": 0.3}
    assert "p = 0, since it denies the other direction only" in text(found)


@pytest.mark.parametrize(
    ("policy", "shown"),
    [
        ("exclude", "Retracted papers, left out by the policy exclude"),
        ("downweight", "x weight 0.1 = 0.08"),
        ("keep", "PMID:2 Lancet, 2001 retracted  p = probability 0.8 x certainty 1 = 0.8"),
    ],
)
def test_retracted_papers_are_shown_with_the_policy(explained: Explain, policy: str, shown: str) -> None:
    found = explained([{}, {"doc_id": "PMID:2", "retracted": True}], retracted=policy)
    assert found.agrees
    assert shown in text(found)


def test_a_claim_of_retracted_papers_only_is_not_in_the_graph_but_explained(explained: Explain) -> None:
    found = explained([{"retracted": True}])
    assert found.stored is found.computed is None
    assert found.agrees
    assert not found.is_empty
    assert "not in the graph" in text(found)
    assert "PMID:1" in text(found)


def test_of_a_graph_the_file_and_the_line_are_shown(explained: Explain) -> None:
    edge = {
        "extractor": "sif.v1",
        "section": "hetionet.sif, line 7",
        "doc_id": "materia:graph/1",
        "sentence": "a treats b",
    }
    found = explained([edge])
    assert found.supporting.sources[0].told[0].best.edge.place == "line 7"
    assert "[hetionet.sif, line 7]" in text(found)


def test_what_entails_the_claim_stands_apart_and_does_not_count(explained: Explain) -> None:
    general = ("MESH:D001645", "biolink:treats", "MESH:D003920")
    rows = [{}, {"subject": general[0], "object": general[2], "doc_id": "PMID:2", "probability": 0.5}]
    found = explained(rows, general)
    (other,) = found.affirmed_by
    assert (other.subject, other.object, other.documents) == (METFORMIN, DIABETES, 1)
    assert other.quote is not None
    assert found.supporting.total == pytest.approx(1 - (0.05 + 0.95 * 0.5), abs=1e-6)
    assert "Metformin (MESH:D008687) treats Diabetes Mellitus, Type 2" in text(found)


def test_a_denial_of_the_general_denies_the_specific_and_not_the_reverse(explained: Explain) -> None:
    general = ("MESH:D001645", "biolink:treats", "MESH:D003920")
    denial = {"subject": general[0], "object": general[2], "doc_id": "PMID:2", "polarity": False}
    found = explained([{}, denial])
    assert [other.subject for other in found.denied_by] == ["MESH:D001645"]
    found = explained([{"polarity": False}, denial | {"polarity": True}], general)
    assert found.affirmed_by == found.denied_by == ()


def test_a_limit_hides_documents_and_changes_no_number(explained: Explain) -> None:
    rows = [{"doc_id": f"PMID:{i}", "probability": i / 20} for i in range(1, 12)]
    whole, cut = explained(rows), explained(rows, limit=2)
    assert [document.doc_id for document in cut.supporting.sources[0].told] == ["PMID:11", "PMID:10"]
    assert cut.supporting.sources[0].more_documents == 9
    assert cut.supporting.total == whole.supporting.total
    assert cut.supporting.sources[0].documents_remain == whole.supporting.sources[0].documents_remain
    assert "and 9 more documents" in text(cut)


def test_a_graph_of_other_settings_is_told_apart(explained: Explain, tmp_path: Path) -> None:
    explained([{}])
    other = FusionConfig(systematic_error=0.2)
    found = explain(tmp_path, CLAIM, other, SPLITS, buckets=BUCKETS)
    assert not found.agrees
    assert "The graph differs from what its evidence gives (belief 0.64)" in text(found)
    assert "materia build" in text(found)


ROW = st.fixed_dictionaries(
    {
        "doc_id": st.sampled_from(["PMID:1", "PMID:2", "PMID:3"]),
        "predicate": st.sampled_from(["biolink:treats", "biolink:contraindicated_in", "biolink:affects"]),
        "direction": st.sampled_from([None, "increased", "decreased"]),
        "polarity": st.booleans(),
        "certainty": st.sampled_from([1.0, 0.5]),
        "probability": st.floats(0.001, 0.999),
        "extractor": st.sampled_from(["trigger.v1", "model.v1"]),
        "retracted": st.booleans(),
    }
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ROW, min_size=1, max_size=10), st.sampled_from(["exclude", "downweight", "keep"]))
def test_every_explanation_is_the_graph_to_the_bit(tmp_path: Path, rows: list[dict[str, Any]], policy: Any) -> None:
    rows = [
        row | {"sentence": str(i), "retracted": row["retracted"] and row["doc_id"] == "PMID:3"}
        for i, row in enumerate(rows)
    ]
    fusion = FusionConfig(retracted=policy)
    build(tmp_path, rows, fusion)
    key = bucket_name(bucket_of(METFORMIN, BUCKETS), BUCKETS)
    for row in Dataset(tmp_path, "triples").read(key).to_pylist():
        found = explain(tmp_path, (row["subject"], row["predicate"], row["object"]), fusion, SPLITS, buckets=BUCKETS)
        assert found.agrees
        assert found.stored == row
        assert row["support"] == pytest.approx(by_calculator(found.supporting), abs=2e-6)
        assert row["contradiction"] == pytest.approx(by_calculator(found.contradicting), abs=2e-6)
        quoted = [
            quote.evidence_id
            for side in (found.supporting, found.contradicting)
            for source in side.sources
            for document in source.told
            for quote in (document.best, *document.others)
            if quote.predicate == row["predicate"]
        ]
        assert sorted(quoted) == row["evidence_ids"]
        assert asdict(found)["triple_id"] == row["triple_id"]


@pytest.mark.parametrize(
    ("trigger", "marked"),
    [
        ("in the treatment of", ["in", "the", "treatment", "of"]),
        ("treatment with", ["treatment", "with"]),
        ("TREATMENT", ["treatment"]),
        ("no such words", []),
        ("", []),
    ],
)
def test_the_words_of_a_trigger_are_found_outside_the_ends(trigger: str, marked: list[str]) -> None:
    sentence = "In trials of treatment, aspirin in the treatment of pain with fever was good."
    spans = trigger_spans(sentence, trigger, (24, 31), (52, 56))
    assert [sentence[start:end] for start, end in spans] == marked
    if trigger == "TREATMENT":
        assert spans[0][0] > 31, "the one between the ends, not the one before"
