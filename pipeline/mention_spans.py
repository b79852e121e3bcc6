"""From spans found in a text to its mentions: overlaps resolved, definitions carried through the document, context noted.

A span has its concept when a dictionary found it, and only a class when a trained recogniser did; the linker fills these in. All
functions here are linear in the length of the text, or nearly so, whatever the text is.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import NamedTuple, TypedDict

from pipeline.abbreviations import occurrences
from pipeline.context import Scopes, context_of
from pipeline.lexicons import load_yaml
from pipeline.name_senses import Concept

__all__ = ["DICTIONARY", "Mention", "Span", "carry_definitions", "is_free", "resolve_overlaps", "with_context"]

#: Name and version of the dictionary matcher, as the column `finder` has it.
DICTIONARY = "dictionary.v2"


class Span(NamedTuple):
    """A piece of a text, at code points [start, end), that is thought to name something.

    `curie` is null where no concept is known; `score` is then how sure its finder is, else how sure the link is.
    """

    start: int
    end: int
    category: str
    curie: str | None
    score: float
    expanded: str | None = None
    finder: str = DICTIONARY


class Mention(TypedDict):
    """A span as the rows of the mentions table have it; plain values, so that a Doc can be serialized."""

    start: int
    end: int
    text: str
    category: str
    curie: str | None
    score: float
    expanded: str | None
    negated: bool
    hedged: bool
    hypothetical: bool
    experiencer: str
    sentence_start: int
    sentence_end: int
    finder: str


@cache
def _category_order() -> dict[str, int]:
    return {category: place for place, category in enumerate(load_yaml("categories.yaml")["linkable"])}


def resolve_overlaps(spans: Sequence[Span]) -> list[Span]:
    """The spans that stand, in order, none over another: the one place where candidates compete.

    The longer span wins; of two as long, the one of a trained recogniser before the dictionary's, then the surer one, then
    the class that stands first among the linkable ones, then the CURIE, then the one that begins first.
    """
    places = _category_order()

    def rank(span: Span) -> tuple[int, bool, float, int, str, str, int]:
        place = places.get(span.category, len(places))
        return (
            span.start - span.end, span.finder == DICTIONARY, -span.score, place, span.category, span.curie or "", span.start,
        )  # fmt: skip

    taken: list[tuple[int, int]] = []
    kept: list[Span] = []
    for span in sorted(spans, key=rank):
        if span.start < span.end and is_free(taken, span.start, span.end):
            insort(taken, (span.start, span.end))
            kept.append(span)
    return sorted(kept)


def is_free(taken: Sequence[tuple[int, int]], start: int, end: int) -> bool:
    """Whether [start, end) lies over none of the spans, which are in order and apart from one another."""
    after = bisect_left(taken, (start, start))
    return (after == len(taken) or taken[after][0] >= end) and (after == 0 or taken[after - 1][1] <= start)


def carry_definitions(
    text: str,
    spans: Sequence[Span],
    definitions: Mapping[str, tuple[int, int]],
    lookup: Callable[[str], Concept | None],
) -> list[Span]:
    """Spans with every use of the short forms that a text defines, which then mean what their long forms do.

    What a document defines outranks what the vocabulary says of the same letters: such a span of the dictionary gives way.
    A recogniser's span stays, and is told its long form.

    Args:
        spans: in order, without overlap.
        definitions: short forms with the offsets of the long form that each is defined by.
        lookup: the concept of a whole name, for long forms that are no span.
    """
    if not definitions:
        return [*spans]
    by_place = {(span.start, span.end): span for span in spans}
    meanings: dict[str, tuple[Span | None, str]] = {}
    for short, (start, end) in definitions.items():
        long, known = text[start:end], by_place.get((start, end))
        if known is None and (concept := lookup(long)):
            known = Span(start, end, concept.category, concept.curie, concept.score)
        meanings[short] = (known, long)
    kept: list[Span] = []
    for span in spans:
        surface = text[span.start : span.end]
        short = surface if surface in meanings else surface[:-1] if surface.endswith("s") else ""
        if short not in meanings:
            kept.append(span)
        elif span.finder != DICTIONARY:
            kept.append(span._replace(expanded=meanings[short][1]))
    taken = [(span.start, span.end) for span in kept]
    for start, end, short in occurrences(text, meanings):
        known, long = meanings[short]
        if known is not None and is_free(taken, start, end):
            plural = text[end : end + 1] == "s"
            kept.append(known._replace(start=start, end=end + plural, expanded=long))
    return sorted(kept)


def with_context(text: str, sentences: Sequence[tuple[int, int]], spans: Sequence[Span]) -> list[Mention]:
    """The spans as mentions, each with its sentence and what the sentence says about it.

    Args:
        sentences: offsets, in order, as `split_sentences` gives them. A span that runs over the end of one counts to where it begins.
        spans: in order, without overlap.
    """
    mentions: list[Mention] = []
    remaining = iter(sentences)
    begin, finish = next(remaining, (0, len(text)))
    scopes: Scopes | None = None
    for start, end, category, curie, score, expanded, finder in spans:
        while start >= finish:
            begin, finish = next(remaining, (finish, len(text)))
            scopes = None
        if scopes is None:
            scopes = context_of(text[begin:finish])
        a, b = start - begin, end - begin
        mentions.append(
            {
                "start": start,
                "end": end,
                "text": text[start:end],
                "category": category,
                "curie": curie,
                "score": score,
                "expanded": expanded,
                "negated": scopes.is_negated(a, b),
                "hedged": scopes.is_hedged(a, b),
                "hypothetical": scopes.is_hypothetical(a, b),
                "experiencer": scopes.experiencer(a, b),
                "sentence_start": begin,
                "sentence_end": max(finish, end),
                "finder": finder,
            }
        )
    return mentions
