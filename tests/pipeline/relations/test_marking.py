"""A passage with markers around its two mentions, as tokens."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from pipeline.relations.marking import MARKERS, add_markers, mark
from pipeline.relations.views import Passage


def make_tokenizer(specials=True):
    """Letters, each a token, between [CLS] and [SEP] where the tokenizer has any."""
    numbers = {token: n for n, token in enumerate(["[UNK]", "[PAD]", "[CLS]", "[SEP]", *"abcdefghij."])}
    backend = Tokenizer(models.WordLevel(numbers, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Split("", "isolated")]
    )
    if specials:
        backend.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
        )
    made = PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
    )
    add_markers(made)
    return made


LETTERS = make_tokenizer()


def shown(passage, max_length=64, tokenizer=LETTERS):
    return "".join(tokenizer.convert_ids_to_tokens(mark(passage, tokenizer, max_length).input_ids))


def test_markers_stand_around_the_mentions_whichever_comes_first():
    assert shown(Passage("a bc d ef.", (2, 4), (7, 9))) == "[CLS]a[E1]bc[/E1]d[E2]ef[/E2].[SEP]"
    assert shown(Passage("a bc d ef.", (7, 9), (2, 4))) == "[CLS]a[E2]bc[/E2]d[E1]ef[/E1].[SEP]"
    assert shown(Passage("ab", (0, 1), (1, 2)), tokenizer=make_tokenizer(specials=False)) == "[E1]a[/E1][E2]b[/E2]"


def test_mentions_within_each_other_are_marked_within_each_other():
    assert shown(Passage("a bc d", (2, 6), (5, 6))) == "[CLS]a[E1]bc[E2]d[/E2][/E1][SEP]"
    assert shown(Passage("abc", (1, 2), (0, 3))) == "[CLS][E2]a[E1]b[/E1]c[/E2][SEP]"


def test_a_long_passage_loses_its_ends_then_its_middle():
    text = "a" * 40 + "b" + "c" * 10 + "d" + "e" * 40
    assert shown(Passage(text, (40, 41), (51, 52)), 20) == "[CLS]a[E1]b[/E1]cccccccccc[E2]d[/E2]e[SEP]"
    assert shown(Passage(text, (40, 41), (51, 52)), 16) == "[CLS][E1]b[/E1]cccccccc[E2]d[/E2][SEP]"
    assert shown(Passage(text, (0, 1), (1, 2)), 16) == "[CLS][E1]a[/E1][E2]a[/E2]aaaaaaaa[SEP]"


def test_knowing_the_markers_twice_is_knowing_them_once():
    assert add_markers(LETTERS) == add_markers(LETTERS) == len(LETTERS)


_SPANS = st.tuples(st.integers(0, 79), st.integers(1, 30)).map(lambda drawn: (drawn[0], min(sum(drawn), 80)))


@given(st.text("abcdefghij .", min_size=80, max_size=80), _SPANS, _SPANS, st.integers(16, 100))
def test_what_is_kept_fits_knows_its_place_and_has_both_openings(text, a, b, max_length):
    tokens = mark(Passage(text, a, b), LETTERS, max_length)
    assert len(tokens.input_ids) == len(tokens.offsets) <= max_length
    names = LETTERS.convert_ids_to_tokens(tokens.input_ids)
    assert names.count(MARKERS[0]) == names.count(MARKERS[2]) == 1
    for name, (start, end) in zip(names, tokens.offsets, strict=True):
        assert name in ("[CLS]", "[SEP]", *MARKERS) if end == 0 else text[start:end] == name
    places = [start for start, end in tokens.offsets if end]
    assert places == sorted(places)
    written = [place for place, letter in enumerate(text) if letter != " "]
    assert set(places) <= set(written)
    if len(written) + 6 <= max_length:
        assert places == written and names.count(MARKERS[1]) == names.count(MARKERS[3]) == 1


@pytest.mark.parametrize(("first", "second"), [((0, 60), (50, 80)), ((0, 80), (60, 70)), ((0, 80), (0, 80))])
def test_both_openings_stay_however_long_the_mentions_are(first, second):
    for pair in ((first, second), (second, first)):
        names = shown(Passage("a" * 80, *pair), 16)
        assert MARKERS[0] in names and MARKERS[2] in names
