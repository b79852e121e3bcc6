"""A document as the classifier reads it: words and mentions as one row of units, sentences, and entities with their mentions.

A mention becomes one unit, so that a window of three units reaches over a name of seven words, and what stands between two
mentions is seen without their names. Where mentions overlap, the longer one takes the place and the others share it.
Cost: about 0.5 ms an abstract.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pipeline.sentences import split_sentences

__all__ = ["Entity", "MentionSpan", "Reading", "read"]

# Letters, digits and anything else each apart: "5-HT2" is 0 - ht 0.
_WORD = re.compile(r"(?P<number>\d+(?:[.,]\d+)*)|[^\W\d_]+|[^\s\w]|_")


class MentionSpan(NamedTuple):
    """A mention: [start, end) in the text, the entities it stands for, its type."""

    start: int
    end: int
    entities: tuple[str, ...]
    type: str


class Entity(NamedTuple):
    """What the mentions of one name or identifier have in common.

    Attributes:
        key: the identifier, or the name of the one mention.
        type: type of its first mention.
        names: its spellings in lower case, in order of the text, each once.
        units: the places of its mentions among the units, ascending.
        mentions: their places among the mentions that were read, in the same order.
    """

    key: str
    type: str
    names: tuple[str, ...]
    units: tuple[int, ...]
    mentions: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """Units of a document.

    Attributes:
        units: words in lower case, numbers as `0`; of a mention `@` and its type.
        owners: places of the entities that a unit is a mention of; empty for a word.
        sentence_of: the sentence of each unit.
        bounds: first unit of each sentence, and the number of units last.
        sentences: [start, end) of each sentence in the text.
        entities: by first mention, then by key.
        mentions: as read, ordered by start and end.
    """

    text: str
    units: list[str]
    owners: list[tuple[int, ...]]
    sentence_of: list[int]
    bounds: list[int]
    sentences: list[tuple[int, int]]
    entities: list[Entity]
    mentions: list[MentionSpan]


def read(text: str, mentions: Sequence[MentionSpan], sentences: Sequence[tuple[int, int]] | None = None) -> Reading:
    """Units, sentences and entities of a text.

    Args:
        text: the document's text.
        mentions: in any order; they may overlap and be given twice.
        sentences: [start, end) of the sentences in order; found by `split_sentences` where not given.
    """
    spans = list(sentences) if sentences is not None else split_sentences(text)
    ordered = sorted(mentions, key=lambda m: (m.start, m.end, m.entities))
    places = _places(ordered)
    units: list[str] = []
    starts: list[int] = []
    unit_of_place: dict[int, int] = {}
    position = 0
    for place in [*places, None]:
        stop = place[0] if place else len(text)
        for match in _WORD.finditer(text, position, stop):
            word = "0" if match.lastgroup else match[0].lower()
            units.append(word)
            starts.append(match.start())
        if place:
            unit_of_place[place[0]] = len(units)
            units.append(f"@{ordered[place[2]].type}")
            starts.append(place[0])
            position = place[1]
    begins = [begin for begin, _ in spans] or [0]
    sentence_of = [max(bisect_right(begins, start) - 1, 0) for start in starts]
    bounds = _bounds(sentence_of, len(begins))
    entities, owners = _entities(text, ordered, places, unit_of_place, len(units))
    return Reading(text, units, owners, sentence_of, bounds, spans or [(0, len(text))], entities, ordered)


def _places(ordered: Sequence[MentionSpan]) -> list[tuple[int, int, int]]:
    """Spans that take a unit each, ascending and disjoint, with a mention that gives the type; the longest wins."""
    longest = sorted(range(len(ordered)), key=lambda n: (ordered[n].start - ordered[n].end, n))
    taken: list[tuple[int, int, int]] = []
    for number in longest:
        mention = ordered[number]
        at = bisect_right(taken, (mention.start, mention.end, len(ordered)))
        before = taken[at - 1][1] if at else 0
        after = taken[at][0] if at < len(taken) else mention.end
        if before <= mention.start and mention.end <= after:
            taken.insert(at, (mention.start, mention.end, number))
    return taken


def _bounds(sentence_of: Sequence[int], count: int) -> list[int]:
    return [bisect_right(sentence_of, sentence - 1) for sentence in range(count)] + [len(sentence_of)]


def _entities(
    text: str,
    ordered: Sequence[MentionSpan],
    places: Sequence[tuple[int, int, int]],
    unit_of_place: dict[int, int],
    count: int,
) -> tuple[list[Entity], list[tuple[int, ...]]]:
    found: dict[str, list[int]] = {}
    for number, mention in enumerate(ordered):
        for key in mention.entities:
            found.setdefault(key, []).append(number)
    firsts = [start for start, _, _ in places]
    owners: list[list[int]] = [[] for _ in range(count)]
    entities: list[Entity] = []
    for key, numbers in sorted(found.items(), key=lambda item: (item[1][0], item[0])):
        # A mention that has no unit of its own shares the one it overlaps first.
        units = [_shared_unit(ordered[n], firsts, places, unit_of_place) for n in numbers]
        for unit in dict.fromkeys(units):
            owners[unit].append(len(entities))
        names = tuple(dict.fromkeys(text[ordered[n].start : ordered[n].end].lower() for n in numbers))
        entities.append(Entity(key, ordered[numbers[0]].type, names, tuple(units), tuple(numbers)))
    return entities, [tuple(o) for o in owners]


def _shared_unit(
    mention: MentionSpan,
    firsts: Sequence[int],
    places: Sequence[tuple[int, int, int]],
    unit_of_place: dict[int, int],
) -> int:
    at = max(bisect_right(firsts, mention.start) - 1, 0)
    if places[at][1] <= mention.start:
        at += 1
    return unit_of_place[places[at][0]]
