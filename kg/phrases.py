"""Templates of sentences, read from one YAML file a language and compiled to plain string concatenation.

A sentence such as "{object} {object:is|are} treated with {subject}." becomes, for each number of its two entities, three
strings around two names, so that telling a triple costs two additions and no parsing. A file of one's own adds to the shipped one
or replaces entries of it. Rejected: Jinja (50 times slower, and its errors speak of Python), grammars that inflect by rule
(wrong on "herpes" and needless: a template holds both forms).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from typing import NamedTuple

from kg.template_entries import STANCES, Entry, Templates
from kg.template_file import parse_templates
from pipeline.errors import MateriaError
from pipeline.sources import text_of

__all__ = ["STANCES", "Phrase", "Phrases", "fill", "load_phrases", "shipped_templates"]

WordsOf = Callable[[str], Mapping[str, str] | None]


class Phrase(NamedTuple):
    """A sentence around two names: `before + first + between + second + after`.

    Attributes:
        subject_first: whether the first name is the subject's.
    """

    subject_first: bool
    before: str
    between: str
    after: str


_Key = tuple[str, str, bool, bool, str | None, str, str]


@dataclass(frozen=True)
class Phrases:
    """The templates of a language, compiled.

    Attributes:
        templates: what the file says.
        words_of: makes words for a predicate that the file does not have, or None where they cannot be made.
    """

    templates: Templates
    words_of: WordsOf = lambda predicate: None
    _compiled: dict[_Key, list[Phrase]] = field(default_factory=dict)

    @property
    def high(self) -> float:
        """Least belief of a claim that is told as a fact."""
        return self.templates.high

    @property
    def middle(self) -> float:
        """Least belief of one that is told as reported; below it, claims are told as possible."""
        return self.templates.middle

    @property
    def definition(self) -> str:
        """Template with the slots subject, definition."""
        return self.templates.definition

    @property
    def synonyms(self) -> str:
        """Template with the slots subject, synonyms."""
        return self.templates.synonyms

    @property
    def comma(self) -> str:
        """What stands between the names of a list."""
        return self.templates.comma

    @property
    def last(self) -> str:
        """What stands before the last one."""
        return self.templates.last

    @property
    def quotations(self) -> tuple[str, ...]:
        """What a sentence of a paper is put into; slot: quotation."""
        return self.templates.quotations

    def knows(self, predicate: str) -> bool:
        """Whether the file has words for a predicate; others are told with the words of their own name, if at all."""
        return predicate in self.templates.predicates

    def of(  # noqa: PLR0917 - called for each fact, where keywords would cost
        self,
        predicate: str,
        stance: str,
        subject_plural: bool = False,
        object_plural: bool = False,
        direction: str | None = None,
        subject_category: str = "",
        object_category: str = "",
    ) -> list[Phrase]:
        """The ways to tell a claim; empty where there are no words for its predicate.

        Args:
            direction: of an effect, `increased` or `decreased`.
            subject_category, object_category: Biolink classes, which choose among the cases of a predicate.
        """
        key = (predicate, stance, subject_plural, object_plural, direction, subject_category, object_category)
        ways = self._compiled.get(key)
        if ways is None:
            sentences = self._sentences(predicate, stance, direction, subject_category, object_category)
            ways = self._compiled[key] = [_compile(s, subject_plural, object_plural) for s in sentences]
        return ways

    def _sentences(self, predicate: str, stance: str, direction: str | None, subject: str, object_: str) -> list[str]:
        entry = self.templates.predicates.get(predicate)
        if entry is None:
            words = self.words_of(predicate)
            if words is None:
                return []
            entry = Entry(words=dict(words))
        return entry.case_of(direction, subject, object_).sentences(stance, self.templates.forms[stance])


def load_phrases(code: str, own: str | None = None, words_of: WordsOf = lambda predicate: None) -> Phrases:
    """The templates of a language, with those of a file of one's own.

    Args:
        code: ISO 639-1 code.
        own: path or URL of a YAML file with some of the keys of the shipped one: a predicate with words replaces the shipped
            entry, one with `forms` only adds its sentences; `forms` of all predicates, bands and the other keys are replaced.
        words_of: makes words for predicates that the file lacks.

    Raises:
        MateriaError: no templates ship for the language, or a file is wrong; names the file, line and slot.
    """
    # The text is the key of the cache, not the path: a file may be edited while a long-running process lives.
    return _phrases(code, own, text_of(own) if own else "", words_of)


@lru_cache(maxsize=16)
def _phrases(code: str, own: str | None, text: str, words_of: WordsOf) -> Phrases:
    shipped = parse_templates(shipped_templates(code), f"kg/templates/{code}.yaml")
    return Phrases(parse_templates(text, own, shipped) if own else shipped, words_of)


def shipped_templates(code: str) -> str:
    """The text of the template file that ships for a language. Raises MateriaError where there is none."""
    folder = files("kg") / "templates"
    file = folder / f"{code}.yaml"
    if not file.is_file():
        known = sorted(p.name.removesuffix(".yaml") for p in folder.iterdir() if p.name.endswith(".yaml"))
        raise MateriaError(
            f"there are no templates for the language {code!r}", remedy=f"Choose one of: {', '.join(known)}"
        )
    return file.read_text(encoding="utf-8")


def _compile(sentence: str, subject_plural: bool, object_plural: bool) -> Phrase:
    text = _agree(_agree(sentence, "subject", subject_plural), "object", object_plural)
    before, first, between, _, after = re.split(r"\{(subject|object)\}", text)
    return Phrase(first == "subject", before, between, after)


def _agree(sentence: str, slot: str, plural: bool) -> str:
    """The sentence with each agreement slot of an entity replaced by its singular or plural word."""
    return re.sub(rf"\{{{slot}:([^|{{}}]*)\|([^|{{}}]*)\}}", lambda m: m.group(2 if plural else 1), sentence)


def fill(template: str, plural: bool) -> Iterator[str]:
    """The pieces of a sentence about one entity: its text, and its slots such as "{subject}"."""
    yield from re.split(r"(\{\w+\})", _agree(template, "subject", plural))
