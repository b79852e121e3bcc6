"""Entities as tags of words, and back."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from pipeline.ner.labels import apart
from pipeline.ner.tag_sequences import TagSequences
from pipeline.ner.word_tags import tags_of_types, word_tags

TEXT = "phenobarbital-induced rash in mice"
WORDS = [(0, 13), (13, 14), (14, 21), (21, 26), (26, 29), (29, 34)]  # the last three begin with a space


def tagged(*entities):
    counts = Counter()
    return word_tags(TEXT, WORDS, entities, counts), {name: n for name, n in counts.items() if n}


def test_words_have_the_tags_of_the_entities_they_make_up():
    assert tagged((0, 13, "Drug"), (14, 26, "Effect")) == (["B-Drug", "O", "B-Effect", "I-Effect", "O", "O"], {})


def test_an_entity_that_ends_inside_a_word_is_widened_and_counted():
    assert tagged((5, 13, "Drug"), (22, 24, "Effect")) == (
        ["B-Drug", "O", "O", "B-Effect", "O", "O"],
        {"widened": 2},
    )


def test_of_overlapping_entities_the_longest_is_learned_and_the_others_are_counted():
    assert tagged((0, 21, "Cause"), (0, 13, "Drug"), (14, 26, "Effect")) == (
        ["B-Cause", "I-Cause", "I-Cause", "O", "O", "O"],
        {"overlapping": 2},
    )


def test_two_entities_in_one_word_are_one_and_the_other_is_counted():
    assert tagged((0, 5, "Drug"), (6, 13, "Drug")) == (
        ["B-Drug", "O", "O", "O", "O", "O"],
        {"widened": 1, "no_word_of_its_own": 1},
    )


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.sampled_from("XY")), max_size=4))
def test_entities_of_whole_words_come_back(spans):
    text = "ab cd ef gh ij kl"
    words = [(3 * n, 3 * n + 2) for n in range(6)]
    entities = [(3 * min(a, b), 3 * max(a, b) + 2, kind) for a, b, kind in {*spans}]
    names = tags_of_types("XY")
    tags = [names.index(tag) for tag in word_tags(text, words, entities)]
    found = TagSequences(names, strict=True).spans(tags)
    assert [(words[first][0], words[last][1], kind) for first, last, kind in found] == apart(entities)
