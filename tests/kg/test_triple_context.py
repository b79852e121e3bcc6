"""What stands beside a triple elsewhere: the triple that goes on, and the sentence that says it."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.claims import triple_id
from kg.tables import CONTEXT, TRIPLES, WITHHELD_CLAIMS
from kg.triple_context import context_of_triples
from pipeline.hashing import bucket_of
from pipeline.tables import EVIDENCE, LITERATURE_BY_BUCKET

ENTITIES = [f"MESH:D00{n}" for n in range(6)]
SENTENCE = "Metformin lowered glucose in patients with type 2 diabetes."


def triple(subject, object_, belief=0.9, **columns):
    return {
        "triple_id": triple_id(subject, "biolink:causes", object_),
        "subject": subject,
        "predicate": "biolink:causes",
        "object": object_,
        "belief": belief,
        "support": belief,
        "contradiction": 0.0,
        "contested": False,
        "evidence_ids": ["e1"],
        "doc_ids": ["PMID:1"],
        "split": "train",
    } | columns


def evidence(subject, object_, number, **columns):
    return {
        "evidence_id": f"e{number}",
        "doc_id": "PMID:1",
        "text_hash": "h1",
        "sentence_start": 10,
        "sentence_end": 10 + len(SENTENCE),
        "sentence": SENTENCE,
        "subject": subject,
        "predicate": "biolink:causes",
        "object": object_,
        "polarity": True,
        "certainty": 1.0,
        "hypothetical": False,
        "retracted": False,
    } | columns


PAPER = {
    "doc_id": "PMID:1",
    "text_hash": "h1",
    "language": "en",
    "mentions": [
        {"start": 0, "end": 5, "curie": "MESH:D000", "category": "biolink:Drug"},
        {"start": 10, "end": 19, "curie": "MESH:D000", "category": "biolink:Drug"},
        {"start": 53, "end": 68, "curie": "MESH:D001", "category": "biolink:Disease"},
        {"start": 200, "end": 215, "curie": "MESH:D001", "category": "biolink:Disease"},
    ],
}


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """The context of some triples, evidence and papers, as one table; the buckets are checked on the way."""

    def find(triples, claims=(), papers=(PAPER,), buckets=3, withheld=(), **options):
        folder = tmp_path_factory.mktemp("tables")
        paths = []
        for name, rows, schema in (
            ("triples", triples, TRIPLES),
            ("evidence", claims, EVIDENCE),
            ("literature", papers, LITERATURE_BY_BUCKET),
            ("withheld", [{"triple_id": t["triple_id"]} for t in withheld], WITHHELD_CLAIMS),
        ):
            pq.write_table(pa.Table.from_pylist(list(rows), schema), folder / f"{name}.parquet")
            paths.append([str(folder / f"{name}.parquet")])
        pieces = list(context_of_triples(*paths[:3], buckets, minimum_belief=0.3, withheld=paths[3], **options))
        subjects = {row["triple_id"]: row["subject"] for row in triples}
        for bucket, rows in pieces:
            assert {bucket_of(subjects[i], buckets) for i in rows["triple_id"].to_pylist()} <= {bucket}
        assert [bucket for bucket, _ in pieces] == sorted(bucket for bucket, _ in pieces)
        return pa.Table.from_batches([rows for _, rows in pieces], CONTEXT).to_pylist()

    return find


def chains(rows):
    return {row["triple_id"]: row["onward"]["triple_id"] for row in rows if row["onward"]}


def expected(triples):
    """Of each triple, the next one about its object in the order of ids, unless it leads back."""
    after = {}
    for first in triples:
        following = [t for t in triples if t["subject"] == first["object"] and t["triple_id"] >= first["triple_id"]]
        if following:
            second = min(following, key=lambda t: t["triple_id"])
            if second["object"] != first["subject"]:
                after[first["triple_id"]] = second["triple_id"]
    return after


PAIRS = st.sets(
    st.tuples(st.sampled_from(ENTITIES), st.sampled_from(ENTITIES)).filter(lambda p: p[0] != p[1]), min_size=1
)


@settings(deadline=None, max_examples=25)
@given(PAIRS)
def test_a_triple_goes_on_to_the_next_one_about_its_object(found, pairs):
    triples = [triple(*pair) for pair in sorted(pairs)]
    rows = found(triples)
    assert chains(rows) == expected(triples)
    by_id = {t["triple_id"]: t for t in triples}
    for row in rows:
        assert all(row["onward"][name] == by_id[row["onward"]["triple_id"]].get(name) for name in row["onward"])


@settings(deadline=None, max_examples=15)
@given(PAIRS)
def test_a_new_triple_takes_the_place_of_others_and_moves_none(found, pairs):
    triples = [triple(*pair) for pair in sorted(pairs)]
    before, after = chains(found(triples[1:])), chains(found(triples))
    assert all(after.get(t) in (second, triples[0]["triple_id"], None) for t, second in before.items())


def test_what_is_not_told_as_true_in_training_is_no_link_of_a_chain(found):
    for more in ({"split": "test"}, {"belief": 0.2}, {"contested": True}, {"contradiction": 0.95}):
        a, b = triple("MESH:D000", "MESH:D001"), triple("MESH:D001", "MESH:D002")
        if a["triple_id"] < b["triple_id"]:
            assert chains(found([a, b])) == {a["triple_id"]: b["triple_id"]}
        assert chains(found([a, b | more])) == chains(found([a | more, b])) == {}


def quoted(rows):
    return {row["triple_id"]: row["quotation"] for row in rows if row["quotation"]}


def test_a_triple_is_quoted_with_the_mentions_of_its_sentence(found):
    said = triple("MESH:D000", "MESH:D001")
    rows = found([said], [evidence("MESH:D000", "MESH:D001", 2), evidence("MESH:D000", "MESH:D001", 1)])
    quotation = quoted(rows)[said["triple_id"]]
    assert (quotation["evidence_id"], quotation["doc_id"], quotation["sentence"]) == ("e1", "PMID:1", SENTENCE)
    assert [SENTENCE[m["start"] : m["end"]] for m in quotation["mentions"]] == ["Metformin", "type 2 diabetes"]


@pytest.mark.parametrize(
    "columns",
    [
        {"polarity": False},
        {"certainty": 0.5},
        {"hypothetical": True},
        {"retracted": True},
        {"text_hash": "h2"},
        {"doc_id": "PMID:2"},
        {"sentence": "METHODS: metformin was given to patients with diabetes."},
        {"sentence": "We gave metformin to patients who had type 2 diabetes."},
        {"sentence": "It lowered glucose in patients who had type 2 diabetes."},
        {"sentence": "Metformin was given. Diabetes improved in all patients."},
        {"sentence": 'Metformin "cured" patients who had type 2 diabetes mellitus.'},
        {"sentence": "Metformin helped."},
        {"sentence": "and metformin lowered glucose in patients with type 2 diabetes."},
    ],
)
def test_what_does_not_say_it_plainly_in_one_sentence_of_a_paper_is_not_quoted(found, columns):
    said = triple("MESH:D000", "MESH:D001")
    assert quoted(found([said], [evidence("MESH:D000", "MESH:D001", 1, **columns)])) == {}


def test_only_what_is_asked_for_is_looked_for(found):
    triples = [triple(a, b) for a in ENTITIES for b in ENTITIES if a != b]
    claims = [evidence("MESH:D000", "MESH:D001", 1)]
    assert quoted(found(triples, claims, chains=False)) and not chains(found(triples, claims, chains=False))
    assert chains(found(triples, claims, quotations=False)) and not quoted(found(triples, claims, quotations=False))


def test_buckets_and_threads_do_not_change_the_rows(found):
    triples = [triple(a, b) for a in ENTITIES for b in ENTITIES if a != b]
    claims = [evidence(t["subject"], t["object"], n) for n, t in enumerate(triples)]
    once = sorted(found(triples, claims, buckets=1, threads=1), key=str)
    assert sorted(found(triples, claims, buckets=7, threads=3), key=str) == once


def test_what_entails_a_held_out_claim_is_no_link_and_its_sentences_are_not_quoted(found):
    said, other = triple("MESH:D000", "MESH:D001"), triple("MESH:D000", "MESH:D002")
    claims = [evidence("MESH:D000", "MESH:D001", 1), evidence("MESH:D000", "MESH:D002", 2, polarity=False)]
    assert quoted(found([said, other], claims)) != {}
    assert quoted(found([said, other], claims, withheld=[other])) == {}
    triples = [triple(a, b) for a in ENTITIES for b in ENTITIES if a != b]
    linked = set(chains(found(triples)).values())
    assert (
        linked - set(chains(found(triples, withheld=[t for t in triples if t["triple_id"] in linked])).values())
        == linked
    )
