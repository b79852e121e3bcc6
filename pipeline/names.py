"""Finding the names of a vocabulary in a text: one compiled automaton over normalised words.

Every name, with its variants, becomes a pattern of normal words, each between single spaces: ` breast  cancer `. The text
is written the same way, so a match always begins and ends at words, and neighbours do not share a space. An Aho-Corasick
automaton finds the leftmost longest patterns in one pass. What a name means is settled when the index is built: homonyms
are ranked by scope, vocabulary, category and CURIE, and cross-references fold a concept into a preferred vocabulary.
Names that are also everyday words never match; short names in capitals match in capitals only ("NA" is not sodium).

Cost on one core: 105,000 names of MEDIC and MeSH in about 3 s; an abstract is scanned in about 0.2 ms. Rejected: spaCy's
PhraseMatcher (no normal forms of our own without a second Doc, five times slower to fill), and a regular expression.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from pipeline.lexicons import load_words, load_yaml
from pipeline.name_forms import adjectives, normal_form, normal_word, organ_variant, variants, word_spans

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["CHEMICALS", "PREFIX_ORDER", "Concept", "NameIndex", "NameMatch"]

#: Vocabularies in order of preference, where several know a name.
PREFIX_ORDER: tuple[str, ...] = (
    "MESH",
    "HGNC",
    "NCBIGene",
    "DOID",
    "MONDO",
    "OMIM",
    "HP",
    "CHEBI",
    "RXNORM",
    "UBERON",
    "CL",
    "GO",
)

#: Biolink classes of chemicals, drug classes among them.
CHEMICALS: frozenset[str] = frozenset(
    f"biolink:{name}"
    for name in (
        "ChemicalEntity", "SmallMolecule", "Drug", "ChemicalRole", "MolecularMixture", "ComplexMolecularMixture",
        "ChemicalMixture", "MolecularEntity",
    )
)  # fmt: skip

_SCOPES = {"preferred": (0, 1.0), "exact": (0, 0.9), "narrow": (1, 0.7), "related": (1, 0.65), "broad": (1, 0.6)}
_CONDITIONS = ("biolink:Disease", "biolink:PhenotypicFeature", "biolink:DiseaseOrPhenotypicFeature")
_DERIVED = 2  # the tier of variants made by rule from a name: adjectives, organ words


@dataclass(frozen=True, slots=True)
class Concept:
    """What a name links to: CURIE, Biolink class, and how sure the name alone makes the link, in [0, 1]."""

    curie: str
    category: str
    score: float


@dataclass(frozen=True, slots=True)
class NameMatch:
    """A name found in a text, at code points [start, end)."""

    start: int
    end: int
    concept: Concept


@dataclass(slots=True)
class _Entry:
    """What one normal form stands for: a concept for any spelling, and concepts for exact spellings."""

    any_case: Concept | None = None
    by_surface: dict[str, Concept] | None = None


class NameIndex:
    """The compiled names of a vocabulary. Read only after it is built; it can be pickled."""

    def __init__(self, forms: dict[str, _Entry]) -> None:
        patterns = sorted(forms)
        self.__setstate__((patterns, [forms[pattern] for pattern in patterns]))

    def __getstate__(self) -> tuple[list[str], list[_Entry]]:
        """Patterns and entries: the automaton is compiled anew, which takes less time than to read it would."""
        return self._patterns, self._entries

    def __setstate__(self, state: tuple[list[str], list[_Entry]]) -> None:
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
        return cls(_compile(vocabulary, prefix_order))

    def lookup(self, name: str) -> Concept | None:
        """The concept of a whole name, or None. `lookup("type 2 diabetes") == lookup("Diabetes, Type 2")`."""
        number = self._by_pattern.get(_pattern(normal_form(name)))
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


def _pattern(form: tuple[str, ...]) -> str:
    return " " + "  ".join(form) + " "


def _choose(entry: _Entry, surface: str) -> Concept | None:
    """The concept of a spelling: the exact spelling first (a plural s aside), then any."""
    if entry.by_surface:
        bare = _letters(surface)
        concept = entry.by_surface.get(bare) or (entry.by_surface.get(bare[:-1]) if bare.endswith("s") else None)
        if concept:
            return concept
    return entry.any_case


def _letters(surface: str) -> str:
    """A spelling without hyphens and spaces: what names in capitals are compared by."""
    return "".join(c for c in surface if c.isalnum())


def _stands_free(text: str, start: int, end: int) -> bool:
    """Whether a match ends at the edges of written words, and is no part of anti-X, non-X or X-like."""
    if start and (
        text[start - 1].isalnum() or (text[start - 1] in "-‐‑" and _OPPOSITE.search(text, max(0, start - 8), start))
    ):
        return False
    return not (end < len(text) and (text[end].isalnum() or (text[end] in "-‐‑" and _LIKE.match(text, end + 1))))


_OPPOSITE = re.compile(r"\b(?:anti|non|pseudo|pro|post|pre)[-‐‑]$", re.I)
_LIKE = re.compile(r"(?:like|free|naive|sparing)\b", re.I)
# What may lie between the words of one name: not the end of a line or sentence, nor the comma of an enumeration.
_JOINT = re.compile(r"(?:[^\S\n]{0,2}|[^\S\n]?[-‐‑–—/+'’][^\S\n]?|[^\S\n]?[(\[]|[)\]][^\S\n]?|[)\]]?[-‐‑]|[,.])")


def _one_phrase(text: str, words: Sequence[tuple[str, int, int]]) -> bool:
    """Whether the text between neighbouring words can stand inside a name, and its brackets are closed in it."""
    start, end = words[0][1], words[-1][2]
    if text.count("(", start, end) != text.count(")", start, end):
        return False
    return all(_JOINT.fullmatch(text, a[2], b[1]) for a, b in zip(words, words[1:], strict=False))


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


def _usable_name(name: str, form: tuple[str, ...], category: str, preferred: bool) -> bool:
    """Whether a name may match at all: no everyday word, no single letter, no bare number, no bare initials of a disease."""
    letters = _letters(name)
    if len(letters) < 2 or not any(c.isalpha() for c in letters) or len(form) > 12:
        return False
    if len(letters) == 2 and (letters.isupper() or letters.islower()):
        return False
    if len(letters) == 3 and (letters.islower() or (letters.isupper() and not preferred and category in _CONDITIONS)):
        return False
    # Everyday names of animals are everyday words ("pet", "pilot", "swallow"); species have two words.
    if category == "biolink:OrganismTaxon" and len(form) == 1 and not letters.isupper():
        return False
    return name.lower() not in load_words("stop_words.en.txt") and " ".join(form) not in _unlinkable()


def _unlinkable() -> frozenset[str]:
    global _UNLINKABLE  # noqa: PLW0603
    if _UNLINKABLE is None:
        words = load_words("stop_words.en.txt") | load_words("general_names.en.txt")
        _UNLINKABLE = frozenset(" ".join(normal_form(word)) for word in words)
    return _UNLINKABLE


_UNLINKABLE: frozenset[str] | None = None


def _needs_case(name: str, form: tuple[str, ...]) -> bool:
    """Whether a name matches in its own capitals only: symbols, acronyms, single words that the vocabulary has in capitals."""
    letters = _letters(name)
    if " " in name or (len(letters) > 6 and not letters.isupper()):
        return False
    capitals = sum(c.isupper() for c in letters)
    return capitals >= 2 or (len(letters) <= 2 and len(form) == 1)


def _compile(vocabulary: pa.Table, prefix_order: Sequence[str]) -> dict[str, _Entry]:
    categories: dict[str, int] = {c: n for n, c in enumerate(load_yaml("categories.yaml")["linkable"])}
    place = {prefix: number for number, prefix in enumerate(prefix_order)}
    columns = [vocabulary.column(c).to_pylist() for c in ("curie", "name", "synonyms", "category", "xrefs")]
    target = _folding(columns[0], columns[4], place)
    category_of = dict(zip(columns[0], columns[3], strict=True))
    ranked: dict[tuple[str, str], tuple[tuple[Any, ...], Concept]] = {}
    for curie, name, synonyms, category, _ in zip(*columns, strict=True):
        if category not in categories:
            continue
        linked = target.get(curie, curie)
        linked_category = category_of[linked] if category_of[linked] in categories else category
        rank = (place.get(curie.split(":", 1)[0], len(place)), categories[category])
        for alias, scope in [(name, "preferred"), *((s["name"], s["scope"]) for s in synonyms or ())]:
            tier, score = _SCOPES.get(scope, _SCOPES["related"])
            for form, surface, step in _forms(alias, category, scope == "preferred"):
                entry_tier = max(tier, step)
                value = (score - 0.1) if step else score
                if surface:
                    value = min(value, 0.75)
                key = (_pattern(form), surface)
                # Of "Propylene Glycol" and "Propylene Glycols", the first is what either spelling means.
                plural = alias.endswith("s") and not form[-1].endswith("s")
                order = (entry_tier, rank[0], scope != "preferred", plural, tier, rank[1], linked, curie)
                if key not in ranked or order < ranked[key][0]:
                    ranked[key] = (order, Concept(linked, linked_category, round(value, 6)))
    forms: dict[str, _Entry] = defaultdict(_Entry)
    for (pattern, surface), (_, concept) in ranked.items():
        entry = forms[pattern]
        if surface:
            entry.by_surface = {**(entry.by_surface or {}), surface: concept}
        else:
            entry.any_case = concept
    return forms


def _forms(name: str, category: str, preferred: bool) -> Iterator[tuple[tuple[str, ...], str, int]]:
    """Normal forms of a name and its variants: (form, exact spelling it is bound to or "", tier)."""
    form = normal_form(name)
    if not form:
        return
    if _usable_name(name, form, category, preferred):
        yield form, _letters(name) if _needs_case(name, form) else "", 0
    for variant in variants(name):
        other = normal_form(variant)
        if other and other != form and _usable_name(variant, other, category, preferred):
            yield other, _letters(variant) if _needs_case(variant, other) else "", 0
            form = other
    if category in _CONDITIONS:
        if len(form) == 1:
            for adjective in adjectives(form[0]):
                yield (adjective,), "", _DERIVED
        elif (swapped := organ_variant(form)) != form:
            yield swapped, "", _DERIVED


def _folding(curies: list[str], xrefs: list[list[str] | None], place: dict[str, int]) -> dict[str, str]:
    """For a concept, the concept of a more preferred vocabulary that it is the only one of its own to refer to."""
    known, last = set(curies), len(place)
    chosen: dict[str, str] = {}
    for curie, references in zip(curies, xrefs, strict=True):
        own = place.get(curie.split(":", 1)[0], last)
        better = sorted({r for r in references or () if r in known and place.get(r.split(":", 1)[0], last) < own})
        if better:
            best = min(place.get(r.split(":", 1)[0], last) for r in better)
            candidates = [r for r in better if place.get(r.split(":", 1)[0], last) == best]
            if len(candidates) == 1:
                chosen[curie] = candidates[0]
    claims: dict[tuple[str, str], int] = defaultdict(int)
    for curie, goal in chosen.items():
        claims[curie.split(":", 1)[0], goal] += 1
    return {curie: goal for curie, goal in chosen.items() if claims[curie.split(":", 1)[0], goal] == 1}
