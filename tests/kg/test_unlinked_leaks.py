"""Held-out pairs in plain words: found where nothing is linked, left to the links where something is."""

import pyarrow as pa
import pytest

from kg.tables import PASSAGES
from kg.unlinked_leaks import UnlinkedLeaks

NAMES = {"T:aspirin": "Aspirin", "T:asthma": "asthma", "T:throat": "Sore throat", "T:pain": "pain", "T:zh": "二甲双胍"}
SEARCH = UnlinkedLeaks(
    [("T:asthma", "T:aspirin"), ("T:throat", "T:pain"), ("T:zh", "T:pain"), ("T:pain", "T:unnamed")], NAMES
)


def batch(*passages):
    """Passages of sentences and of linked ranges; the sentences are ranges of the text, or none."""
    rows = [
        {"passage_id": f"p{number}", "kind": "literature", "text": text,
         "sentences": [{"start": s, "end": e} for s, e in sentences],
         "spans": [{"start": s, "end": e, "curie": "T:x", "category": "biolink:NamedThing"} for s, e in spans]}
        for number, (text, sentences, spans) in enumerate(passages)
    ]  # fmt: skip
    return pa.RecordBatch.from_pylist(rows, PASSAGES)


def found(*passages):
    return [(row, leak.subject, leak.object) for row, leak in SEARCH.among(batch(*passages))]


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("Aspirin helps in asthma.", [("T:aspirin", "T:asthma")]),
        ("ASTHMA was caused by (aspirin)!", [("T:aspirin", "T:asthma")]),
        ("For a sore throat and its pain, aspirin in asthma.", [("T:aspirin", "T:asthma"), ("T:pain", "T:throat")]),
        ("二甲双胍 and pain", [("T:pain", "T:zh")]),
        ("Aspirin helps in asthmatics.", []),
        ("Aspirin helps in pain.", []),
        ("", []),
    ],
)
def test_both_names_as_whole_words_in_any_case(text, pairs):
    assert found((text, [], [])) == [(0, *pair) for pair in pairs]


def test_a_pair_of_two_sentences_is_none_and_each_pair_of_a_row_is_told_once():
    text = "Aspirin was given. Asthma was not seen."
    assert found((text, [(0, 18), (19, len(text))], [])) == []
    twice = "Aspirin in asthma. Asthma and aspirin."
    assert found(("x", [], []), (twice, [(0, 18), (19, len(twice))], [])) == [(1, "T:aspirin", "T:asthma")]


def test_a_sentence_with_a_link_is_left_to_the_links_and_its_neighbours_are_not():
    text = "Honey is sweet. Aspirin is for asthma. Honey is sweet."
    sentences = [(0, 15), (16, 38), (39, len(text))]
    leak = [(0, "T:aspirin", "T:asthma")]
    assert found((text, sentences, [])) == leak
    assert found((text, sentences, [(0, 5), (39, 44)])) == leak
    assert found((text, sentences, [(16, 23)])) == []
    assert found((text, sentences, [(9, 17)])) == []  # a name over the boundary touches both
    assert found(("a", [], []), (text, sentences, [(0, 5)]), (text, sentences, [(31, 37)])) == [(1, *leak[0][1:])]


def test_nothing_held_out_nothing_found():
    assert UnlinkedLeaks([], NAMES).among(batch(("Aspirin in asthma.", [], []))) == []
    assert UnlinkedLeaks([("T:aspirin", "T:asthma")], {}).among(batch(("Aspirin in asthma.", [], []))) == []
    assert SEARCH.among(batch()) == []
