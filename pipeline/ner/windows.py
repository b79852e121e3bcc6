"""Long texts in windows that a model can read, with overlap, and which window says what of each word.

A word is judged by its first token, where it stands farthest from where its text was cut: each is read with a quarter of a window of
context on either side, up to 64 tokens; the ends of a text are no cuts. Words are those of `ner.words`, whatever the tokenizer cuts.
Rejected: windows that end with sentences (a sentence may be longer than a window, so cuts are needed all the same), and averages over
windows, which let a window with half the context vote.
Used in training and in extraction alike: a model reads what it was trained to read.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from pipeline.ner.words import word_spans

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

__all__ = ["Token", "Window", "cut_windows", "most_central", "words_of"]

_MOST_SHARED: Final = 64


class Window(NamedTuple):
    """Tokens in a row, special ones included.

    Attributes:
        inputs: input_ids and attention_mask.
        offsets: [start, end) in the text of each token; (0, 0) of special ones.
        words: number in the text of the word that each token begins in (`ner.words`); None of special ones.
    """

    inputs: dict[str, list[int]]
    offsets: list[tuple[int, int]]
    words: list[int | None]


class Token(NamedTuple):
    """Where a word of a text is read: its first token in a window, and [start, end) of its tokens in the text."""

    word: int
    window: int
    token: int
    start: int
    end: int


def cut_windows(texts: Sequence[str], tokenizer: PreTrainedTokenizerFast, length: int) -> list[list[Window]]:
    """The windows of each text: one where it is short, none longer than `length` tokens."""
    if not texts:
        return []
    encoded = tokenizer(
        [*texts],
        truncation=True,
        max_length=length,
        stride=min(_MOST_SHARED, length // 4),
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
        return_token_type_ids=False,
    )
    windows: list[list[Window]] = [[] for _ in texts]
    for number, text in enumerate(encoded["overflow_to_sample_mapping"]):
        inputs = {name: encoded[name][number] for name in ("input_ids", "attention_mask")}
        offsets = encoded["offset_mapping"][number]
        special = [part is None for part in encoded.sequence_ids(number)]
        windows[text].append(Window(inputs, offsets, words_of(texts[text], offsets, special)))
    return windows


def words_of(text: str, offsets: Sequence[tuple[int, int]], special: Sequence[bool]) -> list[int | None]:
    """The word of the text that each token begins in, or before, where it begins with a space; None of special ones."""
    ends = [end for _, end in word_spans(text)]
    return [None if apart else bisect_right(ends, place[0]) for place, apart in zip(offsets, special, strict=True)]


def most_central(offsets: Sequence[Sequence[tuple[int, int]]], words: Sequence[Sequence[int | None]]) -> list[Token]:
    """Of each word of a text the window in which it is farthest from a cut, of equal ones the first; in the order of the text.

    Args:
        offsets, words: of the tokens of each window.
    """
    best: dict[int, tuple[int, Token]] = {}
    for window, (places, names) in enumerate(zip(offsets, words, strict=True)):
        token = 0
        while token < len(names):
            word, last = names[token], token
            while last + 1 < len(names) and names[last + 1] == word:
                last += 1
            if word is not None:
                before = token if window else len(names)
                after = len(names) - 1 - last if window + 1 < len(offsets) else len(names)
                far = min(before, after)
                if word not in best or best[word][0] < far:
                    best[word] = (far, Token(word, window, token, places[token][0], places[last][1]))
            token = last + 1
    return [best[word][1] for word in sorted(best)]
