"""Whether a rewritten text still says what its template said, and where the names of its entities stand in it now.

A model that rewords may drop a name, sharpen "may treat" to "treats", or turn cause and effect round. So each sentence is read by
its words (`meaning_words`): how sure it is, what kind of claim it makes, which entities it names. Every fact must
be found again in one sentence with the same readings, and every new sentence must hold such facts and nothing else. What
fails keeps its template, with a reason. The check is strict on purpose: a good rewrite that is refused costs nothing, a
bad one that passes teaches a model something false. About 100 microseconds a sentence.

It does not see what no listed word tells: an adjective put before a name ("severe asthma"), or another tense. Rejected: a
model that judges the rewriting model (costly, and itself to be checked), and comparing embeddings (blind to "not").
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from kg.meaning_words import Meaning, meaning_in
from kg.passage_rows import Relation, Sentence, Span
from pipeline.sentences import split_sentences

__all__ = ["Passage", "check_rewrite"]

_NAME = "\ue000"
_SHORTEST, _LONGEST = 0.5, 2.0
_NUMBER = re.compile(
    r"(?<![A-Za-z\d])\d+(?:[.,:/]\d+)*(?:\s?(?:%|‰|[mkµμ]?g|[mµμ]?l|[mck]?m|mmol|mol|IU|U)(?![A-Za-z]))?"
)
_NUMBER_WORD = re.compile(
    r"\b(?:two|three|four|five|six|seven|eight|nine|ten|twelve|hundred|thousand|million|half|twice)\b", re.I
)
_HAN = re.compile(r"[\u3400-\u9fff]")
_LATIN_WORD = re.compile(r"[A-Za-z]{2,}")
_SYMBOL = re.compile(r"\b(?=\w*\d)(?=\w*[A-Za-z])[\w-]+|\b\w*[a-z0-9-][A-Z]\w*|\b[A-Z][A-Z-]+[A-Z]\w*")
_CAPITALISED = re.compile(r"(?<![.!?] )(?<!^)\b[A-Z][a-z]+\b")
_WORD = re.compile(r"\w+(?:['’-]\w+)*")


class Passage(NamedTuple):
    """A text with the places of its sentences, names and claims, as a row of PASSAGES has them."""

    text: str
    sentences: Sequence[Sentence]
    spans: Sequence[Span]
    relations: Sequence[Relation]


class _Reading(NamedTuple):
    """What is read from one sentence.

    Attributes:
        places: the first span of each entity (index into the passage's spans).
        masked: the sentence with each name as one character.
        order: the entities in the order of these characters.
    """

    places: dict[str, int]
    masked: str
    order: list[str]
    stance: str
    claims: frozenset[str]


def check_rewrite(old: Passage, text: str, language: str, named: Iterable[Span] = ()) -> Passage | str:
    """The rewritten passage with its names found again, or the reason why it cannot stand for the old one.

    Args:
        old: sentences from templates, each with the names of two or more entities.
        text: what the model wrote, on one line.
        language: ISO 639-1 code.
        named: all names that a reader of the vocabulary finds in the text.

    Returns:
        a reason is one of: unfinished, too-short, too-long, other-language, number-changed, name-lost, name-added, sentence-added,
        fact-lost, certainty-changed, claim-changed, roles-swapped.
    """
    if not text.endswith((".", "!", "。", "！")):
        return "unfinished"
    if not _SHORTEST * len(old.text) <= len(text) <= _LONGEST * len(old.text):
        return "too-short" if len(text) < len(old.text) else "too-long"
    spans = list(_find_names(old, text))
    if {span[2] for span in old.spans} - {span[2] for span in spans}:
        return "name-lost"
    new = Passage(text, split_sentences(text), spans, ())
    if reason := _words_added(old, new, language, named):
        return reason
    before = [_read(old, sentence, language) for sentence in old.sentences]
    after = [_read(new, sentence, language) for sentence in new.sentences]
    if reason := _facts_changed(before, after, meaning_in(language)):
        return reason
    relations = []
    for subject, predicate, object_, source in old.relations:
        ends = old.spans[subject][2], old.spans[object_][2]
        home = next(
            reading for reading in before if reading.places.get(ends[0]) is not None and set(ends) <= set(reading.order)
        )
        there = next(
            r for r in after if set(ends) <= set(r.order) and (r.stance, r.claims) == (home.stance, home.claims)
        )
        relations.append((there.places[ends[0]], predicate, there.places[ends[1]], source))
    return new._replace(relations=relations)


def _facts_changed(before: list[_Reading], after: list[_Reading], meaning: Meaning) -> str | None:
    """The first reason why the new sentences do not hold the old facts; None where they hold them and nothing else.

    A sentence that holds several facts must make one kind of claim, as sure of all: "treats A and causes B" may be "causes A and treats B".
    """
    for fact in before:
        homes = [reading for reading in after if set(fact.order) <= set(reading.order)]
        if not homes:
            return "fact-lost"
        if reason := _difference(fact, homes, meaning):
            return reason
    for reading in after:
        entities = set(reading.order)
        facts = [fact for fact in before if set(fact.order) <= entities]
        if not entities or set().union(*(fact.order for fact in facts)) != entities:
            return "sentence-added"
        for entity in sorted(entities):
            if reason := _difference(reading, [fact for fact in facts if entity in fact.places], meaning, turned=True):
                return reason
    return None


def _difference(one: _Reading, others: list[_Reading], meaning: Meaning, *, turned: bool = False) -> str | None:
    """None where one of the others says the same of the same entities, else what differs in all of them."""
    others = [other for other in others if other.stance == one.stance]
    if not others:
        return "certainty-changed"
    others = [other for other in others if other.claims == one.claims]
    if not others:
        return "claim-changed"
    pairs = [(other, one) if turned else (one, other) for other in others]
    return "roles-swapped" if all(_swapped(fact, reading, meaning) for fact, reading in pairs) else None


def _swapped(fact: _Reading, reading: _Reading, meaning: Meaning) -> bool:
    """Whether the one that acts and the one acted upon have changed places: their order changed without the voice, or the voice alone."""
    if fact.claims & meaning.mutual or len(fact.places) != 2:
        return False
    first, second = dict.fromkeys(fact.order)
    old = _around(fact, first, second)
    same_order = reading.order.index(first) < reading.order.index(second)
    new = _around(reading, first, second) if same_order else _around(reading, second, first)
    inversion_changed = bool(meaning.inverted.search(old)) != bool(meaning.inverted.search(new))
    return same_order == inversion_changed


def _around(reading: _Reading, first: str, second: str) -> str:
    """What stands between two names, and behind the second up to the next name."""
    pieces = reading.masked.split(_NAME)
    start, stop = reading.order.index(first), reading.order.index(second)
    return _NAME.join(pieces[start + 1 : stop + 2])


def _words_added(old: Passage, new: Passage, language: str, named: Iterable[Span]) -> str | None:
    """A reason where numbers differ, or where the new text holds symbols, proper names or names of entities that the old one has not."""
    bare_old, bare_new = _mask(old.text, old.spans), _mask(new.text, new.spans)
    if _numbers(bare_old) != _numbers(bare_new):
        return "number-changed"
    if language == "zh":
        if set(_LATIN_WORD.findall(bare_new)) - set(_LATIN_WORD.findall(bare_old)):
            return "other-language"
    elif _HAN.search(bare_new) and not _HAN.search(bare_old):
        return "other-language"
    for kind in (_SYMBOL, _CAPITALISED):
        if set(kind.findall(bare_new)) - set(_WORD.findall(bare_old)):
            return "name-added"
    was = old.text.lower()
    for start, end, _, _ in named:
        inside = any(start >= a and end <= b for a, b, _, _ in new.spans)
        if not inside and new.text[start:end].lower() not in was:
            return "name-added"
    return None


def _numbers(text: str) -> Counter[str]:
    found = [re.sub(r"\s", "", number) for number in _NUMBER.findall(text)]
    return Counter(found + [word.lower() for word in _NUMBER_WORD.findall(text)])


def _find_names(old: Passage, text: str) -> Iterator[Span]:
    """Every place in the new text where a name stands as the old one wrote it, but for the case of its first letter; longest first."""
    concepts: dict[str, tuple[str, str]] = {}
    for start, end, curie, category in old.spans:
        name = old.text[start:end]
        for form in (name, name[:1].upper() + name[1:], name[:1].lower() + name[1:]):
            concepts.setdefault(form, (curie, category))
    for match in _one_of(tuple(sorted(concepts, key=lambda form: (-len(form), form)))).finditer(text):
        yield (*match.span(), *concepts[match.group()])


@lru_cache(maxsize=1024)
def _one_of(forms: tuple[str, ...]) -> re.Pattern[str]:
    # A Latin letter or digit must not go on beyond a name; between Han there are no borders of words.
    letter = "[A-Za-z0-9\u00c0-\u024f]"
    parts = [
        (rf"(?<!{letter})" if re.match(letter, f) else "")
        + re.escape(f)
        + (rf"(?!{letter})" if re.match(letter, f[-1]) else "")
        for f in forms
    ]
    return re.compile("|".join(parts))


def _mask(text: str, spans: Iterable[Span]) -> str:
    pieces, at = [], 0
    for start, end, _, _ in sorted(spans):
        pieces += [text[at:start], _NAME]
        at = end
    return "".join([*pieces, text[at:]])


def _read(passage: Passage, sentence: Sentence, language: str) -> _Reading:
    start, end = sentence
    inside = [(i, span) for i, span in enumerate(passage.spans) if start <= span[0] and span[1] <= end]
    places: dict[str, int] = {}
    for i, span in inside:
        places.setdefault(span[2], i)
    local = [(a - start, b - start, curie, category) for _, (a, b, curie, category) in inside]
    masked = _mask(passage.text[start:end], local)
    meaning = meaning_in(language)
    return _Reading(places, masked, [span[2] for span in sorted(local)], meaning.stance(masked), meaning.claims(masked))
