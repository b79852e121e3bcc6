"""What a file of templates says, and how its sentences are put together from shared forms and a predicate's words."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

__all__ = ["CONDITIONS", "PAIR", "SLOT", "STANCES", "Entry", "Templates"]

#: How a claim is told: by the band of its belief, or as denied, or as contested.
STANCES = ("high", "middle", "low", "denied", "contested")

#: A slot of a sentence, the two entities, and what a case may ask of a claim.
SLOT = re.compile(r"\{([^{}]*)\}")
PAIR = frozenset({"subject", "object"})
CONDITIONS = ("direction", "subject", "object")


@dataclass(frozen=True)
class Entry:
    """What a file says about a predicate, or about one case of it.

    Attributes:
        words: by the names the file declares; `singular|plural` where a word agrees with the subject.
        symmetric: whether the two entities may change places.
        forms: sentences of its own, by stance.
        when: for a case, the values that direction, subject and object (Biolink classes) may have.
        cases: in the order in which they are tried.
    """

    words: dict[str, str] = field(default_factory=dict)
    symmetric: bool = False
    forms: dict[str, list[str]] = field(default_factory=dict)
    when: dict[str, tuple[str, ...]] = field(default_factory=dict)
    cases: tuple[Entry, ...] = ()

    def case_of(self, direction: str | None, subject: str, object_: str) -> Entry:
        """The case that fits a claim; the entry itself where none does."""
        values = dict(zip(CONDITIONS, (direction or "none", subject, object_), strict=True))
        fitting = (case for case in self.cases if all(values[name] in allowed for name, allowed in case.when.items()))
        return next(fitting, self)

    def with_more(self, more: Entry) -> Entry:
        """The entry with the sentences of another added, and with its symmetry."""
        forms = {s: [*self.forms.get(s, []), *more.forms.get(s, [])] for s in STANCES}
        return replace(self, forms=forms, symmetric=self.symmetric or more.symmetric)

    def sentences(self, stance: str, shared: list[str]) -> list[str]:
        """Shared sentences for which it has the words, with these put in, and its own; turned round too where symmetric."""
        found = [_put(sentence, self.words) for sentence in shared if _words_in(sentence) <= self.words.keys()]
        found += self.forms.get(stance, [])
        return found + [_turned(sentence) for sentence in found] if self.symmetric else found


@dataclass(frozen=True)
class Templates:
    """A whole file, checked.

    Attributes:
        high, middle: least beliefs of the bands of these names.
        forms: sentences that all predicates share, by stance.
        definition, synonyms: sentences about one entity.
        comma, last: the marks between names of a list.
        quotations: what a sentence of a paper is put into.
    """

    language: str
    high: float
    middle: float
    words: tuple[str, ...]
    forms: dict[str, list[str]]
    predicates: dict[str, Entry]
    definition: str
    synonyms: str
    comma: str
    last: str
    quotations: tuple[str, ...]


def _words_in(sentence: str) -> set[str]:
    """The words of the predicate that a shared sentence needs."""
    return {slot for slot in SLOT.findall(sentence) if ":" not in slot} - PAIR


def _put(sentence: str, words: dict[str, str]) -> str:
    for name, word in words.items():
        sentence = sentence.replace(f"{{{name}}}", f"{{subject:{word}}}" if "|" in word else word)
    return sentence


def _turned(sentence: str) -> str:
    """The sentence with subject and object in each other's place."""
    return re.sub(r"\{(subject|object)(?=[:}])", lambda m: "{object" if m[1] == "subject" else "{subject", sentence)
