"""What no paper should hold, and some do: extraction goes on, offsets point at the text, and cost grows with length alone."""

import time

import pyarrow as pa
import pytest

from pipeline.claims import evidence_workers, extract_evidence
from pipeline.mentions import find_mentions, mention_workers
from pipeline.ner.training import train_pipeline
from pipeline.sentences import LONGEST
from pipeline.tables import MENTIONS
from pipeline.vocabulary_index import VocabularyIndex

TEXTS = [
    "",
    " \t\n ",
    "....,;:()[]{}!!??",
    "\x00\x01 aspirin \x07headache\x1b[31m",
    "阿司匹林 aspirin 头痛 головная боль headache صداع",
    "\U0001f9ea aspirin \U0001f468‍\U0001f469‍\U0001f467 heada\u0301che headache \U0001f1e9\U0001f1ea",
    "e\u0301" * 500 + " aspirin",
    "aspirin\u200b headache\u00ad\ufeff aspirin",
    "(((((aspirin)))))" * 50,
    "()" * 500 + "aspirin (ASA) ASA",
]


@pytest.fixture(scope="module", params=["dictionary", "recogniser"])
def workers(request, small_vocabulary, tmp_path_factory):
    folder = tmp_path_factory.mktemp("names")
    VocabularyIndex.build(small_vocabulary, folder)
    ner = None
    if request.param == "recogniser":
        sentence = "Aspirin causes headache and metformin helps nausea."
        entities = [(0, 7, "Chemical"), (15, 23, "Disease"), (28, 37, "Chemical"), (44, 50, "Disease")]
        ner = str(folder / "ner")
        with train_pipeline([(f"d{n}", sentence, entities) for n in range(8)]) as (model, _):
            model.to_disk(ner)
    with mention_workers([str(folder)], ner=ner) as pool:
        yield pool


def read(workers, *batches):
    return pa.Table.from_batches(list(find_mentions(batches, workers)), MENTIONS).to_pylist()


def test_offsets_point_at_the_text(workers, documents_of):
    batch = documents_of(*TEXTS)
    text = dict(zip(batch["doc_id"].to_pylist(), TEXTS, strict=True))
    rows = read(workers, batch)
    for row in rows:
        assert text[row["doc_id"]][row["start"] : row["end"]] == row["text"] != ""
        assert row["sentence_start"] <= row["start"] < row["end"] <= row["sentence_end"]
    found = {(row["doc_id"], row["text"].lower()) for row in rows}
    assert {(f"PMID:{n}", "aspirin") for n in (4, 5, 6, 9)} <= found
    assert {(f"PMID:{n}", "headache") for n in (5, 6)} <= found


@pytest.mark.parametrize(
    "unit",
    ["aspirin caused headache in no patients ", "aspirin-", "a", "aspirin (AB) (", "no (may ", "😀\u0301"],
)
def test_a_long_sentence_costs_no_more_than_its_length(workers, documents_of, unit):
    def seconds(length):
        batch = documents_of(unit * (length // len(unit)))
        start = time.process_time()
        found = list(find_mentions([batch], workers))
        list(extract_evidence([batch], found, evidence_workers()))
        return time.process_time() - start

    seconds(5_000)
    # Ten times the text; quadratic work would take a hundred times as long.
    assert seconds(100_000) < 50 * max(seconds(10_000), 0.02)


def test_five_megabytes_without_a_stop_are_read(workers, documents_of):
    if workers.initargs[0].ner:
        pytest.skip("read by the dictionary alone: the recogniser's cost grows with length as the test above shows")
    batch = documents_of("word " * 1_000_000 + "aspirin causes headache")
    rows = read(workers, batch)
    assert [row["text"] for row in rows] == ["aspirin", "headache"]
    assert all(row["sentence_end"] - row["sentence_start"] <= LONGEST for row in rows)


def test_names_of_one_letter_and_stop_words_are_no_mentions(vocabulary_of, documents_of, tmp_path):
    table = vocabulary_of(
        ("MESH:1", "A", "Disease", []),
        ("MESH:2", "the", "ChemicalEntity", ["of", "in", "7"]),
        ("MESH:3", "!", "Disease", ["  "]),
        ("MESH:4", "Aspirin", "ChemicalEntity", []),
    )
    VocabularyIndex.build(table, tmp_path)
    with mention_workers([str(tmp_path)]) as pool:
        found = read(pool, documents_of("A of the 7 ! in the A. Aspirin, a drug"))
    assert [row["curie"] for row in found] == ["MESH:4"]


def test_ten_thousand_homonyms_are_one_concept_chosen_by_identifier(vocabulary_of, documents_of, tmp_path):
    table = vocabulary_of(*((f"MESH:{n:05d}", "Grey syndrome", "Disease", []) for n in range(10_000)))
    start = time.process_time()
    VocabularyIndex.build(table, tmp_path)
    with mention_workers([str(tmp_path)]) as pool:
        found = read(pool, documents_of("Grey syndrome in a baby"))
    assert [row["curie"] for row in found] == ["MESH:00000"]
    assert time.process_time() - start < 20
