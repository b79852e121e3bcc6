"""Entities as spans of text, and as one tag a word: B-, I-, L- of its first, inner and last words, U- of a single one, O.

The scheme is BILOU (Ratinov and Roth 2009, https://aclanthology.org/W09-1119), which tells a linear chain more than BIO does.
Tags hold no entities inside others, so where gold mentions overlap the longest is kept, and of equal ones the first. A
discontinuous mention counts from its first to its last character, as in the scores of mentions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.ner.words import Words

__all__ = ["Entity", "apart", "decode", "encode", "gold_entities"]

#: A span [start, end) of the text and its type.
Entity = tuple[int, int, str]


@dataclass(slots=True)
class Unlearned:
    """Gold mentions that no sequence of tags can give."""

    overlapping: int = 0
    inside_words: int = 0


def gold_entities(annotations: Iterable[dict[str, Any]] | None) -> list[Entity]:
    """The entities of a document's annotations [DOCUMENTS], each once, in order."""
    return sorted({(a["start"], a["end"], a["type"]) for a in annotations or ()})


def apart(entities: Iterable[Entity]) -> list[Entity]:
    """The entities without those that overlap a longer one, or an earlier one of the same length; in order."""
    kept: list[Entity] = []
    for start, end, kind in sorted(entities, key=lambda e: (e[0] - e[1], e)):
        if not any(start < b and a < end for a, b, _ in kept):
            kept.append((start, end, kind))
    return sorted(kept)


def encode(words: Words, entities: Sequence[Entity], unlearned: Unlearned | None = None) -> list[str]:
    """One tag a word. Entities that overlap a longer one, or end inside a word, are left out, and counted in `unlearned`."""
    firsts = {start: number for number, (start, _) in enumerate(words.spans)}
    lasts = {end: number for number, (_, end) in enumerate(words.spans)}
    tags = ["O"] * len(words)
    unlearned = unlearned or Unlearned()
    kept = apart(entities)
    unlearned.overlapping += len(entities) - len(kept)
    for start, end, kind in kept:
        first, last = firsts.get(start), lasts.get(end)
        if first is None or last is None:
            unlearned.inside_words += 1
        elif first == last:
            tags[first] = f"U-{kind}"
        else:
            tags[first : last + 1] = [f"B-{kind}", *[f"I-{kind}"] * (last - first - 1), f"L-{kind}"]
    return tags


def decode(words: Words, tags: Sequence[str]) -> list[Entity]:
    """The entities of a sequence of tags, in order; tags that make up no whole entity give none."""
    found: list[Entity] = []
    first = -1
    for number, tag in enumerate(tags):
        place, kind = tag[:1], tag[2:]
        if place in "BU":
            first = number
        elif place not in "IL" or (first >= 0 and tags[first][2:] != kind):
            first = -1
        if place in "LU" and first >= 0:
            found.append((words.spans[first][0], words.spans[number][1], kind))
            first = -1
    return found
