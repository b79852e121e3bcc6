"""Features of a candidate pair: strings, each present or not, hashed to 32 bits.

They are what feature-based systems for these corpora found to work (Gu et al. 2016, doi:10.1093/database/baw042; Chowdhury and Lavelli
2013, doi:10.3115/v1/S13-2057; Peng et al. 2016, doi:10.1186/s13321-016-0165-z), without a parser: the words between and around the
closest mentions in one sentence, how near the two come and what competes with them, where in the document they stand and how
often, and the words of their names.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple
from zlib import crc32

from pipeline.relations.reading import Reading

__all__ = ["Meeting", "closest_meetings", "features_of", "hashed"]

#: What joins the members of a list. A mention inside a list takes part in what is said of the list.
_JOINTS = frozenset({",", "and", "or", "/", "(", ")", "-", "+", "&", "the", "other"})

#: Meetings in one sentence that are looked at, the closest first.
MEETINGS = 3


class Meeting(NamedTuple):
    """Two mentions, one of each entity: units that stand between them, sentences from one to the other, their places."""

    between: int
    sentences: int
    a: int
    b: int


def hashed(features: Sequence[str]) -> list[int]:
    """CRC-32 of each feature, each once, sorted: the same on every machine."""
    return sorted({crc32(feature.encode("utf-8", "surrogatepass")) for feature in features})


def closest_meetings(reading: Reading, a: int, b: int, limit: int = MEETINGS) -> list[Meeting]:
    """The closest mentions of two entities, same-sentence ones first; ties by their place."""
    sentence = reading.sentence_of
    found = []
    for one in reading.entities[a].units:
        for other in reading.entities[b].units:
            apart = abs(sentence[one] - sentence[other])
            found.append((apart, abs(one - other) - 1, one, other))
    found.sort()
    return [Meeting(between, apart, one, other) for apart, between, one, other in found[:limit]]


def _step(number: int) -> str:
    """A count in steps that grow: 0, 1, 2, 3, 4, 6, 9, 14, 20, more."""
    for limit in (0, 1, 2, 3, 4, 6, 9, 14, 20):
        if number <= limit:
            return str(limit)
    return "more"


def features_of(reading: Reading, a: int, b: int, meetings: Sequence[Meeting]) -> list[str]:
    """The features of a pair of entities, by their places in the reading."""
    kinds = f"{reading.entities[a].type}:{reading.entities[b].type}"
    out = ["bias", f"kinds={kinds}"]
    out += _names(reading, a, "a")
    out += _names(reading, b, "b")
    near = [meeting for meeting in meetings if meeting.sentences == 0]
    for rank, meeting in enumerate(near):
        out += _sentence(reading, meeting, "s0" if rank == 0 else "s1")
    if not near:
        out += _apart(reading, meetings[0])
    out += _document(reading, a, b, meetings[0], len(near))
    return out


def _names(reading: Reading, place: int, end: str) -> Iterator[str]:
    entity = reading.entities[place]
    yield f"{end}id={entity.key}"
    for name in entity.names:
        words = name.split()
        yield f"{end}n={name}"
        yield f"{end}h={words[-1] if words else ''}"
        for word in words:
            yield f"{end}w={word}"
        yield f"{end}s={name[-4:]}"
        yield f"{end}p={name[:4]}"


def _marks(reading: Reading, one: int, other: int, low: int, high: int) -> list[str]:
    """Units of a window with the pair marked and other mentions by their type; a mention that stands for both is `@AB`."""
    units = reading.units[low:high]
    if low <= one < high:
        units[one - low] = "@A"
    if low <= other < high:
        units[other - low] = "@AB" if one == other else "@B"
    return units


def _sentence(reading: Reading, meeting: Meeting, slot: str) -> Iterator[str]:
    sentence = reading.sentence_of[meeting.a]
    low, high = reading.bounds[sentence], reading.bounds[sentence + 1]
    units = _marks(reading, meeting.a, meeting.b, low, high)
    first, last = sorted((meeting.a - low, meeting.b - low))
    order = "ab" if meeting.a < meeting.b else "ba"
    gap = units[first + 1 : last]
    yield f"{slot}order={order}"
    yield f"{slot}gap={_step(len(gap))}"
    yield f"{slot}gap={_step(len(gap))}{order}"
    between = [unit for unit in gap if unit[0] == "@"]
    yield f"{slot}others={_step(len(between))}"
    for unit in set(between):
        yield f"{slot}other={unit}{order}"
    if len(gap) <= 5:
        yield f"{slot}all={order} {' '.join(gap)}"
    near = "n" if len(gap) <= 6 else "f"
    for unit in set(gap):
        yield f"{slot}m={unit}"
        yield f"{slot}m={unit}{order}{near}"
    path = [units[first], *gap, units[last]]
    for x, y in pairwise(path):
        yield f"{slot}2={x} {y}"
    for x, y, z in zip(path, path[1:], path[2:], strict=False):
        yield f"{slot}3={x} {y} {z}"
    before, after = units[max(first - 4, 0) : first], units[last + 1 : last + 5]
    for distance, unit in enumerate(reversed(before)):
        yield f"{slot}l={unit}{order}"
        yield f"{slot}l{distance}={unit}{order}"
    for distance, unit in enumerate(after):
        yield f"{slot}r={unit}{order}"
        yield f"{slot}r{distance}={unit}{order}"
    yield f"{slot}l2={' '.join(before[-2:])}{order}"
    yield f"{slot}r2={' '.join(after[:2])}{order}"
    for unit in set(units):
        yield f"{slot}w={unit}"
    yield from _around_lists(units, first, last, order, slot)
    if slot == "s0":
        yield f"ends={order} {units[first + 1] if gap else ''} .. {units[last - 1] if gap else ''}"


def _around_lists(units: Sequence[str], first: int, last: int, order: str, slot: str) -> Iterator[str]:
    """What stands between and around the two once the lists that they are members of are taken out.

    "A interacts with x, y and B" then reads as "A interacts with B", and of "x and A reduce the effect of B" the words before are none.
    """
    low, high = first + 1, last
    while high > low and _listed(units[high - 1]):
        high -= 1
    while low < high and _listed(units[low]):
        low += 1
    start, end = first, last + 1
    while start > 0 and _listed(units[start - 1]):
        start -= 1
    while end < len(units) and _listed(units[end]):
        end += 1
    core = units[low:high]
    left = any(unit[0] == "@" for unit in units[first + 1 : low])
    right = any(unit[0] == "@" for unit in units[high:last])
    if not core:
        yield f"{slot}coordinated={left or right}"
        path = units[first + 1 : last]
        yield f"{slot}joint={' '.join('@' if unit[0] == '@' else unit for unit in path[:5])}"
    else:
        yield f"{slot}lists={left}{right}"
        yield f"{slot}core={_step(len(core))}"
        if len(core) <= 7:
            yield f"{slot}core={order} {' '.join(core)}"
        path = ["<", *core, ">"]
        for x, y in pairwise(path):
            yield f"{slot}c2={x} {y}"
        for x, y, z in zip(path, path[1:], path[2:], strict=False):
            yield f"{slot}c3={order} {x} {y} {z}"
        yield f"{slot}ce={order} {' '.join(core[:2])} .. {' '.join(core[-2:])}"
    state = "c" if not core else ""
    before, after = units[max(start - 3, 0) : start], units[end : end + 3]
    for unit in before:
        yield f"{slot}cl={unit}{order}{state}"
    for unit in after:
        yield f"{slot}cr={unit}{order}{state}"
    yield f"{slot}cl2={' '.join(before[-2:])}{order}{state}"
    yield f"{slot}cr2={' '.join(after[:2])}{order}{state}"
    yield f"{slot}cr3={' '.join(after)}{order}{state}"


def _listed(unit: str) -> bool:
    return unit in _JOINTS or unit[0] == "@"


def _apart(reading: Reading, meeting: Meeting) -> Iterator[str]:
    for end, place in (("a", meeting.a), ("b", meeting.b)):
        sentence = reading.sentence_of[place]
        low, high = reading.bounds[sentence], reading.bounds[sentence + 1]
        units = reading.units
        for unit in units[max(place - 3, low) : place]:
            yield f"x{end}l={unit}"
        for unit in units[place + 1 : min(place + 4, high)]:
            yield f"x{end}r={unit}"
        for unit in set(units[low:high]):
            yield f"x{end}w={unit}"
    yield f"xorder={'ab' if meeting.a < meeting.b else 'ba'}"


def _document(reading: Reading, a: int, b: int, closest: Meeting, near: int) -> Iterator[str]:
    one, other = reading.entities[a], reading.entities[b]
    yield f"d={_step(closest.sentences)}"
    yield f"near={_step(near)}"
    sentence = reading.sentence_of
    first = [min(sentence[u] for u in entity.units) for entity in (one, other)]
    last = [max(sentence[u] for u in entity.units) for entity in (one, other)]
    counts = [len(entity.units) for entity in (one, other)]
    most = [max(len(e.units) for e in reading.entities if e.type == entity.type) for entity in (one, other)]
    kinds = [sum(e.type == entity.type for e in reading.entities) for entity in (one, other)]
    for end, place in (("a", 0), ("b", 1)):
        yield f"{end}title={first[place] == 0}"
        yield f"{end}first={_step(first[place])}"
        yield f"{end}last={len(reading.bounds) - 2 == last[place]}"
        yield f"{end}count={_step(counts[place])}"
        yield f"{end}share={int(4 * counts[place] / most[place])}"
        yield f"{end}kinds={_step(kinds[place])}"
    yield f"title={first[0] == 0}{first[1] == 0}"
    yield f"titlenear={first[0] == 0}{first[1] == 0}{closest.sentences == 0}"
    yield f"shares={int(4 * counts[0] / most[0])}{int(4 * counts[1] / most[1])}{min(closest.sentences, 2)}"
    together = len({sentence[u] for u in one.units} & {sentence[u] for u in other.units})
    yield f"together={_step(together)}"
    nearer_a, nearer_b = _competition(reading, a, b, closest)
    yield f"nearera={_step(nearer_a)}"
    yield f"nearerb={_step(nearer_b)}"
    yield f"nearest={nearer_a == 0}{nearer_b == 0}{min(closest.sentences, 2)}"
    for end, entity in (("a", one), ("b", other)):
        for name in entity.names[:1]:
            inside = any(name in n and n != name for e in reading.entities if e.type == entity.type for n in e.names)
            yield f"{end}inside={inside}"


def _competition(reading: Reading, a: int, b: int, closest: Meeting) -> tuple[int, int]:
    """How many entities of b's type stand nearer to the mention of a than b does, and of a's type nearer to that of b."""
    reach = abs(closest.a - closest.b)
    counts = []
    for place, kind, skip in ((closest.a, reading.entities[b].type, b), (closest.b, reading.entities[a].type, a)):
        low, high = max(place - reach + 1, 0), place + reach
        rivals = {
            owner for owners in reading.owners[low:high] for owner in owners
            if owner not in (skip, a, b) and reading.entities[owner].type == kind
        }  # fmt: skip
        counts.append(len(rivals))
    return counts[0], counts[1]
