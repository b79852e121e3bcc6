"""A candidate pair as models see it: hashed features, and the passage the two mentions meet in, as masked units and as it is written."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from pipeline.relations.features import Meeting, closest_meetings, features_of, hashed
from pipeline.relations.reading import MentionSpan, Reading

__all__ = ["Passage", "View", "views_of"]

#: Units of a passage kept on either side of the pair, and of the middle at most: longer middles lose their inside.
_AROUND = 12
_MIDDLE = 50


class Passage(NamedTuple):
    """The sentences of a pair, with [start, end) of its two mentions in them. Sentences between the two are left out."""

    text: str
    a: tuple[int, int]
    b: tuple[int, int]


class View(NamedTuple):
    """One pair.

    Attributes:
        features: hashes of its features, sorted.
        units: the passage, masked: `@A` and `@B` for the pair, `@` and a type for other mentions, `@|` between two sentences.
        a, b: places of the pair in the passage.
        meeting: the two mentions that the passage is about.
        passage: the text of their sentences.
    """

    features: list[int]
    units: list[str]
    a: int
    b: int
    meeting: Meeting
    passage: Passage


def views_of(reading: Reading, pairs: Iterable[tuple[int, int]]) -> list[View]:
    """The views of pairs of entities of a document."""
    found = []
    for a, b in pairs:
        meetings = closest_meetings(reading, a, b)
        features = hashed(features_of(reading, a, b, meetings))
        found.append(View(features, *_masked(reading, meetings[0]), meetings[0], _passage(reading, a, b, meetings[0])))
    return found


def _passage(reading: Reading, a: int, b: int, meeting: Meeting) -> Passage:
    one, other = _mention(reading, a, meeting.a), _mention(reading, b, meeting.b)
    first, second = sorted((reading.sentence_of[meeting.a], reading.sentence_of[meeting.b]))
    # a mention may reach over the end of its sentence
    begin = min(reading.sentences[first][0], one.start, other.start)
    end = max(reading.sentences[second][1], one.end, other.end)
    if second - first < 2:
        return Passage(
            reading.text[begin:end], (one.start - begin, one.end - begin), (other.start - begin, other.end - begin)
        )
    late = min(reading.sentences[second][0], max(one, other, key=lambda mention: mention.start).start)
    stop = max(reading.sentences[first][1], min(one, other, key=lambda mention: mention.start).end)
    text = f"{reading.text[begin:stop]} {reading.text[late:end]}"
    moved = [begin if mention.start < late else late - (stop - begin) - 1 for mention in (one, other)]
    spans = [(mention.start - by, mention.end - by) for mention, by in zip((one, other), moved, strict=True)]
    return Passage(text, spans[0], spans[1])


def _mention(reading: Reading, entity: int, unit: int) -> MentionSpan:
    found = reading.entities[entity]
    return reading.mentions[found.mentions[found.units.index(unit)]]


def _masked(reading: Reading, meeting: Meeting) -> tuple[list[str], int, int]:
    first, last = sorted((meeting.a, meeting.b))
    begin, end = reading.sentence_of[first], reading.sentence_of[last]
    low = max(reading.bounds[begin], first - _AROUND)
    high = min(reading.bounds[end + 1], last + _AROUND + 1)
    # the inside of a long middle goes, and so do whole sentences between
    left = min(max(last, first + 1), first + 1 + _MIDDLE // 2, reading.bounds[begin + 1])
    right = max(left, last - _MIDDLE // 2, reading.bounds[end] if begin != end else 0)
    masked = list(reading.units[low:left])
    masked[first - low] = "@A" if meeting.a == first else "@B"
    if right > left or begin != end:
        masked.append("@|")
    place = len(masked) + last - right
    masked += reading.units[right:high]
    if first == last:
        masked[first - low] = "@AB"
        return masked, first - low, first - low
    masked[place] = "@B" if meeting.a == first else "@A"
    ends = (first - low, place) if meeting.a == first else (place, first - low)
    return masked, *ends
