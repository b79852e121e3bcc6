"""Long texts in windows that a model can read, with overlap, and which window says what of each token.

A token is judged where it stands farthest from where its text was cut, so each is read with a quarter of a window of context on
either side, up to 64 tokens; the ends of a text are no cuts. Rejected: windows that end with sentences (a sentence may be longer
than a window, so cuts are needed all the same), and averages over windows, which let a window with half the context vote.
Used in training and in extraction alike: a model reads what it was trained to read.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

__all__ = ["Token", "Window", "cut_windows", "most_central", "pieces_of"]

_MOST_SHARED: Final = 64


class Window(NamedTuple):
    """Tokens in a row, special ones included.

    Attributes:
        inputs: input_ids and attention_mask.
        offsets: [start, end) in the text of each token; (0, 0) of special ones.
        words: number in the text of the word that each token is of, as the tokenizer cuts words; None of special ones.
    """

    inputs: dict[str, list[int]]
    offsets: list[tuple[int, int]]
    words: list[int | None]


class Token(NamedTuple):
    """Where a unit of the text, a word or a piece of one, is read: its first token in a window, and [start, end) in the text."""

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
        windows[text].append(Window(inputs, encoded["offset_mapping"][number], encoded.word_ids(number)))
    return windows


def pieces_of(offsets: Sequence[tuple[int, int]], words: Sequence[int | None]) -> list[tuple[int, int] | None]:
    """Names of the tokens of a window as pieces, each a unit of its own: their places; None of special ones.

    Tokens of one place, bytes of one character, are one piece.
    """
    return [None if word is None else (*place,) for place, word in zip(offsets, words, strict=True)]


def most_central(
    offsets: Sequence[Sequence[tuple[int, int]]], units: Sequence[Sequence[Hashable | None]]
) -> list[Token]:
    """Of each unit of a text the window in which it is farthest from a cut, of equal ones the first; in the order of the text.

    Args:
        offsets: [start, end) of each token of each window.
        units: what each token is of, and None of special ones: tokens in a row with the same are one.
    """
    best: dict[Hashable, tuple[int, Token]] = {}
    for window, (places, names) in enumerate(zip(offsets, units, strict=True)):
        token = 0
        while token < len(names):
            name, last = names[token], token
            while last + 1 < len(names) and names[last + 1] == name:
                last += 1
            if name is not None:
                before = token if window else len(names)
                after = len(names) - 1 - last if window + 1 < len(offsets) else len(names)
                far = min(before, after)
                if name not in best or best[name][0] < far:
                    best[name] = (far, Token(window, token, places[token][0], places[last][1]))
            token = last + 1
    return sorted((token for _, token in best.values()), key=lambda token: (token.start, token.end))
