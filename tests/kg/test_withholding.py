"""Which training claims are withheld because they entail a held-out one, and which buckets are told."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kg.claims import triple_id
from kg.tables import TRIPLES
from kg.withholding import KINDS as KINDS_TABLE
from kg.withholding import WITHHELD_BY_BUCKET, changed_buckets, kinds_of, withheld_claims
from pipeline.hashing import bucket_of
from pipeline.tables import VOCABULARY

KINDS = {"metformin": ["biguanides"], "phenformin": ["biguanides"], "type 2 diabetes": ["diabetes"]}
TREATS = "biolink:treats"


@pytest.fixture
def withheld(tmp_path):
    """The buckets and claims that are withheld, of claims with their split and documents."""

    def find(claims, buckets=8, threads=1):
        rows = [
            {
                "triple_id": triple_id(*claim),
                "subject": claim[0],
                "predicate": claim[1],
                "object": claim[2],
                "split": split,
            }
            | {"doc_ids": documents}
            for claim, split, documents in claims
        ]
        pq.write_table(pa.Table.from_pylist(rows, TRIPLES), tmp_path / "triples.parquet")
        concepts = [{"curie": curie, "name": curie, "parents": above} for curie, above in KINDS.items()]
        concepts += [{"curie": "glycaemia", "xrefs": ["hyperglycaemia"]}, {"curie": "hyperglycaemia"}]
        concepts += [
            {"curie": "table:胰腺炎", "name": "胰腺炎"},
            {
                "curie": "DOID:4989",
                "name": "pancreatitis",
                "translations": [{"name": "胰腺炎", "language": "zh", "scope": "label"}],
            },
            {"curie": "MP:1", "name": "Inflamed pancreas", "synonyms": [{"name": "Pancreatitis", "scope": "exact"}]},
            {"curie": "A:1", "name": "ankylosis", "synonyms": [{"name": "AS", "scope": "exact"}]},
            {"curie": "A:2", "name": "aortic stenosis", "synonyms": [{"name": "AS", "scope": "exact"}]},
        ]
        pq.write_table(pa.Table.from_pylist(concepts, VOCABULARY), tmp_path / "vocabulary.parquet")
        paths = [[str(tmp_path / f"{name}.parquet")] for name in ("triples", "vocabulary")]
        pq.write_table(pa.Table.from_batches(kinds_of(paths[1]), KINDS_TABLE), tmp_path / "kinds.parquet")
        found = list(withheld_claims(paths[0], [str(tmp_path / "kinds.parquet")], buckets, threads=threads))
        assert all(rows.schema == WITHHELD_BY_BUCKET for rows in found)
        return [tuple(row.values()) for rows in found for row in rows.to_pylist()]

    return find


HELD_OUT = ("biguanides", TREATS, "diabetes")
ENTAILING = ("metformin", TREATS, "type 2 diabetes")


def test_what_entails_a_held_out_claim_is_withheld_in_the_buckets_of_its_subject_and_its_papers(withheld):
    found = withheld([(HELD_OUT, "test", ["PMID:1"]), (ENTAILING, "train", ["PMID:2", "PMID:3", "PMID:4"])])
    places = {bucket_of(key, 8) for key in ("metformin", "PMID:2", "PMID:3", "PMID:4")}
    assert found == sorted((place, triple_id(*ENTAILING), triple_id(*HELD_OUT)) for place in places)


@pytest.mark.parametrize("names", [("glycaemia", "hyperglycaemia"), ("hyperglycaemia", "glycaemia")])
def test_two_concepts_that_a_cross_reference_joins_are_one_here(withheld, names):
    one, other = (("metformin", TREATS, name) for name in names)
    assert {row[1] for row in withheld([(one, "test", []), (other, "train", [])])} == {triple_id(*other)}


@pytest.mark.parametrize("names", [("table:胰腺炎", "DOID:4989"), ("DOID:4989", "table:胰腺炎"), ("MP:1", "DOID:4989")])
def test_a_claim_of_a_namesake_is_not_told_in_the_words_of_a_held_out_one(withheld, names):
    """Two concepts of one name, not merged, fell into two splits, and training said the held-out sentence word for word."""
    one, other = (("metformin", TREATS, name) for name in names)
    assert {row[1] for row in withheld([(one, "test", []), (other, "train", [])])} == {triple_id(*other)}


def test_an_abbreviation_that_two_concepts_share_makes_them_no_namesakes(withheld):
    assert withheld([(("metformin", TREATS, "A:1"), "test", []), (("metformin", TREATS, "A:2"), "train", [])]) == []


@pytest.mark.parametrize(
    "claim",
    [
        ("drugs", TREATS, "diabetes"),  # the general says nothing of the specific
        ("biguanides", "biolink:causes", "diabetes"),
        ("metformin", TREATS, "acne"),
    ],
)
def test_what_entails_nothing_is_told(withheld, claim):
    assert withheld([(HELD_OUT, "test", []), (claim, "train", [])]) == []


def test_a_held_out_claim_is_not_withheld_from_its_own_split(withheld):
    assert withheld([(HELD_OUT, "test", []), (ENTAILING, "validation", [])]) == []


def test_the_order_of_claims_and_the_threads_change_nothing(withheld):
    claims = [(HELD_OUT, "test", ["PMID:1"]), (("biguanides", TREATS, "type 2 diabetes"), "validation", [])]
    claims += [
        ((drug, TREATS, "type 2 diabetes"), "train", ["PMID:9", "PMID:8"]) for drug in ("metformin", "phenformin")
    ]
    found = withheld(claims)
    assert found == withheld(claims[::-1], threads=2)
    assert len({row[1] for row in found}) == 2


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        ([(0, "a", "h"), (1, "b", "h")], [(0, "a", "h"), (1, "b", "h")], set()),
        ([(0, "a", "h"), (1, "b", "h")], [(0, "a", "i"), (1, "b", "h")], {0}),
        ([(0, "a", "h")], [(0, "a", "h"), (3, "b", "h")], {3}),
        ([(2, "a", "h"), (3, "b", "h")], [], {2, 3}),
    ],
)
def test_buckets_whose_list_came_out_the_same_are_not_written(before, now, expected):
    tables = (
        pa.Table.from_pylist(
            [dict(zip(WITHHELD_BY_BUCKET.names, row, strict=True)) for row in rows], WITHHELD_BY_BUCKET
        )
        for rows in (before, now)
    )
    assert changed_buckets(*tables) == expected
