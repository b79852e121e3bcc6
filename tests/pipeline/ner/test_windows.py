"""Texts in windows: every word is read, and believed where it has most context."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from pipeline.ner.windows import cut_windows, most_central, words_of

LETTERS = "abcdefgh"


@pytest.fixture(scope="module")
def tokenizer():
    """Letters are pieces, strings between spaces are words."""
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *LETTERS, *(f"##{letter}" for letter in LETTERS)]
    made = Tokenizer(models.WordPiece({piece: n for n, piece in enumerate(pieces)}, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return PreTrainedTokenizerFast(tokenizer_object=made, pad_token="[PAD]", unk_token="[UNK]")


def test_a_short_text_is_one_window_and_no_text_has_no_words(tokenizer):
    (short,), (nothing,) = cut_windows(["ab c", ""], tokenizer, 16)
    assert short.inputs == {"input_ids": [2, 4, 13, 6, 3], "attention_mask": [1] * 5}
    assert short.words == [None, 0, 0, 1, None]
    assert nothing.inputs["input_ids"] == [2, 3]
    assert most_central([nothing.offsets], [nothing.words]) == []
    assert cut_windows([], tokenizer, 16) == []


@settings(max_examples=50)
@given(text=st.text("ab" + "  ", min_size=1, max_size=120), length=st.integers(8, 40))
def test_every_word_is_read_once_and_where_it_stands_farthest_from_a_cut(tokenizer, text, length):
    text = " ".join(text.replace("b", "ab ").split())  # words of one or two letters or a few more
    (windows,) = cut_windows([text], tokenizer, length)
    assert all(len(window.offsets) <= length for window in windows)
    words = most_central([w.offsets for w in windows], [w.words for w in windows])
    assert [word.word for word in words] == [*range(len(text.split()))]

    def far(number, word):
        """How far from a cut a window has a word; less than nothing where it lacks it."""
        places = [place for place, name in enumerate(windows[number].words) if name == word]
        if not places:
            return -1
        before = places[0] if number else 1000
        after = len(windows[number].words) - 1 - places[-1] if number + 1 < len(windows) else 1000
        return min(before, after)

    for word in words:
        assert far(word.window, word.word) == max(far(number, word.word) for number in range(len(windows)))


def test_a_word_that_a_window_cuts_is_read_in_the_window_that_has_it_whole(tokenizer):
    text = "ab " * 3 + "abcdefgh" + " ab" * 3
    (windows,) = cut_windows([text], tokenizer, 16)
    assert len(windows) == 2
    words = most_central([w.offsets for w in windows], [w.words for w in windows])
    assert [text[word.start : word.end] for word in words] == text.split()


def test_words_are_cut_at_every_sign_whatever_the_tokenizer_does():
    """Tokens of "drug-induced 中文 x", some of which begin with a space."""
    text = "drug-induced 中文 x"
    offsets = [(0, 0), (0, 2), (2, 4), (4, 5), (5, 12), (12, 14), (14, 15), (15, 17), (0, 0)]
    special = [True, *[False] * 7, True]
    assert words_of(text, offsets, special) == [None, 0, 0, 1, 2, 3, 4, 5, None]
