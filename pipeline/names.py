"""Finding the names of a vocabulary in a text: one compiled automaton over normalised words.

Every name, with its variants, becomes a pattern of normal words, each between single spaces: ` breast  cancer `. The text
is written the same way, so a match always begins and ends at words, and neighbours do not share a space. An Aho-Corasick
automaton finds the leftmost longest patterns in one pass. What a name means is settled when the index is built: homonyms
are ranked by scope, vocabulary, category and CURIE, and cross-references fold a concept into a preferred vocabulary.
Names that are also everyday words never match; short names in capitals match in capitals only ("NA" is not sodium).

Cost on one core: 105,000 names of MEDIC and MeSH in about 3 s; an abstract is scanned in about 0.2 ms. Rejected: spaCy's
PhraseMatcher (no normal forms of our own without a second Doc), and a regular expression.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING
from unicodedata import combining

from pipeline.lexicons import load_yaml
from pipeline.name_forms import normal_form, normal_word, word_spans
from pipeline.name_senses import PREFIX_ORDER, Concept, Entry, as_pattern, compile_names, letters_of

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["NameIndex", "NameMatch"]


@dataclass(frozen=True, slots=True)
class NameMatch:
    """A name found in a text, at code points [start, end)."""

    start: int
    end: int
    concept: Concept


class NameIndex:
    """The compiled names of a vocabulary. Read only after it is built; it can be pickled."""

    def __init__(self, forms: dict[str, Entry]) -> None:
        patterns = sorted(forms)
        self.__setstate__((patterns, [forms[pattern] for pattern in patterns]))

    def __getstate__(self) -> tuple[list[str], list[Entry]]:
        """Patterns and entries: the automaton is compiled anew, which takes less time than to read it would."""
        return self._patterns, self._entries

    def __setstate__(self, state: tuple[list[str], list[Entry]]) -> None:
        import ahocorasick_rs

        self._patterns, self._entries = state
        self._by_pattern = {pattern: number for number, pattern in enumerate(self._patterns)}
        self._automaton = ahocorasick_rs.AhoCorasick(
            self._patterns, matchkind=ahocorasick_rs.MatchKind.LeftmostLongest, store_patterns=False
        )
        self._contexts = {word: _Context.of(rule) for word, rule in load_yaml("ambiguous_names.en.yaml").items()}

    def __len__(self) -> int:
        """Number of distinct normal forms."""
        return len(self._patterns)

    @classmethod
    def from_vocabulary(cls, vocabulary: pa.Table, prefix_order: Sequence[str] = PREFIX_ORDER) -> NameIndex:
        """Compile the names of a table [VOCABULARY].

        Homonyms are ranked by (scope tier, vocabulary in `prefix_order`, scope, category, CURIE), so the result does not
        depend on the order of rows. A concept whose only cross-reference into a more preferred vocabulary names a
        concept that is present is linked as that concept.
        """
        return cls(compile_names(vocabulary, prefix_order))

    def lookup(self, name: str) -> Concept | None:
        """The concept of a whole name in any of its forms ("type 2 diabetes", "Diabetes, Type 2"), or None."""
        number = self._by_pattern.get(as_pattern(normal_form(name)))
        return None if number is None else _choose(self._entries[number], name)

    def find(self, text: str) -> Iterator[NameMatch]:
        """The names in a text, leftmost longest, in order; they do not overlap."""
        words = word_spans(text)
        if not words:
            return
        forms = [normal_word(word) for word, _, _ in words]
        haystack = " " + "  ".join(forms) + " "
        offsets = [0, *accumulate(len(form) + 2 for form in forms)]
        for number, begin, finish in self._automaton.find_matches_as_indexes(haystack):
            first = bisect_right(offsets, begin) - 1
            last = bisect_right(offsets, finish - 1) - 1
            start, end = words[first][1], words[last][2]
            if not _stands_free(text, start, end) or (last > first and not _one_phrase(text, words[first : last + 1])):
                continue
            surface = text[start:end]
            if surface[-2:] in ("'s", "’s") and "'s" not in self._patterns[number]:
                end -= 2
            concept = _choose(self._entries[number], surface)
            if concept is None:
                continue
            if last == first and (context := self._contexts.get(forms[first])) and not context.allows(text, start, end):
                continue
            yield NameMatch(start, end, concept)


def _choose(entry: Entry, surface: str) -> Concept | None:
    """The concept of a spelling: the exact spelling first (a plural s aside), then any."""
    if entry.by_surface:
        bare = letters_of(surface)
        concept = entry.by_surface.get(bare) or (entry.by_surface.get(bare[:-1]) if bare.endswith("s") else None)
        if concept:
            return concept
    return entry.any_case


def _stands_free(text: str, start: int, end: int) -> bool:
    """Whether a match ends at the edges of written words, and is no part of anti-X, non-X or X-like."""
    if start and (
        text[start - 1].isalnum() or (text[start - 1] in "-‐‑" and _OPPOSITE.search(text, max(0, start - 8), start))
    ):
        return False
    if end == len(text):
        return True
    following = text[end]
    return not (following.isalnum() or combining(following) or (following in "-‐‑" and _LIKE.match(text, end + 1)))


_OPPOSITE = re.compile(r"\b(?:anti|non|pseudo|pro|post|pre)[-‐‑]$", re.I)
_LIKE = re.compile(r"(?:like|free|naive|sparing)\b", re.I)
# What may lie between the words of one name: not the end of a line or sentence, nor the comma of an enumeration.
_JOINT = re.compile(r"(?:[^\S\n]{0,2}|[^\S\n]?[-‐‑–—/+'’][^\S\n]?|[^\S\n]?[(\[]|[)\]][^\S\n]?|[)\]]?[-‐‑]|[,.])")


def _one_phrase(text: str, words: Sequence[tuple[str, int, int]]) -> bool:
    """Whether the text between neighbouring words can stand inside a name, and its brackets are closed in it."""
    start, end = words[0][1], words[-1][2]
    if text.count("(", start, end) != text.count(")", start, end):
        return False
    return all(_JOINT.fullmatch(text, a[2], b[1]) for a, b in pairwise(words))


@dataclass(frozen=True, slots=True)
class _Context:
    """Where an everyday word is a name after all: regular expressions for the text before and after it."""

    before: re.Pattern[str] | None
    after: re.Pattern[str] | None
    not_before: re.Pattern[str] | None
    not_after: re.Pattern[str] | None

    @classmethod
    def of(cls, rule: dict[str, str]) -> _Context:
        def compiled(key: str, form: str) -> re.Pattern[str] | None:
            return re.compile(form.format(rule[key]), re.I) if key in rule else None

        return cls(
            compiled("before", r"(?:{})[\s-]*$"),
            compiled("after", r"[\s-]*(?:{})\b"),
            compiled("not_before", r"\b(?:{})[\s-]*$"),
            compiled("not_after", r"[\s-]*(?:{})\b"),
        )

    def allows(self, text: str, start: int, end: int) -> bool:
        before = text[max(0, start - 30) : start]
        if (self.not_before and self.not_before.search(before)) or (self.not_after and self.not_after.match(text, end)):
            return False
        if self.before is None and self.after is None:
            return True
        return bool((self.before and self.before.search(before)) or (self.after and self.after.match(text, end)))
