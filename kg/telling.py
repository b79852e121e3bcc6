"""Facts into text: names and templates at hand, and the offsets of all that is named.

Which of several phrasings and names a fact gets depends on digits of its id, other digits for each use, so that a new triple
rewords no other. Three times in four an entity has its preferred name, else one of its exact synonyms.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

import pyarrow as pa

from kg.languages import Concept, Language, SurfaceName
from kg.passage_rows import Relation, Sentence, Span

__all__ = ["AFFIRMED", "Fact", "Quotation", "Teller", "Told", "digits_of", "stance_of"]

#: Stances that state the triple as true, with more or less certainty.
AFFIRMED = frozenset({"high", "middle", "low"})

_DIGITS = 12
_MARKUP = re.compile(r"<[^<>]*>|[\r\n]")
_PREFERRED = 192


class Fact(NamedTuple):
    """One triple as it will be told: columns of TRIPLES by their names, and last how it is told (`stance_of`)."""

    subject: str
    split: str
    triple_id: str
    subject_category: str
    predicate: str
    object: str
    object_category: str
    direction: str | None
    belief: float
    support: float
    contradiction: float
    contested: bool
    evidence_ids: list[str]
    doc_ids: list[str]
    stance: str = "low"


class Told(NamedTuple):
    """The text of a passage, and what stands where in it."""

    text: str
    sentences: list[Sentence]
    spans: list[Span]
    relations: list[Relation]


class Quotation(NamedTuple):
    """A sentence of a paper, with the places of what it names."""

    evidence_id: str
    doc_id: str
    language: str
    sentence: str
    mentions: list[Span]


#: Sentences with the spans of their names.
Sentences = Sequence[tuple[str, list[Span]]]


def stance_of(
    belief: float,
    support: float,
    contradiction: float,
    *,
    contested: bool,
    high: float,
    middle: float,
    minimum_belief: float,
) -> str | None:
    """How a triple is told: `high`, `middle`, `low`, `denied`, `contested`, or None where it is not told.

    Contested comes first: where both sides have much evidence, neither "treats" nor "was not found to treat" is true.
    A claim is denied where the evidence against it outweighs the evidence for it.

    Args:
        high, middle: least beliefs of claims told as facts, and as reported.
    """
    if contested:
        return "contested" if max(support, contradiction) >= minimum_belief else None
    if contradiction > support:
        return "denied" if contradiction >= minimum_belief else None
    if belief < minimum_belief:
        return None
    return "high" if belief >= high else "middle" if belief >= middle else "low"


def digits_of(triple_id: str, use: int) -> int:
    """Digits of a triple's id that choose how it is told; others for each use, from 0 to 4."""
    return int(triple_id[_DIGITS * use : _DIGITS * (use + 1)], 16)


class Teller:
    """Tells facts in one language.

    Args:
        language: its names and templates.
        concepts: VOCABULARY rows of all that may be named.
        ambiguous: names, in lower case, that several concepts have: never told in place of the preferred name.
    """

    def __init__(self, language: Language, concepts: pa.Table, ambiguous: Collection[str] = frozenset()) -> None:
        self.language = language
        self._ambiguous = ambiguous
        columns = (concepts[name].to_pylist() for name in Concept._fields)
        self.concepts: dict[str, Concept] = {}
        self.names: dict[str, SurfaceName] = {}
        self._known: set[str] = set()
        #: Entities whose name the vocabulary writes with markup or line ends.
        self.marked_up: set[str] = set()
        self._others: dict[str, tuple[SurfaceName, ...]] = {}
        for row in zip(*columns, strict=True):
            concept = Concept._make(row)
            if concept.translations or _MARKUP.sub("", concept.name or "").strip():
                self._known.add(concept.curie)
            if concept.name and _MARKUP.search(concept.name):
                self.marked_up.add(concept.curie)
            if (name := language.name_of(concept)) is not None:
                self.concepts[concept.curie] = concept
                self.names[concept.curie] = name

    def stance(self, fact: Fact, minimum_belief: float = 0.0) -> str | None:
        """How a fact is told."""
        phrases = self.language.phrases
        return stance_of(
            fact.belief, fact.support, fact.contradiction, contested=fact.contested,
            high=phrases.high, middle=phrases.middle, minimum_belief=minimum_belief,
        )  # fmt: skip

    def has_words(self, fact: Fact) -> bool:
        """Whether there are words for the predicate of a fact."""
        return bool(self.language.phrases.of(fact.predicate, "low"))

    def nameless(self, fact: Fact) -> list[str]:
        """Those of its two entities that have no name in this language."""
        return [curie for curie in (fact.subject, fact.object) if curie not in self.names]

    def can_tell(self, fact: Fact) -> bool:
        """Whether there are words and names for a fact."""
        return not self.nameless(fact) and self.has_words(fact)

    def knows(self, curie: str) -> bool:
        """Whether a vocabulary names an entity, in whatever language."""
        return curie in self._known

    def opening(self, curie: str) -> Told | None:
        """What defines an entity and gives its other names; None where the vocabulary has neither."""
        sentences = list(self.language.opening(self.concepts[curie], self.names[curie], self._ambiguous))
        return self._with(Told("", [], [], []), sentences) if sentences else None

    def quote(self, told: Told, fact: Fact, quotation: Quotation) -> Told:
        """A fact that was told, followed by a sentence of a paper that says it."""
        ways = self.language.phrases.quotations
        way = ways[int(fact.triple_id[-6:], 16) % len(ways)]
        begin = way.index("{quotation}")
        spans = [(start + begin, end + begin, curie, category) for start, end, curie, category in quotation.mentions]
        return self._with(told, [(way.replace("{quotation}", quotation.sentence), spans)])

    def _with(self, told: Told, more: Sentences) -> Told:
        """A passage with sentences added at its end."""
        text, sentences, spans = told.text, list(told.sentences), list(told.spans)
        for sentence, found in more:
            at = len(text) + len(self.language.between) if text else 0
            text = f"{text}{self.language.between}{sentence}" if text else sentence
            sentences.append((at, len(text)))
            spans += [(start + at, end + at, curie, category) for start, end, curie, category in found]
        return Told(text, sentences, spans, told.relations)

    def tell(self, facts: Iterable[tuple[Fact, int]], *, fixed: Collection[str] = ()) -> Told:
        """Facts in sentences.

        Args:
            facts: each with the digits that choose its phrasing and names (`digits_of`).
            fixed: entities told by their preferred name throughout, as what holds the sentences together.
        """
        texts: list[str] = []
        sentences: list[Sentence] = []
        spans: list[Span] = []
        relations: list[Relation] = []
        at = 0
        between = self.language.between
        gap = len(between)
        names, of = self.names, self.language.phrases.of
        for fact, digits in facts:
            subject, object_ = names[fact.subject], names[fact.object]
            if digits & 255 >= _PREFERRED and fact.subject not in fixed:
                subject = self._other(fact.subject, digits & 255)
            if digits >> 8 & 255 >= _PREFERRED and fact.object not in fixed:
                object_ = self._other(fact.object, digits >> 8 & 255)
            ways = of(
                fact.predicate, fact.stance, subject.plural, object_.plural,
                fact.direction, fact.subject_category, fact.object_category,
            )  # fmt: skip
            subject_first, before, middle, after = ways[(digits >> 16) % len(ways)]
            first, second = (subject, object_) if subject_first else (object_, subject)
            first_text = first.text if before else first.initial
            text = f"{before}{first_text}{middle}{second.text}{after}"
            one = at + len(before)
            two = one + len(first_text) + len(middle)
            here = len(spans)
            if subject_first:
                spans.append((one, one + len(first_text), fact.subject, fact.subject_category))
                spans.append((two, two + len(second.text), fact.object, fact.object_category))
            else:
                spans.append((one, one + len(first_text), fact.object, fact.object_category))
                spans.append((two, two + len(second.text), fact.subject, fact.subject_category))
            if fact.stance in AFFIRMED:
                relations.append((here + (not subject_first), fact.predicate, here + subject_first, fact.triple_id))
            sentences.append((at, at + len(text)))
            texts.append(text)
            at += len(text) + gap
        return Told(between.join(texts), sentences, spans, relations)

    def _other(self, curie: str, number: int) -> SurfaceName:
        """A name that may stand in place of the preferred one, where there is any."""
        others = self._others.get(curie)
        if others is None:
            found = self.language.other_names_of(self.concepts[curie], self.names[curie])
            others = self._others[curie] = tuple(n for n in found if n.text.lower() not in self._ambiguous)
        return others[number % len(others)] if others else self.names[curie]
