"""The mentions of texts, whatever found them: a dictionary's names, a recogniser's spans, definitions, links.

What the spaCy components and the bulk reader share. A name of the vocabulary brings its concept. A recogniser's span is linked: its
document's spans together, documents in batches. Where a recogniser is at work, the dictionary gives what lies over none of its spans.
A span that the linker has no concept for stays, without one. A recogniser's span in Chinese characters is linked by its name alone,
since the linker's words and 3-grams say nothing there; where it has none, the names inside it are mentions in its place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.abbreviations import definitions_beside
from pipeline.chemical_spans import whole_chemicals
from pipeline.finders import FoundSpan, category_of_label
from pipeline.han import has_han
from pipeline.mention_spans import Mention, Span, carry_definitions, is_free, resolve_overlaps, with_context
from pipeline.name_senses import CHEMICALS
from pipeline.names import NameMatch
from pipeline.vocabulary_index import VocabularyIndex

if TYPE_CHECKING:
    from pipeline.linking.linker import Linker, Query

__all__ = ["Extractor", "Part"]


@dataclass(frozen=True, slots=True)
class Part:
    """A text to be read, and what is known of it.

    Attributes:
        sentences: their offsets, in order.
        definitions: short forms with the offsets of their long forms.
        names: what the matcher found; None where it is not at work.
        found: what a recogniser found; None where there is none.
        finder: the recogniser's name.
    """

    text: str
    sentences: Sequence[tuple[int, int]]
    definitions: Mapping[str, tuple[int, int]]
    names: Sequence[NameMatch] | None = None
    found: Sequence[FoundSpan] | None = None
    finder: str = ""


class Extractor:
    """Makes mentions of names and spans, with one vocabulary and, where recognisers' spans are to be linked, one linker."""

    def __init__(self, index: VocabularyIndex | None, linker: str | None = None, encoder: str | None = None) -> None:
        self.index = index
        self._model, self._encoder = linker, encoder

    @cached_property
    def linker(self) -> Linker | None:
        """The linker, opened when the first span without a concept comes; None without a vocabulary."""
        if self.index is None:
            return None
        from pipeline.linking.linker import Linker

        return Linker.open(self.index.linking, Path(self._model).expanduser() if self._model else None, self._encoder)

    def names(self, text: str) -> list[NameMatch]:
        """The names of the vocabulary in a text."""
        return [*self.index.matcher.find(text)] if self.index else []

    def read(self, parts: Sequence[Part]) -> list[list[Mention]]:
        """The mentions of each text, in order."""
        spans = [self._spans(part) for part in parts]
        if any(part.found for part in parts):
            spans = self._linked(parts, spans)
        return [with_context(part.text, part.sentences, some) for part, some in zip(parts, spans, strict=True)]

    def _spans(self, part: Part) -> list[Span]:
        text = part.text
        names = whole_chemicals(text, part.names or (), CHEMICALS)
        spans = [Span(n.start, n.end, n.concept.category, n.concept.curie, n.concept.score) for n in names]
        if part.found:
            spans = self._with_found(text, spans, part.found, part.finder)
        # What stands beside a known span is a surer definition.
        beside = definitions_beside(text, [(span.start, span.end) for span in spans])
        lookup = self.index.matcher.lookup if self.index else lambda _: None
        return carry_definitions(text, spans, {**part.definitions, **beside}, lookup)

    def _with_found(self, text: str, names: list[Span], found: Sequence[FoundSpan], finder: str) -> list[Span]:
        """The names, with what a recogniser found; where they overlap, one of them."""
        spans = []
        taken = [(name.start, name.end) for name in names]
        for f in found:
            span = Span(f.start, f.end, category_of_label(f.label), None, f.score, None, finder)
            surface = text[f.start : f.end]
            if has_han(surface):
                concept = self.index.matcher.lookup(surface) if self.index else None
                if concept is not None:
                    span = span._replace(curie=concept.curie, category=concept.category, score=concept.score)
                elif not is_free(taken, f.start, f.end):
                    continue
            spans.append(span)
        return resolve_overlaps([*names, *spans])

    def _linked(self, parts: Sequence[Part], spans: Sequence[list[Span]]) -> list[list[Span]]:
        """The spans with concepts for those that have none, of one text together."""
        linker = self.linker
        if linker is None:
            return [*spans]
        documents = [
            (part.text, [_query(part.text, s) for s in some if _is_open(part.text, s)])
            for part, some in zip(parts, spans, strict=True)
        ]
        linked: list[list[Span]] = []
        for part, some, links in zip(parts, spans, linker.link_many(documents, k=1), strict=True):
            best = iter(links)
            row: list[Span] = []
            for span in some:
                link = next(iter(next(best)), None) if _is_open(part.text, span) else None
                if link is not None and link.probability >= linker.none_threshold:
                    row.append(
                        span._replace(curie=link.curie, category=link.category, score=round(link.probability, 6))
                    )
                else:
                    row.append(span)
            linked.append(row)
        return linked


def _is_open(text: str, span: Span) -> bool:
    """Whether a span is the linker's to link."""
    return span.curie is None and not has_han(text[span.start : span.end])


def _query(text: str, span: Span) -> Query:
    from pipeline.linking.linker import Query

    kind = None if span.category == "biolink:NamedThing" else span.category
    return Query(span.start, span.end, text[span.start : span.end], kind, span.expanded)
