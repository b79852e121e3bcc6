"""What every name of a vocabulary means: the forms of usable names (`usable_names`), and one concept for each homonym.

A Chinese name comes from the translations, too. Homonyms are ranked by (scope tier, vocabulary, preferred before synonym,
class, CURIE). A synonym loses to the preferred name of a concept that is not linked at all: DOID has "analgesia" for pain
agnosia, but MeSH calls the procedure so, hence the word links to nothing. Cross-references fold a concept into a preferred
vocabulary. The result does not depend on the order of rows. All is columns, so that millions fit in memory, and the forms of
names that were asked for before are taken from then. Cost: 60,000 names a second, 300,000 of names that are known.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.curies import prefix_of
from pipeline.duck import one_array
from pipeline.han import HAN
from pipeline.lexicons import load_yaml
from pipeline.name_trie import build_trie, follow
from pipeline.preference import DEFAULT_PREFERENCE, Preference
from pipeline.usable_names import INITIALS, forms_of_names, kind_of

__all__ = ["CHEMICALS", "Concept", "Names", "compile_names"]

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
_SCOPES = {
    "preferred": (0, 1.0),
    "label": (0, 0.9),
    "exact": (0, 0.9),
    "narrow": (1, 0.7),
    "related": (1, 0.65),
    "broad": (1, 0.6),
}


@dataclass(frozen=True, slots=True)
class Concept:
    """What a name links to: CURIE, Biolink class, and how sure the name alone makes the link, in [0, 1].

    `initials`: whether the name is initials of a disease, which count only in a text that names it otherwise too.
    """

    curie: str
    category: str
    score: float
    initials: bool = False


@dataclass(frozen=True, slots=True)
class _Records:
    """What each form of each name would mean, before homonyms are settled: one row a form, in the order of the table."""

    known_words: list[str]
    surfaces: list[str]
    words: npt.NDArray[np.int32]
    ends: npt.NDArray[np.int64]
    surface: npt.NDArray[np.int32]
    order: npt.NDArray[np.uint64]
    own: npt.NDArray[np.int32]
    linked: npt.NDArray[np.int32]
    category: npt.NDArray[np.int32]
    score: npt.NDArray[np.float64]
    initials: npt.NDArray[np.bool_]
    unlinked_words: npt.NDArray[np.int32]
    unlinked_ends: npt.NDArray[np.int64]
    unlinked_place: npt.NDArray[np.int64]
    forms: pa.Table


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
    forms: pa.Table  # NAME_FORMS of every name, for the next time


def compile_names(
    vocabulary: pa.Table, preference: Preference = DEFAULT_PREFERENCE, known: pa.Table | None = None
) -> Names:
    """The meaning of every normal form of a table [VOCABULARY]; columns curie, name, synonyms, category, xrefs.

    Args:
        known: `Names.forms` of another vocabulary: its names need not be worked out again.
    """
    classes = load_yaml("categories.yaml")
    categories: list[str] = classes["linkable"] + classes["linkable_in_chinese"]
    curies = sorted(set(vocabulary.column("curie").to_pylist()))
    records = _collect(vocabulary, curies, {c: n for n, c in enumerate(categories)}, preference, known)
    edges, nodes = build_trie(records.words, records.ends)
    # stable: of two scopes of one name, the first of the table
    ranked = np.lexsort((records.own, records.order, records.surface, nodes))
    first = np.ones(len(ranked), dtype=bool)
    first[1:] = (np.diff(nodes[ranked]) != 0) | (np.diff(records.surface[ranked]) != 0)
    kept = ranked[first]
    kept = kept[~_loses_to_unlinked(records, edges, nodes[kept], records.order[kept], preference.last)]
    counts = np.bincount(nodes[kept], minlength=len(edges) + 1)
    return Names(
        words=records.known_words,
        edges=edges,
        first_sense=np.concatenate(([0], np.cumsum(counts))).astype(np.int32),
        surface=records.surface[kept],
        concept=records.linked[kept],
        category=records.category[kept],
        score=records.score[kept],
        initials=records.initials[kept],
        surfaces=records.surfaces,
        curies=curies,
        categories=categories,
        forms=records.forms,
    )


_TIER, _PLACE, _SYNONYM, _PLURAL, _SCOPE, _CLASS = 60, 48, 47, 46, 44, 32  # where each part of an order begins, in bits


@dataclass(frozen=True, slots=True)
class _Concepts:
    """What is needed of each row of the vocabulary, as arrays."""

    own: npt.NDArray[np.int32]  # place of its CURIE
    linked: npt.NDArray[np.int32]  # place of the CURIE that its names mean
    place: npt.NDArray[np.int64]  # of its vocabulary, by preference
    category: npt.NDArray[np.int32]  # place of its class, -1 where it is not linked
    linked_category: npt.NDArray[np.int32]
    chinese_only: npt.NDArray[np.bool_]
    kind: npt.NDArray[np.int8]  # place in `_KINDS`


_KINDS = ("c", "o", "x")


def _concepts(vocabulary: pa.Table, curies: list[str], categories: dict[str, int], preference: Preference) -> _Concepts:
    number_of = {curie: number for number, curie in enumerate(curies)}
    own_curies, own_categories = (vocabulary.column(c).to_pylist() for c in ("curie", "category"))
    category_of = dict(zip(own_curies, own_categories, strict=True))
    target = _folding(_references(vocabulary), category_of, preference)
    chinese_only = frozenset(load_yaml("categories.yaml")["linkable_in_chinese"])
    linked = [target.get(curie, curie) for curie in own_curies]
    linked_categories = (category_of[curie] for curie in linked)
    meant = [
        own if other not in categories or other in chinese_only else other
        for own, other in zip(own_categories, linked_categories, strict=True)
    ]
    prefixes = [*map(prefix_of, own_curies)]
    places = {(p, c): preference.place(f"{p}:", c) for p, c in {*zip(prefixes, own_categories, strict=True)}}
    kinds = {category: _KINDS.index(kind_of(category)) for category in set(own_categories)}
    return _Concepts(
        own=np.array([number_of[curie] for curie in own_curies], np.int32),
        linked=np.array([number_of[curie] for curie in linked], np.int32),
        place=np.array([places[pair] for pair in zip(prefixes, own_categories, strict=True)], np.int64),
        category=np.array([categories.get(c, -1) for c in own_categories], np.int32),
        linked_category=np.array([categories.get(c, -1) for c in meant], np.int32),
        chinese_only=np.array([c in chinese_only for c in own_categories], bool),
        kind=np.array([kinds[c] for c in own_categories], np.int8),
    )


_HAN = f"[{HAN}]"
#: What a name is to its concept, in the order in which names are looked at.
_UNLINKED, _PREFERRED, _OTHER, _CHINESE = range(4)


def _aliases(
    vocabulary: pa.Table, concepts: _Concepts
) -> tuple[npt.NDArray[np.int64], pa.Array, pa.Array, npt.NDArray[Any]]:
    """All names, concept by concept: row, name, scope, and what it is to the concept.

    Of translations only those written in Chinese characters count: names in other languages look like English words. What is
    linked in Chinese texts only has its Chinese names, and what is not linked at all is known by its own name.
    """
    name, synonyms, translations = (one_array(vocabulary.column(c)) for c in ("name", "synonyms", "translations"))
    rows = np.arange(len(name))
    others, chinese = synonyms.flatten(), translations.flatten()
    is_chinese = pc.fill_null(
        pc.and_(pc.equal(chinese.field("language"), "zh"), pc.match_substring_regex(chinese.field("name"), _HAN)),
        False,
    )
    chinese, chinese_rows = chinese.filter(is_chinese), pc.list_parent_indices(translations).filter(is_chinese)
    linked, bare = concepts.category >= 0, (concepts.category < 0) | concepts.chinese_only
    row = np.concatenate([rows[bare], rows[linked], _numbers(pc.list_parent_indices(synonyms)), _numbers(chinese_rows)])
    part = np.repeat(
        np.array([_UNLINKED, _PREFERRED, _OTHER, _CHINESE], np.int8),
        [int(bare.sum()), int(linked.sum()), len(others), len(chinese)],
    )
    alias = pa.concat_arrays(
        [name.filter(pa.array(bare)), name.filter(pa.array(linked)), others.field("name"), chinese.field("name")]
    )
    preferred = pa.array(["preferred"]).take(pa.array(np.zeros(int(bare.sum() + linked.sum()), np.int8)))
    scope = pa.concat_arrays([preferred, others.field("scope"), chinese.field("scope")])
    used = (part == _UNLINKED) | linked[row]
    lacks_han = concepts.chinese_only[row] & (part != _UNLINKED)
    if lacks_han.any():
        used &= ~lacks_han | pc.match_substring_regex(alias, _HAN).to_numpy(zero_copy_only=False)
    places = np.flatnonzero(used)
    places = places[np.lexsort((part[places], row[places]))]
    taken = pa.array(places)
    return row[places], alias.take(taken), scope.take(taken), part[places]


def _numbers(values: pa.Array) -> npt.NDArray[np.int64]:
    numbers: npt.NDArray[np.int64] = values.to_numpy(zero_copy_only=False).astype(np.int64)
    return numbers


def _collect(
    vocabulary: pa.Table,
    curies: list[str],
    categories: dict[str, int],
    preference: Preference,
    known: pa.Table | None,
) -> _Records:
    concepts = _concepts(vocabulary, curies, categories, preference)
    row, alias, scope, part = _aliases(vocabulary, concepts)
    suffixes = pa.array([f"{kind}{letter}" for kind in _KINDS for letter in "sp"] + ["us"], pa.string())
    suffix = np.where(part == _UNLINKED, len(suffixes) - 1, 2 * concepts.kind[row] + (part == _PREFERRED))
    keys = pc.binary_join_element_wise(alias, suffixes.take(pa.array(suffix)), "").dictionary_encode()
    forms = forms_of_names(keys.dictionary, known)
    # From here on a row is a form of a name.
    lists = [one_array(forms[name]).take(keys.indices) for name in ("words", "surface", "step")]
    name_of = _numbers(pc.list_parent_indices(lists[0]))
    written, surface, step = (one.flatten() for one in lists)
    row, part = row[name_of], part[name_of]
    linked = part != _UNLINKED
    unlinked_place = concepts.place[row[~linked]]
    words = pc.split_pattern(written, " ")
    encoded = words.flatten().dictionary_encode()
    numbers, lengths = _numbers(encoded.indices).astype(np.int32), _numbers(words.value_lengths())
    of_linked = np.repeat(linked, lengths)
    spelling = pa.concat_arrays([pa.array([""], pa.string()), surface.filter(pa.array(linked))]).dictionary_encode()
    plural = _flags(pc.ends_with(alias, "s"))[name_of] & ~_flags(pc.ends_with(written, "s"))
    row, plural, steps, preferred = row[linked], plural[linked], _numbers(step)[linked], (part == _PREFERRED)[linked]
    scopes = [*_SCOPES]
    scope_of = _numbers(pc.index_in(scope, value_set=pa.array(scopes)).fill_null(scopes.index("related")))[name_of][
        linked
    ]
    tier = np.array([_SCOPES[one][0] for one in scopes])[scope_of]
    spelled = _numbers(spelling.indices)[1:].astype(np.int32)
    order = (
        (np.maximum(tier, steps) << _TIER)
        | (concepts.place[row] << _PLACE)
        | ((~preferred).astype(np.int64) << _SYNONYM)
        | (plural.astype(np.int64) << _PLURAL)
        | (tier << _SCOPE)
        | (concepts.category[row].astype(np.int64) << _CLASS)
        | concepts.linked[row]
    )
    return _Records(
        known_words=encoded.dictionary.to_pylist(),
        surfaces=spelling.dictionary.to_pylist(),
        words=numbers[of_linked],
        ends=np.cumsum(lengths[linked]),
        surface=spelled,
        order=order.astype(np.uint64),
        own=concepts.own[row],
        linked=concepts.linked[row],
        category=concepts.linked_category[row],
        score=_scores(scopes)[scope_of, (steps > 0).astype(int), (spelled > 0).astype(int)],
        initials=steps == INITIALS,
        unlinked_words=numbers[~of_linked],
        unlinked_ends=np.cumsum(lengths[~linked]),
        unlinked_place=unlinked_place,
        forms=forms,
    )


def _scores(scopes: list[str]) -> npt.NDArray[np.float64]:
    """How sure a name makes its link: by scope, whether a rule made it from another, and whether its spelling is bound."""
    table = np.zeros((len(scopes), 2, 2))
    for number, scope in enumerate(scopes):
        for derived in (0, 1):
            value = _SCOPES[scope][1] - 0.1 * derived
            table[number, derived] = round(value, 6), round(min(value, 0.75), 6)
    return table


def _flags(values: pa.Array) -> npt.NDArray[np.bool_]:
    flags: npt.NDArray[np.bool_] = values.to_numpy(zero_copy_only=False)
    return flags


def _loses_to_unlinked(
    records: _Records,
    edges: npt.NDArray[np.uint64],
    nodes: npt.NDArray[np.int64],
    order: npt.NDArray[np.uint64],
    places: int,
) -> npt.NDArray[np.bool_]:
    """Which senses are synonyms of what a vocabulary at least as preferred knows as something that is not linked."""
    named = follow(edges, records.unlinked_words, records.unlinked_ends)
    best = np.full(len(edges) + 1, places + 1, dtype=np.int64)
    known = named >= 0
    np.minimum.at(best, named[known], records.unlinked_place[known])
    is_synonym = ((order >> np.uint64(_TIER)) > 0) | (((order >> np.uint64(_SYNONYM)) & np.uint64(1)) > 0)
    own_place = ((order >> np.uint64(_PLACE)) & np.uint64(0xFFF)).astype(np.int64)
    loses: npt.NDArray[np.bool_] = is_synonym & (best[nodes] <= own_place)
    return loses


def _references(vocabulary: pa.Table) -> dict[str, list[str]]:
    """The concepts of the vocabulary that each concept refers to, of those that refer to any, in the order of the table."""
    curies, xrefs = one_array(vocabulary.column("curie")), one_array(vocabulary.column("xrefs"))
    targets = xrefs.flatten()
    there = pc.is_in(targets, value_set=curies)
    own = curies.take(pc.list_parent_indices(xrefs).filter(there))
    found: dict[str, list[str]] = defaultdict(list)
    for curie, target in zip(own.to_pylist(), targets.filter(there).to_pylist(), strict=True):
        found[curie].append(target)
    return found


def _folding(references: dict[str, list[str]], categories: dict[str, str], preference: Preference) -> dict[str, str]:
    """For a concept, the concept of a vocabulary that is preferred for its class, which it is the only one of its own to refer to."""
    chosen: dict[str, str] = {}
    for curie, targets in references.items():
        category = categories[curie]
        places = {target: preference.place(target, category) for target in targets}
        best = min(places.values())
        if best < preference.place(curie, category):
            candidates = [target for target, place in places.items() if place == best]
            if len(candidates) == 1:
                chosen[curie] = candidates[0]
    claims: dict[tuple[str, str], int] = defaultdict(int)
    for curie, goal in chosen.items():
        claims[prefix_of(curie), goal] += 1
    return {curie: goal for curie, goal in chosen.items() if claims[prefix_of(curie), goal] == 1}
