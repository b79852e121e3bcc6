"""A candidate pair as the two halves of the classifier see it: hashed features, and the passage the two mentions meet in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from pipeline.relations.features import Meeting, closest_meetings, features_of, hashed
from pipeline.relations.reading import Reading

__all__ = ["View", "views_of"]

#: Units of a passage kept on either side of the pair, and of the middle at most: longer middles lose their inside.
_AROUND = 12
_MIDDLE = 50


class View(NamedTuple):
    """One pair.

    Attributes:
        features: hashes of its features, sorted.
        units: the passage, masked: `@A` and `@B` for the pair, `@` and a type for other mentions, `@|` between two sentences.
        words: the same passage in the words of the text, in lower case.
        a, b: places of the pair in the passage.
        meeting: the two mentions that the passage is about.
    """

    features: list[int]
    units: list[str]
    words: list[str]
    a: int
    b: int
    meeting: Meeting


def views_of(reading: Reading, pairs: Iterable[tuple[int, int]]) -> list[View]:
    """The views of pairs of entities of a document."""
    found = []
    for a, b in pairs:
        meetings = closest_meetings(reading, a, b)
        features = hashed(features_of(reading, a, b, meetings))
        found.append(View(features, *_passage(reading, meetings[0]), meetings[0]))
    return found


def _passage(reading: Reading, meeting: Meeting) -> tuple[list[str], list[str], int, int]:
    first, last = sorted((meeting.a, meeting.b))
    begin, end = reading.sentence_of[first], reading.sentence_of[last]
    low = max(reading.bounds[begin], first - _AROUND)
    high = min(reading.bounds[end + 1], last + _AROUND + 1)
    # the inside of a long middle goes, and so do whole sentences between
    left = min(max(last, first + 1), first + 1 + _MIDDLE // 2, reading.bounds[begin + 1])
    right = max(left, last - _MIDDLE // 2, reading.bounds[end] if begin != end else 0)
    masked = list(reading.units[low:left])
    masked[first - low] = "@A" if meeting.a == first else "@B"
    words = reading.names[low:left]
    if right > left or begin != end:
        masked.append("@|")
        words.append("|")
    place = len(masked) + last - right
    masked += reading.units[right:high]
    words += reading.names[right:high]
    if first == last:
        masked[first - low] = "@AB"
        return masked, words, first - low, first - low
    masked[place] = "@B" if meeting.a == first else "@A"
    ends = (first - low, place) if meeting.a == first else (place, first - low)
    return masked, words, *ends
