"""Tokens that lie in the name of an entity get its number, and no others."""

from hypothesis import given
from hypothesis import strategies as st

from training.finetuning.fusion.mention_linking import LinkedMention
from training.finetuning.fusion.token_entities import token_entities

NUMBERS = {"T:a": 1, "T:b": 2}


@st.composite
def cut_texts(draw):
    """Tokens that cover a text with gaps, and mentions that lie apart; both as sorted, disjoint ranges."""
    size = draw(st.integers(1, 40))

    def ranges():
        cuts = sorted(draw(st.sets(st.integers(0, size), max_size=16)))
        return [(a, b) for a, b in zip(cuts[::2], cuts[1::2], strict=False)]

    mentions = [LinkedMention(a, b, draw(st.sampled_from(["T:a", "T:b", "T:unknown"]))) for a, b in ranges()]
    return ranges(), mentions


@given(cut_texts(), cut_texts())
def test_a_token_has_the_entity_that_it_shares_a_character_with(first, second):
    offsets = [(0, 0), *first[0], (0, 0), *second[0], (0, 0)]
    texts = [-1, *[0] * len(first[0]), -1, *[1] * len(second[0]), -1]
    mentions = [first[1], second[1]]
    found = token_entities(offsets, texts, mentions, NUMBERS)
    for (start, end), text, number in zip(offsets, texts, found, strict=True):
        shared = [m for m in mentions[text] if m.start < end and m.end > start] if text >= 0 else []
        allowed = {NUMBERS.get(m.curie, 0) for m in shared} or {0}
        assert number in allowed
        # Of several the last one of the known counts.
        known = [NUMBERS[m.curie] for m in shared if m.curie in NUMBERS]
        assert number == (known[-1] if known else 0)


def test_the_rows_of_options_are_read_one_by_one():
    mentions = [[LinkedMention(0, 3, "T:a")], [LinkedMention(2, 5, "T:b")], []]
    offsets, texts = [[(0, 3), (0, 2), (2, 5)], [(0, 3), (0, 4)]], [[0, 1, 1], [0, 2]]
    assert token_entities(offsets, texts, mentions, NUMBERS) == [[1, 0, 2], [1, 0]]


def test_an_empty_row_has_no_entities():
    assert token_entities([], [], [[]], NUMBERS) == []
