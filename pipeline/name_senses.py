"""What every name of a vocabulary means: usable names, their normal forms, and one concept for each homonym.

Everyday words never stand for a concept, initials of a disease only where the text defines them or names the disease otherwise
too, and short names in capitals in capitals only. A Chinese name has two characters at least, and comes from the translations,
too. Homonyms are ranked by (scope tier, vocabulary, preferred before synonym,
class, CURIE). A synonym loses to the preferred name of a concept that is not linked at all: DOID has "analgesia" for pain
agnosia, but MeSH calls the procedure so, hence the word links to nothing. Cross-references fold a concept into a preferred
vocabulary. The result does not depend on the order of rows. Names are compiled into plain arrays, so that millions fit in
memory. Cost: 45,000 names a second; 5 million generated names in 110 s and 1.5 GiB.

Rejected, as they cost more precision than they gave recall on annotated abstracts: substances for their salts (raloxifene from
"Raloxifene Hydrochloride"), "antidepressive" from "Antidepressive Agents", adjectives in -lytic and -rrhagic (hemolytic anemia is
no mention of hemolysis), and the last name in a long form for its short form.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pipeline.curies import prefix_of
from pipeline.han import has_han
from pipeline.lexicons import load_words, load_yaml
from pipeline.name_forms import condition_variants, normal_form, variants
from pipeline.name_trie import build_trie, follow
from pipeline.preference import DEFAULT_PREFERENCE, Preference

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["CHEMICALS", "Concept", "Names", "compile_names", "letters_of"]

#: Biolink classes of chemicals, drug classes among them.
CHEMICALS: frozenset[str] = frozenset(
    f"biolink:{name}"
    for name in (
        "ChemicalEntity", "SmallMolecule", "Drug", "ChemicalRole", "MolecularMixture", "ComplexMolecularMixture",
        "ChemicalMixture", "MolecularEntity",
    )
)  # fmt: skip

_SCOPES = {
    "preferred": (0, 1.0),
    "label": (0, 0.9),
    "exact": (0, 0.9),
    "narrow": (1, 0.7),
    "related": (1, 0.65),
    "broad": (1, 0.6),
}
_CONDITIONS = ("biolink:Disease", "biolink:PhenotypicFeature", "biolink:DiseaseOrPhenotypicFeature")
_DERIVED, _INITIALS = 2, 3  # tiers: variants made by rule from a name (adjectives, organ words), and initials


@dataclass(frozen=True, slots=True)
class Concept:
    """What a name links to: CURIE, Biolink class, and how sure the name alone makes the link, in [0, 1].

    `initials`: whether the name is initials of a disease, which count only in a text that names it otherwise too.
    """

    curie: str
    category: str
    score: float
    initials: bool = False


def letters_of(surface: str) -> str:
    """A spelling without hyphens and spaces: what names in capitals are compared by."""
    return "".join(c for c in surface if c.isalnum())


def _usable_name(name: str, form: tuple[str, ...], category: str, preferred: bool) -> bool:
    """Whether a name may match at all: no everyday word, no single letter, no bare number, no bare initials of a disease."""
    letters = letters_of(name)
    if len(letters) < 2 or not any(c.isalpha() for c in letters) or len(form) > 12:
        return False
    if len(letters) <= 3 and letters.islower():
        return False
    if len(letters) == 2 and letters.isupper() and not (letters.isalpha() and category in _CONDITIONS):
        return False
    if len(letters) == 3 and letters.isupper() and not (letters.isalpha() or preferred) and category in _CONDITIONS:
        return False
    # Everyday names of animals are everyday words ("pet", "pilot", "swallow"); species have two words.
    if category == "biolink:OrganismTaxon" and len(form) == 1 and not letters.isupper():
        return False
    return name.lower() not in load_words("stop_words.en.txt") and " ".join(form) not in _unlinkable()


@cache
def _unlinkable() -> frozenset[str]:
    words = load_words("stop_words.en.txt") | load_words("general_names.en.txt")
    return frozenset(" ".join(normal_form(word)) for word in words)


def _usable_chinese_name(form: tuple[str, ...]) -> bool:
    """Whether a Chinese name may match: two characters or more, no everyday word, no sentence.

    A single character (癌, 疝) is part of many words, and nothing in a text says where those end.
    """
    return 2 <= len(form) <= 40 and len("".join(form)) >= 2 and "".join(form) not in _unlinkable_chinese()


@cache
def _unlinkable_chinese() -> frozenset[str]:
    return frozenset("".join(normal_form(word)) for word in load_words("general_names.zh.txt"))


def _is_initials(name: str, category: str, preferred: bool) -> bool:
    """Whether a name is initials of a disease, which stand for many things: two or three capitals, not the preferred name."""
    letters = letters_of(name)
    return category in _CONDITIONS and letters.isalpha() and letters.isupper() and len(letters) < 3 + (not preferred)


def _needs_case(name: str, form: tuple[str, ...]) -> bool:
    """Whether a name matches in its own capitals only: symbols, acronyms, single words that the vocabulary has in capitals."""
    letters = letters_of(name)
    if " " in name or (len(letters) > 6 and not letters.isupper()):
        return False
    capitals = sum(c.isupper() for c in letters)
    return capitals >= 2 or (len(letters) <= 2 and len(form) == 1)


@dataclass(slots=True)
class _Records:
    """What each form of each name would mean, before homonyms are settled: one row a form, in the order of the table."""

    known_words: dict[str, int] = field(default_factory=dict)
    surfaces: dict[str, int] = field(default_factory=lambda: {"": 0})
    words: array[int] = field(default_factory=lambda: array("i"))
    ends: array[int] = field(default_factory=lambda: array("q"))
    surface: array[int] = field(default_factory=lambda: array("i"))
    order: array[int] = field(default_factory=lambda: array("Q"))
    own: array[int] = field(default_factory=lambda: array("i"))
    linked: array[int] = field(default_factory=lambda: array("i"))
    category: array[int] = field(default_factory=lambda: array("i"))
    score: array[float] = field(default_factory=lambda: array("d"))
    initials: array[int] = field(default_factory=lambda: array("b"))
    unlinked_words: array[int] = field(default_factory=lambda: array("i"))
    unlinked_ends: array[int] = field(default_factory=lambda: array("q"))
    unlinked_place: array[int] = field(default_factory=lambda: array("i"))


@dataclass(frozen=True, slots=True)
class Names:
    """The names of a vocabulary as arrays: a trie of words, and what stands at each of its nodes."""

    words: list[str]  # normal words; their numbers are their places
    edges: npt.NDArray[np.uint64]  # see `name_trie`
    first_sense: npt.NDArray[np.int32]  # for each node and one more: where its senses begin
    surface: npt.NDArray[np.int32]  # of each sense: the exact spelling it is bound to, 0 for none
    concept: npt.NDArray[np.int32]  # place in `curies`
    category: npt.NDArray[np.int32]  # place in `categories`
    score: npt.NDArray[np.float64]
    initials: npt.NDArray[np.bool_]
    surfaces: list[str]
    curies: list[str]
    categories: list[str]


def compile_names(vocabulary: pa.Table, preference: Preference = DEFAULT_PREFERENCE) -> Names:
    """The meaning of every normal form of a table [VOCABULARY]; columns curie, name, synonyms, category, xrefs."""
    classes = load_yaml("categories.yaml")
    categories: list[str] = classes["linkable"] + classes["linkable_in_chinese"]
    curies = sorted(set(vocabulary.column("curie").to_pylist()))
    records = _collect(vocabulary, curies, {c: n for n, c in enumerate(categories)}, preference)
    edges, nodes = build_trie(np.frombuffer(records.words, np.int32), np.frombuffer(records.ends, np.int64))
    surface, order, own = (
        np.frombuffer(values, kind)
        for values, kind in ((records.surface, np.int32), (records.order, np.uint64), (records.own, np.int32))
    )
    ranked = np.lexsort((own, order, surface, nodes))  # stable: of two scopes of one name, the first of the table
    first = np.ones(len(ranked), dtype=bool)
    first[1:] = (np.diff(nodes[ranked]) != 0) | (np.diff(surface[ranked]) != 0)
    kept = ranked[first]
    kept = kept[~_loses_to_unlinked(records, edges, nodes[kept], order[kept], preference.last)]
    counts = np.bincount(nodes[kept], minlength=len(edges) + 1)
    return Names(
        words=list(records.known_words),
        edges=edges,
        first_sense=np.concatenate(([0], np.cumsum(counts))).astype(np.int32),
        surface=surface[kept],
        concept=np.frombuffer(records.linked, np.int32)[kept],
        category=np.frombuffer(records.category, np.int32)[kept],
        score=np.frombuffer(records.score, np.float64)[kept],
        initials=np.frombuffer(records.initials, np.bool_)[kept],
        surfaces=list(records.surfaces),
        curies=curies,
        categories=categories,
    )


_TIER, _PLACE, _SYNONYM, _PLURAL, _SCOPE, _CLASS = 60, 48, 47, 46, 44, 32  # where each part of an order begins, in bits


def _collect(vocabulary: pa.Table, curies: list[str], categories: dict[str, int], preference: Preference) -> _Records:
    number_of = {curie: number for number, curie in enumerate(curies)}
    own_curies, own_categories = (vocabulary.column(c).to_pylist() for c in ("curie", "category"))
    category_of = dict(zip(own_curies, own_categories, strict=True))
    target = _folding(own_curies, category_of, vocabulary.column("xrefs").to_pylist(), preference)
    chinese_only = frozenset(load_yaml("categories.yaml")["linkable_in_chinese"])
    records = _Records()
    known, surfaces = records.known_words, records.surfaces

    def add(form: tuple[str, ...], numbers: array[int], ends: array[int]) -> None:
        numbers.extend([known.setdefault(word, len(known)) for word in form])
        ends.append(len(numbers))

    for curie, name, category, synonyms, chinese in _rows(vocabulary):
        vocabulary_place = preference.place(curie, category)
        if category not in categories or category in chinese_only:
            if not has_han(name) and (form := normal_form(name)):
                add(form, records.unlinked_words, records.unlinked_ends)
                records.unlinked_place.append(vocabulary_place)
            if category not in categories:
                continue
        linked = target.get(curie, curie)
        linked_category = category_of[linked]
        if linked_category not in categories or linked_category in chinese_only:
            linked_category = category
        linked_number = number_of[linked]
        for alias, scope in [(name, "preferred"), *((s["name"], s["scope"]) for s in (*synonyms, *chinese))]:
            if category in chinese_only and not has_han(alias):
                continue
            tier, score = _SCOPES.get(scope, _SCOPES["related"])
            preferred = scope == "preferred"
            for form, surface, step in _forms(alias, category, preferred):
                value = (score - 0.1) if step else score
                # Of "Propylene Glycol" and "Propylene Glycols", the first is what either spelling means.
                plural = alias.endswith("s") and not form[-1].endswith("s")
                add(form, records.words, records.ends)
                records.surface.append(surfaces.setdefault(surface, len(surfaces)) if surface else 0)
                records.order.append(
                    (max(tier, step) << _TIER)
                    | (vocabulary_place << _PLACE)
                    | ((not preferred) << _SYNONYM)
                    | (plural << _PLURAL)
                    | (tier << _SCOPE)
                    | (categories[category] << _CLASS)
                    | linked_number
                )
                records.own.append(number_of[curie])
                records.linked.append(linked_number)
                records.category.append(categories[linked_category])
                records.score.append(round(min(value, 0.75) if surface else value, 6))
                records.initials.append(step == _INITIALS)
    return records


def _rows(vocabulary: pa.Table) -> Iterator[tuple[str, str, str, list[dict[str, str]], list[dict[str, str]]]]:
    """CURIE, name, class, synonyms and Chinese names, some thousands of rows at a time, so that few Python objects live at once.

    Of translations only those written in Chinese characters count: names in other languages look like English words.
    """
    columns = ("curie", "name", "category", "synonyms", "translations")
    for batch in vocabulary.select(columns).to_batches(max_chunksize=8192):
        rows = zip(*(batch.column(column).to_pylist() for column in columns), strict=True)
        for curie, name, category, synonyms, translations in rows:
            chinese = [t for t in translations or () if t["language"] == "zh" and has_han(t["name"])]
            yield curie, name, category, synonyms or [], chinese


def _loses_to_unlinked(
    records: _Records,
    edges: npt.NDArray[np.uint64],
    nodes: npt.NDArray[np.int64],
    order: npt.NDArray[np.uint64],
    places: int,
) -> npt.NDArray[np.bool_]:
    """Which senses are synonyms of what a vocabulary at least as preferred knows as something that is not linked."""
    named = follow(
        edges, np.frombuffer(records.unlinked_words, np.int32), np.frombuffer(records.unlinked_ends, np.int64)
    )
    best = np.full(len(edges) + 1, places + 1, dtype=np.int64)
    known = named >= 0
    np.minimum.at(best, named[known], np.frombuffer(records.unlinked_place, np.int32)[known])
    is_synonym = ((order >> np.uint64(_TIER)) > 0) | (((order >> np.uint64(_SYNONYM)) & np.uint64(1)) > 0)
    own_place = ((order >> np.uint64(_PLACE)) & np.uint64(0xFFF)).astype(np.int64)
    loses: npt.NDArray[np.bool_] = is_synonym & (best[nodes] <= own_place)
    return loses


def _forms(name: str, category: str, preferred: bool) -> Iterator[tuple[tuple[str, ...], str, int]]:
    """Normal forms of a name and its variants: (form, exact spelling it is bound to or "", tier)."""
    form = normal_form(name)
    if not form:
        return
    if has_han(name):
        for other in dict.fromkeys([form, *map(normal_form, variants(name))]):
            if _usable_chinese_name(other):
                yield other, "", 0
        return
    if _usable_name(name, form, category, preferred):
        initials = _is_initials(name, category, preferred)
        yield form, letters_of(name) if _needs_case(name, form) else "", _INITIALS if initials else 0
    for variant in variants(name):
        other = normal_form(variant)
        if other and other != form and _usable_name(variant, other, category, preferred):
            yield other, letters_of(variant) if _needs_case(variant, other) else "", 0
            form = other
    if category in _CONDITIONS:
        for other in condition_variants(form):
            yield other, "", _DERIVED


def _folding(
    curies: list[str], categories: dict[str, str], xrefs: list[list[str] | None], preference: Preference
) -> dict[str, str]:
    """For a concept, the concept of a vocabulary that is preferred for its class, which it is the only one of its own to refer to."""
    chosen: dict[str, str] = {}
    for curie, references in zip(curies, xrefs, strict=True):
        category = categories[curie]
        places = {r: preference.place(r, category) for r in references or () if r in categories}
        best = min(places.values(), default=0)
        if best < preference.place(curie, category):
            candidates = [r for r, place in places.items() if place == best]
            if len(candidates) == 1:
                chosen[curie] = candidates[0]
    claims: dict[tuple[str, str], int] = defaultdict(int)
    for curie, goal in chosen.items():
        claims[prefix_of(curie), goal] += 1
    return {curie: goal for curie, goal in chosen.items() if claims[prefix_of(curie), goal] == 1}
