"""Exact and near duplicates: which are found, which one stays, and that nothing else decides."""

import random
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.cleaning.clean import clean
from kg.cleaning.config import CleaningConfig
from kg.cleaning.duplicates import band_rows
from tests.kg.cleaning.conftest import ABSTRACT, batches, passage, rejected

ALONE = dict.fromkeys(("shortest", "letters", "digits", "repeated", "damaged", "foreign", "common_words"))
DUPLICATES_ONLY = CleaningConfig(**ALONE, boilerplate=False)
RANK = {"test": 0, "validation": 1, "train": 2}


def found(rows, config=DUPLICATES_ONLY, size=4096):
    return rejected(clean(batches(rows, size), config))


def words(number, seed):
    draw = random.Random(seed)
    return [f"w{draw.randrange(10**6)}" for _ in range(number)]


def similarity(one, other, n=5):
    """Jaccard similarity of sets of runs of words, written out."""
    sets = []
    for text in (one, other):
        tokens = re.findall(r"\w+|[<>+]", text.lower())
        sets.append({tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1)})
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1])


def test_an_exact_duplicate_names_the_passage_with_the_smallest_id():
    rows = [passage("Aspirin treats fever, in adults.", id=i) for i in "cab"]
    rows.append(passage("aspirin treats  FEVER in adults", id="d"))
    assert found(rows) == dict.fromkeys(
        ("b", "c", "d"), ("duplicate", "a", "equal but for case, width, spaces and punctuation")
    )


def test_a_near_duplicate_names_its_original_and_how_similar_it_is():
    changed = ABSTRACT.replace("twelve weeks", "a year")
    [(reason, other, detail)] = found([passage(ABSTRACT, id="a"), passage(changed, id="b")]).values()
    assert (reason, other) == ("near-duplicate", "a")
    assert detail == f"Jaccard similarity {similarity(ABSTRACT, changed):.3f}"


def test_facts_told_in_similar_words_are_no_duplicates():
    told = ("Aspirin treats fever.", "Aspirin treats pain.", "Aspirin is reported to treat fever.")
    assert not found([passage(text, kind="verbalized") for text in told])
    long = "According to the evidence, " * 20 + "aspirin treats {}."
    assert not found([passage(long.format(name), kind="verbalized") for name in ("fever", "pain")])


def test_short_titles_that_differ_in_a_word_are_no_duplicates():
    title = "{}: a review of its use in the management of type 2 diabetes mellitus"
    assert similarity(title.format("Rosiglitazone"), title.format("Troglitazone")) > 0.8
    assert not found([passage(title.format(name)) for name in ("Rosiglitazone", "Troglitazone")])


def test_chinese_duplicates_are_found_by_their_characters():
    text = (
        "高血压是最常见的慢性病之一，也是心脑血管病最主要的危险因素，患者应当长期坚持服药并定期监测血压，避免情绪激动。"
    )
    text += "家属应了解降压药物的常见不良反应，如下肢水肿和干咳，出现时及时就医。"
    rows = [passage(text, id="a", language="zh"), passage(text.replace("，", "、"), id="b", language="zh")]
    rows.append(passage(text.replace("避免", "防止"), id="c", language="zh"))
    got = found(rows)
    assert got["b"][:2] == ("duplicate", "a")
    assert got["c"][:2] == ("near-duplicate", "a")


@pytest.mark.parametrize("held_out", ["validation", "test"])
@pytest.mark.parametrize("exact", [True, False])
def test_of_a_training_and_a_held_out_passage_the_training_one_is_rejected(held_out, exact):
    other = ABSTRACT if exact else ABSTRACT.replace("six patients", "seven patients")
    train, held = passage(ABSTRACT, id="a"), passage(other, id="b", split=held_out)
    assert {i: other for i, (_, other, _) in found([train, held]).items()} == {"a": "b"}


def test_what_equals_a_near_duplicate_names_the_original_that_stays():
    near = ABSTRACT.replace("six patients", "seven patients")
    got = found([passage(ABSTRACT, id="a"), passage(near, id="b"), passage(near.upper(), id="c")])
    assert {i: (reason, other) for i, (reason, other, _) in got.items()} == {
        "b": ("near-duplicate", "a"),
        "c": ("near-duplicate", "a"),
    }


def test_each_rule_can_be_switched_off():
    rows = [passage(ABSTRACT, id="a"), passage(ABSTRACT, id="b"), passage(ABSTRACT.replace("six", "ten"), id="c")]
    exact = DUPLICATES_ONLY.model_copy(update={"near_duplicates": None})
    assert {i: reason for i, (reason, _, _) in found(rows, exact).items()} == {"b": "duplicate"}
    near = DUPLICATES_ONLY.model_copy(update={"duplicates": False})
    assert {i: reason for i, (reason, _, _) in found(rows, near).items()} == dict.fromkeys("bc", "near-duplicate")
    assert not found(rows, exact.model_copy(update={"duplicates": False}))


# Passages that share most of their words, in a few variants of two texts: chains of similarity on purpose.
VARIANT = st.tuples(st.integers(0, 1), st.lists(st.integers(0, 59), max_size=5), st.sampled_from(sorted(RANK)))


@st.composite
def corpora(draw):
    rows = []
    for number, (seed, changes, split) in enumerate(draw(st.lists(VARIANT, max_size=12))):
        text = words(60, seed)
        for place in changes:
            text[place] = f"changed{place}"
        rows.append(passage(" ".join(text), id=f"{draw(st.integers(0, 99)):02}{number:02}", split=split))
    return rows


@settings(max_examples=20)
@given(corpora(), st.randoms(use_true_random=False), st.sampled_from([1, 3, 4096]))
def test_laws_of_duplicates(rows, shuffle, size):
    got = found(rows)
    shuffled = list(rows)
    shuffle.shuffle(shuffled)
    assert found(shuffled, size=size) == got  # order and batches do not matter
    by_id = {row["passage_id"]: row for row in rows}
    place = {i: (RANK[row["split"]], i) for i, row in by_id.items()}
    for i, (reason, other, _) in got.items():
        assert other not in got  # what is named stays
        assert place[other] < place[i]  # and a training passage never drives out a held-out one
        assert reason == "duplicate" or similarity(by_id[i]["text"], by_id[other]["text"]) >= 0.8
    staying = [row for row in rows if row["passage_id"] not in got]
    assert not found(staying)  # nothing is left to find
    for i, one in enumerate(staying):
        for other in staying[:i]:
            # far above the threshold no pair is missed; at it, one in 500 may be
            assert similarity(one["text"], other["text"]) < 0.9


def test_bands_find_a_pair_at_the_threshold_in_99_of_100_cases():
    for threshold in np.arange(0.3, 1.01, 0.05):
        rows = band_rows(threshold)
        assert 1 - (1 - threshold**rows) ** (128 // rows) >= 0.99
    assert band_rows(0.8) == 6
