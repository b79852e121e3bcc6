"""The leak check: whatever gives a held-out claim away is planted here and must be named."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kg.claims import triple_id
from kg.config import SplitConfig
from kg.leaks import find_leaks, leaks_in
from kg.tables import PASSAGES, TRIPLES
from pipeline.storage import Dataset
from pipeline.tables import VOCABULARY
from tests.kg.passages import FREE, HELD, SPLITS, A, rows

KINDS = {"metformin": ["drugs"], "type 2 diabetes": ["diabetes"], "diabetes": ["disease"]}


@pytest.fixture
def graph(tmp_path):
    """Files of a graph with some training claims, some held-out ones, and kinds of things."""

    def write(train, held_out=(), kinds=KINDS, xrefs=None):
        claims = [*((claim, "train") for claim in train), *((claim, "test") for claim in held_out)]
        split = {claim: "test" if HELD in claim else split for claim, split in claims}
        made = [
            dict(zip(("triple_id", "subject", "predicate", "object", "split"), (triple_id(*c), *c, s), strict=True))
            for c, s in split.items()
        ]
        pq.write_table(pa.Table.from_pylist(made, TRIPLES), tmp_path / "triples.parquet")
        every = sorted({*kinds, *(xrefs or {}), *(other for named in (xrefs or {}).values() for other in named)})
        concepts = [
            {"curie": c, "name": c, "parents": kinds.get(c, []), "xrefs": (xrefs or {}).get(c, [])} for c in every
        ]
        pq.write_table(pa.Table.from_pylist(concepts, VOCABULARY), tmp_path / "vocabulary.parquet")
        return {name: [str(tmp_path / f"{name}.parquet")] for name in ("triples", "vocabulary")}

    return write


def found(batch, **arguments):
    return [(leak.passage_id, leak.reason) for leak in leaks_in([batch], SPLITS, **arguments)]


def test_a_clean_corpus_has_no_leak():
    assert found(rows(([[A, FREE], [HELD, FREE], []], {}), ([[A], [HELD]], {}), ([[HELD, HELD]], {}))) == []


@pytest.mark.parametrize("pair", [(A, HELD), (HELD, A)])
def test_a_planted_pair_is_caught_in_either_order_and_named(pair):
    batch = rows(*[([[A, FREE]], {})] * 500, ([[FREE], [FREE, *pair]], {}), *[([[A, FREE]], {})] * 500)
    (leak,) = leaks_in([batch], SPLITS)
    assert (leak.reason, leak.passage_id, leak.kind) == ("pair-in-sentence", "p00500", "literature")
    assert {leak.subject, leak.object} == {A, HELD}
    assert HELD in leak.text


@pytest.mark.parametrize("form", ["chain", "entity"])
def test_a_chain_whose_far_ends_are_a_held_out_pair_is_caught(form):
    """Its two sentences lead from one end to the other, though none names both."""
    passages = ([[A, FREE], [FREE, HELD]], {"form": form}), ([[A, FREE], [FREE, HELD]], {"form": "paragraph"})
    assert found(rows(*passages, kind="verbalized")) == [("p00000", "pair-in-passage")]


@pytest.mark.parametrize("relation", [(0, "biolink:treats", 1, "e"), (1, "biolink:treats", 0, "e")])
def test_a_planted_relation_across_sentences_is_caught_in_either_direction(relation):
    assert found(rows(([[A], [HELD]], {"relations": [relation]}))) == [("p00000", "held-out-relation")]


def test_a_relation_between_free_entities_is_no_leak_though_a_held_out_one_is_near():
    assert found(rows(([[A, FREE], [HELD]], {"relations": [(0, "biolink:treats", 1, "e")]}))) == []


def test_a_name_over_a_sentence_boundary_is_caught():
    spans = [(0, 7, A, "biolink:NamedThing"), (5, 20, HELD, "biolink:NamedThing")]
    assert found(rows(([[A], [FREE]], {"spans": spans}))) == [("p00000", "pair-in-sentence")]


def test_a_held_out_triple_told_in_training_is_caught(graph):
    told, held_out = (A, "biolink:treats", FREE), (A, "biolink:treats", HELD)
    batch = rows(
        ([[A]], {"triple_ids": [triple_id(*told), triple_id(*held_out)]}),
        ([[A]], {"triple_ids": [triple_id(*told)]}),
        kind="verbalized",
    )
    assert found(batch, **graph([told, held_out])) == [("p00000", "held-out-triple")]


KIND = "biolink:treats"
STUDIED = "biolink:treats_or_applied_or_studied_to_treat"


@pytest.mark.parametrize(
    ("held_out", "told", "is_caught"),
    [
        (("drugs", KIND, "disease"), ("drugs", KIND, "diabetes"), True),
        (("drugs", KIND, "disease"), ("metformin", KIND, "type 2 diabetes"), True),
        (("drugs", STUDIED, "disease"), ("metformin", KIND, "diabetes"), True),  # treating implies being studied for it
        (("drugs", KIND, "disease"), ("metformin", STUDIED, "diabetes"), False),
        (("drugs", "biolink:interacts_with", "food"), ("food", "biolink:interacts_with", "metformin"), True),
        (("disease", "biolink:treated_by", "drugs"), ("metformin", KIND, "diabetes"), True),
        (
            ("metformin", KIND, "diabetes"),
            ("drugs", KIND, "disease"),
            False,
        ),  # the general says nothing of the specific
        (("drugs", KIND, "disease"), ("diabetes", KIND, "metformin"), False),
        (("drugs", "own:relation", "disease"), ("metformin", "own:relation", "diabetes"), True),
    ],
)
@pytest.mark.parametrize("kind", ["verbalized", "literature"])
def test_a_claim_that_entails_a_held_out_one_is_caught(graph, held_out, told, is_caught, kind):
    tables = graph([told], [held_out])
    columns = (
        {"triple_ids": [triple_id(*told)]} if kind == "verbalized" else {"relations": [(0, told[1], 1, "evidence")]}
    )
    batch = rows(([[told[0]], [told[2]]], columns), kind=kind)
    leaks = leaks_in([batch], SplitConfig(validation=0, test=0), **tables)
    assert [leak.reason for leak in leaks] == ["entails-held-out"] * is_caught
    if is_caught:
        assert {leaks[0].subject, leaks[0].object} == {held_out[0], held_out[2]}


def test_two_concepts_for_one_thing_are_the_same_thing(graph):
    """Atrial fibrillation is a disease in MeSH and a phenotype in HP, joined by a cross-reference and not merged."""
    tables = graph(
        [("atenolol", KIND, "paroxysmal")],
        [("atenolol", KIND, "disease")],
        {"paroxysmal": ["phenotype"]},
        {"disease": ["phenotype"]},
    )
    batch = rows(([["atenolol"], ["paroxysmal"]], {"relations": [(0, KIND, 1, "e")]}))
    assert [leak.reason for leak in leaks_in([batch], SplitConfig(validation=0, test=0), **tables)] == [
        "entails-held-out"
    ]


def test_a_claim_of_a_namesake_is_caught(graph, tmp_path):
    """胰腺炎 of a Chinese table and of an ontology's translation: one sentence tells both claims."""
    tables = graph([("atenolol", KIND, "table")], [("atenolol", KIND, "ontology")])
    translated = [{"name": "胰腺炎", "language": "zh", "scope": "label"}]
    concepts = [
        {"curie": "table", "name": "胰腺炎"},
        {"curie": "ontology", "name": "pancreatitis", "translations": translated},
    ]
    pq.write_table(pa.Table.from_pylist(concepts, VOCABULARY), tmp_path / "vocabulary.parquet")
    batch = rows(([["atenolol", "table"]], {"relations": [(0, KIND, 1, "e")]}))
    assert [leak.reason for leak in leaks_in([batch], SplitConfig(validation=0, test=0), **tables)] == [
        "entails-held-out"
    ]


def test_a_cycle_among_kinds_ends(graph):
    tables = graph([("b", KIND, "x")], [("a", KIND, "x")], {"a": ["b"], "b": ["a"]})
    batch = rows(([["b"], ["x"]], {"relations": [(0, KIND, 1, "e")]}))
    assert [leak.reason for leak in leaks_in([batch], SplitConfig(validation=0, test=0), **tables)] == [
        "entails-held-out"
    ]


def test_a_test_row_in_the_training_shard_is_caught():
    assert found(rows(([[A]], {"split": "test"}))) == [("p00000", "not-train")]


def test_every_batch_is_scanned_and_examples_are_limited():
    leaky = rows(*[([[A, HELD]], {})] * 30)
    clean = rows(*[([[A, FREE]], {})] * 30)
    assert len(leaks_in([clean] * 5 + [leaky], SPLITS)) == 20
    assert len(leaks_in([clean, leaky], SPLITS, limit=3)) == 3


def test_the_same_id_in_two_rows_mixes_nothing_up():
    assert found(rows(([[A], [FREE]], {"passage_id": "same"}), ([[HELD], [FREE]], {"passage_id": "same"}))) == []


def test_a_home_is_scanned_whole_and_planted_rows_fail_it(tmp_path):
    def write(asset, key, name, schema, table):
        with Dataset(tmp_path, asset).writer(key) as writer:
            writer.table(name, schema).write(table)
            writer.commit(skip_key="k", code_version="1", inputs={})

    held_out = (A, "biolink:treats", HELD)
    claim = {
        "subject": A,
        "predicate": "biolink:treats",
        "object": HELD,
        "triple_id": triple_id(*held_out),
        "split": "test",
    }
    write("triples", "00", "00/triples.parquet", TRIPLES, pa.Table.from_pylist([claim], TRIPLES))
    concept = pa.Table.from_pylist([{"curie": "kind of it", "parents": [HELD]}], VOCABULARY)
    write("vocabulary", "all", "vocabulary.parquet", VOCABULARY, concept)
    clean = rows(([[A, FREE]], {}), kind="verbalized")
    write("corpus_shards", "00", "split=train/bucket=00/passages.parquet", PASSAGES, clean)
    held = rows(([[A, HELD]], {"split": "test"}))
    write("corpus_shards", "02", "split=test/bucket=02/passages.parquet", PASSAGES, held)
    assert find_leaks(tmp_path, SPLITS) == []
    leaky = rows(
        ([[HELD, A]], {}),
        ([[A]], {"triple_ids": [triple_id(*held_out)]}),
        ([[A], ["kind of it"]], {"relations": [(0, "biolink:treats", 1, "e")]}),
    )
    write("corpus_shards", "01", "split=train/bucket=01/passages.parquet", PASSAGES, leaky)
    leaks = find_leaks(tmp_path, SPLITS)
    assert [leak["reason"] for leak in leaks] == ["pair-in-sentence", "held-out-triple", "entails-held-out"]
    json.dumps(leaks)


def test_an_empty_home_has_no_leak(tmp_path):
    assert find_leaks(tmp_path, SPLITS) == []
