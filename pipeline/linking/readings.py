"""The ways to read a mention in its document: as it stands, as the long form it abbreviates, as the other name beside it.

Each reading is a text that candidates are searched for; the re-ranker learns what each kind is worth. Definitions count for the whole
document, wherever they stand in it. The other mentions of the document help: a long form ends where a mention does, "adriamycin
(doxorubicin)" is one thing under two names, and a short form without a definition may abbreviate a mention of its own type.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipeline.abbreviations import is_short_form
from pipeline.linking.definitions import find_definitions, is_short
from pipeline.linking.paraphrases import paraphrases
from pipeline.linking.types import family_of

__all__ = ["READINGS", "Query", "Reading", "readings_of"]

#: Kinds of reading, with the words that explain them.
READINGS: dict[str, str] = {
    "plain": "read as it stands",
    "bare_short": "a short form without a definition",
    "defined_short": "a short form that the document defines",
    "long_form": "the long form that the document gives",
    "expanded": "a short form inside it written out",
    "beside": "the other name beside it",
    "abbreviated_mention": "another mention that it abbreviates",
    "part": "a part of an enumeration",
    "paraphrase": "in other words",
    "general": "in more general words",
}


@dataclass(frozen=True, slots=True)
class Query:
    """A mention of a document, at code points [start, end), to be linked.

    Attributes:
        text: its text.
        type: a Biolink class or a corpus's word for one, None where it is not known.
        long_form: what it abbreviates, where the caller knows; the document's definitions are found without.
    """

    start: int
    end: int
    text: str
    type: str | None = None
    long_form: str | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read a mention: the text to search for, and the place of its kind in `READINGS`."""

    text: str
    kind: int


_KINDS = {name: place for place, name in enumerate(READINGS)}
_INSIDE = re.compile(r"\s*[(\[][^()\[\]]{1,40}[)\]]")
_JOINT = re.compile(r"\s*(?:,\s*(?:and|or)|,|/|\band/or\b|\band\b|\bor\b)\s+|/")
_MAXIMUM = 8


def readings_of(text: str, queries: Sequence[Query]) -> list[list[Reading]]:
    """The readings of each mention of a document, the mention as it stands first, at most eight each."""
    spans = {query.end: query for query in sorted(queries, key=lambda q: (q.end, -q.start))}
    definitions = {
        short: _long_form(text, span, short, spans)
        for short, span in (find_definitions(text) if "(" in text or "[" in text else {}).items()
    }
    beside = _beside(text, queries)
    longer: dict[str | None, list[str]] = {}
    for query in queries:
        if len(query.text) > 5:
            longer.setdefault(family_of(query.type), []).append(query.text)
    known: dict[Query, list[Reading]] = {}
    result = []
    for query in queries:
        key = Query(0, 0, query.text, query.type, query.long_form)
        if key not in known:
            family = longer.get(family_of(query.type), [])
            found = dict.fromkeys(_readings(query, definitions, beside.get(query.text, ()), family))
            known[key] = [Reading(form, kind) for form, kind in found][:_MAXIMUM]
        result.append(known[key])
    return result


def _long_form(text: str, span: tuple[int, int], short: str, ends: dict[int, Query]) -> str:
    """The text of a definition; where a mention ends with it and fits the letters, that mention."""
    mention = ends.get(span[1])
    if mention is not None and mention.start != span[0] and is_short_form(short, mention.text):
        return mention.text
    return text[span[0] : span[1]]


def _beside(text: str, queries: Sequence[Query]) -> dict[str, list[str]]:
    """Mentions of one type that stand one in brackets behind the other, by their texts."""
    found: dict[str, list[str]] = {}
    starts = {query.start: query for query in queries}
    for query in queries:
        gap = text[query.end : query.end + 2]
        other = starts.get(query.end + (2 if gap in (" (", " [") else 1))
        if gap[:1] not in ("(", "[") and gap not in (" (", " ["):
            continue
        if (
            other is not None
            and text[other.end : other.end + 1] in (")", "]")
            and family_of(other.type) == family_of(query.type)
        ):
            found.setdefault(query.text, []).append(other.text)
            found.setdefault(other.text, []).append(query.text)
    return found


def _readings(
    query: Query, definitions: dict[str, str], beside: Sequence[str], longer: Sequence[str]
) -> Iterator[tuple[str, int]]:
    text = query.text
    long_form = query.long_form or definitions.get(text) or (definitions.get(text[:-1]) if text.endswith("s") else None)
    short = is_short(text) and len(text.split()) == 1
    yield text, _KINDS["defined_short" if long_form else "bare_short" if short else "plain"]
    if long_form:
        yield long_form, _KINDS["long_form"]
    else:
        words = text.split()
        expanded = " ".join(definitions.get(word, word) for word in words)
        if len(words) > 1 and expanded != " ".join(words):
            yield expanded, _KINDS["expanded"]
    bare = _INSIDE.sub("", text).strip()
    if bare and bare != text:
        yield bare, _KINDS["expanded"]
    for other in beside:
        if other not in (text, long_form):
            yield other, _KINDS["beside"]
    if short and not long_form:
        fitting = [other for other in dict.fromkeys(longer) if other != text and is_short_form(text, other)]
        by_initials = [
            other for other in fitting if _initials(other) == "".join(c for c in text if c.isalnum()).lower()
        ]
        yield from ((other, _KINDS["abbreviated_mention"]) for other in (by_initials or fitting)[:3])
    yield from ((part, _KINDS["part"]) for part in _parts(text))
    yield from (
        (other, _KINDS["general" if general else "paraphrase"]) for other, general in paraphrases(long_form or text)
    )


def _initials(text: str) -> str:
    return "".join(word[0] for word in re.findall(r"[^\W_]+", text)).lower()


def _parts(text: str) -> Iterator[str]:
    """The members of an enumeration that shares its last word: "breast and ovarian cancer"."""
    pieces = [piece for piece in _JOINT.split(text) if piece]
    if len(pieces) < 2 or len(pieces) > 4:
        return
    head = pieces[-1].split()
    for piece in pieces:
        yield piece
        if piece is not pieces[-1] and len(head) > 1:
            yield f"{piece} {head[-1]}"
