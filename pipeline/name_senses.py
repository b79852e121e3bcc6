"""What every name of a vocabulary means: usable names, their normal forms, and one concept for each homonym.

Everyday words never stand for a concept, initials of a disease only where the document defines them, and short names in
capitals in capitals only. Homonyms are ranked by (scope tier, vocabulary, preferred before synonym, class, CURIE). A synonym
loses to the preferred name of a concept that is not linked at all: DOID has "analgesia" for pain agnosia, but MeSH calls the
procedure so, hence the word links to nothing. Cross-references fold a concept into a preferred vocabulary. The result does
not depend on the order of rows. Cost: 45,000 names a second.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from pipeline.curies import prefix_of
from pipeline.lexicons import load_words, load_yaml
from pipeline.name_forms import adjectives, normal_form, organ_variant, variants

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["CHEMICALS", "PREFIX_ORDER", "Concept", "Entry", "as_pattern", "compile_names", "letters_of"]

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


@dataclass(slots=True)
class Entry:
    """What one normal form stands for: a concept for any spelling, and concepts for exact spellings."""

    any_case: Concept | None = None
    by_surface: dict[str, Concept] | None = None


def as_pattern(form: tuple[str, ...]) -> str:
    """A normal form as the automaton has it: every word between single spaces."""
    return " " + "  ".join(form) + " "


def letters_of(surface: str) -> str:
    """A spelling without hyphens and spaces: what names in capitals are compared by."""
    return "".join(c for c in surface if c.isalnum())


def _usable_name(name: str, form: tuple[str, ...], category: str, preferred: bool) -> bool:
    """Whether a name may match at all: no everyday word, no single letter, no bare number, no bare initials of a disease."""
    letters = letters_of(name)
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


@cache
def _unlinkable() -> frozenset[str]:
    words = load_words("stop_words.en.txt") | load_words("general_names.en.txt")
    return frozenset(" ".join(normal_form(word)) for word in words)


def _needs_case(name: str, form: tuple[str, ...]) -> bool:
    """Whether a name matches in its own capitals only: symbols, acronyms, single words that the vocabulary has in capitals."""
    letters = letters_of(name)
    if " " in name or (len(letters) > 6 and not letters.isupper()):
        return False
    capitals = sum(c.isupper() for c in letters)
    return capitals >= 2 or (len(letters) <= 2 and len(form) == 1)


def compile_names(vocabulary: pa.Table, prefix_order: Sequence[str] = PREFIX_ORDER) -> dict[str, Entry]:
    """The meaning of every normal form of a table [VOCABULARY]: pattern (see `as_pattern`) -> entry."""
    categories: dict[str, int] = {c: n for n, c in enumerate(load_yaml("categories.yaml")["linkable"])}
    place = {prefix: number for number, prefix in enumerate(prefix_order)}
    columns = [vocabulary.column(c).to_pylist() for c in ("curie", "name", "synonyms", "category", "xrefs")]
    target = _folding(columns[0], columns[4], place)
    category_of = dict(zip(columns[0], columns[3], strict=True))
    ranked: dict[tuple[str, str], tuple[tuple[Any, ...], Concept]] = {}
    unlinked: dict[str, int] = {}
    for curie, name, synonyms, category, _ in zip(*columns, strict=True):
        vocabulary_place = place.get(prefix_of(curie), len(place))
        if category not in categories:
            pattern = as_pattern(normal_form(name))
            unlinked[pattern] = min(vocabulary_place, unlinked.get(pattern, vocabulary_place))
            continue
        linked = target.get(curie, curie)
        linked_category = category_of[linked] if category_of[linked] in categories else category
        for alias, scope in [(name, "preferred"), *((s["name"], s["scope"]) for s in synonyms or ())]:
            tier, score = _SCOPES.get(scope, _SCOPES["related"])
            for form, surface, step in _forms(alias, category, scope == "preferred"):
                entry_tier = max(tier, step)
                value = (score - 0.1) if step else score
                if surface:
                    value = min(value, 0.75)
                key = (as_pattern(form), surface)
                # Of "Propylene Glycol" and "Propylene Glycols", the first is what either spelling means.
                plural = alias.endswith("s") and not form[-1].endswith("s")
                order = (
                    entry_tier,
                    vocabulary_place,
                    scope != "preferred",
                    plural,
                    tier,
                    categories[category],
                    linked,
                    curie,
                )
                if key not in ranked or order < ranked[key][0]:
                    ranked[key] = (order, Concept(linked, linked_category, round(value, 6)))
    forms: dict[str, Entry] = defaultdict(Entry)
    for (pattern, surface), (order, concept) in ranked.items():
        is_synonym = order[0] > 0 or order[2]
        if is_synonym and unlinked.get(pattern, len(place) + 1) <= order[1]:
            continue
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
        yield form, letters_of(name) if _needs_case(name, form) else "", 0
    for variant in variants(name):
        other = normal_form(variant)
        if other and other != form and _usable_name(variant, other, category, preferred):
            yield other, letters_of(variant) if _needs_case(variant, other) else "", 0
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
        own = place.get(prefix_of(curie), last)
        better = sorted({r for r in references or () if r in known and place.get(prefix_of(r), last) < own})
        if better:
            best = min(place.get(prefix_of(r), last) for r in better)
            candidates = [r for r in better if place.get(prefix_of(r), last) == best]
            if len(candidates) == 1:
                chosen[curie] = candidates[0]
    claims: dict[tuple[str, str], int] = defaultdict(int)
    for curie, goal in chosen.items():
        claims[prefix_of(curie), goal] += 1
    return {curie: goal for curie, goal in chosen.items() if claims[prefix_of(curie), goal] == 1}
