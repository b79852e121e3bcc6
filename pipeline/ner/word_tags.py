"""Entities as one tag for each word (IOB2), for models that read pieces of words.

A word is never cut: an entity that begins or ends inside one is widened to whole words, and counted. Words are those of `ner.words` as
far as a tokenizer keeps them apart. Rejected: a tag of its own for each piece, so that spans may end after any: a small BERT fine-tuned
on BC5CDR then finds "tricusp" and "val" of "tricuspid valve", and has an F1 of .411 on the development set instead of .492.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence

from pipeline.ner.labels import Entity, apart

__all__ = ["stripped", "tags_of_types", "word_tags"]


def tags_of_types(types: Sequence[str]) -> tuple[str, ...]:
    """The tags of IOB2 for types, in their order: O first.

    >>> tags_of_types(["Chemical", "Disease"])
    ('O', 'B-Chemical', 'I-Chemical', 'B-Disease', 'I-Disease')
    """
    return ("O", *(f"{place}-{kind}" for kind in types for place in "BI"))


def word_tags(
    text: str, words: Sequence[tuple[int, int]], entities: Sequence[Entity], counts: Counter[str] | None = None
) -> list[str]:
    """One tag a word.

    Args:
        words: [start, end) of each in the text, in order; white space at their ends is none of them.
        entities: any; of overlapping ones the longest is learned.
        counts: adds `overlapping` (left out, since a longer one is there), `widened` (to whole words) and `no_word_of_its_own`
            (left out, since it has no word, or one that another entity begins in).
    """
    counts = Counter() if counts is None else counts
    places = [stripped(text, *word) for word in words]
    starts, ends = [start for start, _ in places], [end for _, end in places]
    tags = ["O"] * len(places)
    kept = apart(entities)
    counts["overlapping"] += len(entities) - len(kept)
    for start, end, kind in kept:
        first, after = bisect_right(ends, start), bisect_left(starts, end)
        if first >= after or tags[first] != "O":
            counts["no_word_of_its_own"] += 1
            continue
        counts["widened"] += (starts[first], ends[after - 1]) != (start, end)
        tags[first:after] = [f"B-{kind}", *[f"I-{kind}"] * (after - first - 1)]
    return tags


def stripped(text: str, start: int, end: int) -> tuple[int, int]:
    """A span without white space at its ends, which pieces of byte-level tokenizers begin with.

    >>> stripped("an aspirin", 2, 10)
    (3, 10)
    """
    piece = text[start:end]
    kept = piece.strip()
    left = len(piece) - len(piece.lstrip()) if kept else len(piece)
    return start + left, start + left + len(kept)
