"""Texts in windows: every piece is read, and believed where it has most context."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from pipeline.ner.windows import cut_windows, most_central, pieces_of

LETTERS = "abcdefgh"


@pytest.fixture(scope="module")
def tokenizer():
    """Letters are pieces, strings between spaces are words."""
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *LETTERS, *(f"##{letter}" for letter in LETTERS)]
    made = Tokenizer(models.WordPiece({piece: n for n, piece in enumerate(pieces)}, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return PreTrainedTokenizerFast(tokenizer_object=made, pad_token="[PAD]", unk_token="[UNK]")


def test_a_short_text_is_one_window_and_no_text_has_no_units(tokenizer):
    (short,), (nothing,) = cut_windows(["ab c", ""], tokenizer, 16)
    assert short.inputs == {"input_ids": [2, 4, 13, 6, 3], "attention_mask": [1] * 5}
    assert short.words == [None, 0, 0, 1, None]
    assert pieces_of(short.offsets, short.words) == [None, (0, 1), (1, 2), (3, 4), None]
    assert nothing.inputs["input_ids"] == [2, 3]
    assert most_central([nothing.offsets], [nothing.words]) == []
    assert cut_windows([], tokenizer, 16) == []


@settings(max_examples=50, deadline=None)
@given(text=st.text(LETTERS + "  ", min_size=1, max_size=120), length=st.integers(8, 40))
def test_every_piece_is_read_once_and_where_it_stands_farthest_from_a_cut(tokenizer, text, length):
    (windows,) = cut_windows([text], tokenizer, length)
    assert all(len(window.offsets) <= length for window in windows)
    tokens = most_central([w.offsets for w in windows], [pieces_of(w.offsets, w.words) for w in windows])
    assert [(t.start, t.end) for t in tokens] == [(n, n + 1) for n, sign in enumerate(text) if sign != " "]

    def far(window, token):
        before = token if window else 1000
        after = len(windows[window].offsets) - 1 - token if window + 1 < len(windows) else 1000
        return min(before, after)

    for token in tokens:
        place = (token.start, token.end)
        others = [far(n, w.offsets.index(place)) for n, w in enumerate(windows) if place in w.offsets[1:-1]]
        assert far(token.window, token.token) == max(others)
        # A quarter of a window on either side, less what rounding and special tokens take.
        assert far(token.window, token.token) >= length // 8


def test_a_word_that_a_window_cuts_is_read_in_the_window_that_has_it_whole(tokenizer):
    text = "ab " * 3 + "abcdefgh" + " ab" * 3
    (windows,) = cut_windows([text], tokenizer, 16)
    assert len(windows) == 2
    words = most_central([w.offsets for w in windows], [w.words for w in windows])
    assert [text[word.start : word.end] for word in words] == text.split()


def test_bytes_of_one_character_are_one_piece():
    offsets, words = [[(0, 0), (0, 1), (0, 1), (1, 2)]], [[None, 0, 0, 1]]
    tokens = most_central(offsets, [pieces_of(offsets[0], words[0])])
    assert [(t.token, t.start, t.end) for t in tokens] == [(1, 0, 1), (3, 1, 2)]
