"""The forms in which one name of a vocabulary may match: a question to the name alone, asked once.

Everyday words never stand for a concept, initials of a disease only where the text defines them or names the disease otherwise
too, and short names in capitals in capitals only. A Chinese name has two characters at least.
The answer depends on the name, on what kind of thing it names, and on whether it is the preferred one; so it is kept in a table, and a
vocabulary of which one name is new asks for that one. Cost: 70,000 names a second; 0.1 s for 180,000 that are known.

Rejected, as they cost more precision than they gave recall on annotated abstracts: substances for their salts (raloxifene from
"Raloxifene Hydrochloride"), "antidepressive" from "Antidepressive Agents", adjectives in -lytic and -rrhagic (hemolytic anemia is
no mention of hemolysis), and the last name in a long form for its short form.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.han import has_han
from pipeline.lexicons import load_words
from pipeline.name_forms import condition_variants, normal_form, variants
from pipeline.tables import table_schema

__all__ = ["DERIVED", "INITIALS", "NAME_FORMS", "forms_of_names", "kind_of", "letters_of"]

DERIVED, INITIALS = 2, 3  # tiers: variants made by rule from a name (adjectives, organ words), and initials

#: What is kept of each name.
NAME_FORMS: Final = table_schema(
    "name_forms",
    1,
    {
        "key": (
            pa.string(),
            "a name, with two letters: kind of thing (`kind_of`), and p where it is the preferred one, else s",
        ),
        "words": (pa.list_(pa.string()), "its normal forms: words with spaces between"),
        "surface": (pa.list_(pa.string()), "of each form the exact spelling it is bound to, empty for none"),
        "step": (pa.list_(pa.int8()), "of each form its tier: 0, derived, or initials"),
    },
)

_CONDITIONS = ("biolink:Disease", "biolink:PhenotypicFeature", "biolink:DiseaseOrPhenotypicFeature")
_ORGANISM = "biolink:OrganismTaxon"
_NO_LETTERS = re.compile(r"[\W_]+")


def kind_of(category: str) -> str:
    """What the forms of a name depend on of its Biolink class: c for conditions, o for organisms, x for all others."""
    return "c" if category in _CONDITIONS else "o" if category == _ORGANISM else "x"


def forms_of_names(keys: pa.Array, known: pa.Table | None = None) -> pa.Table:
    """The forms of names, a row each (NAME_FORMS), in the order given.

    Args:
        keys: as the column `key`, each once; of kind u is a name that links to nothing, and has its plain form.
        known: rows of an earlier time, made by the same code.
    """
    known = NAME_FORMS.empty_table() if known is None else known
    places = pc.index_in(keys, value_set=known["key"].combine_chunks())
    unknown = keys.filter(pc.is_null(places))
    table = pa.concat_tables([known, _asked(unknown)]).combine_chunks()
    numbers = places.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    numbers[numbers < 0] = known.num_rows + np.arange(len(unknown))
    return table.take(pa.array(numbers))


def _asked(keys: pa.Array) -> pa.Table:
    words: list[str] = []
    surfaces: list[str] = []
    steps: list[int] = []
    ends = [0]
    for key in keys.to_pylist():
        name, kind = key[:-2], key[-2]
        found = _unlinked(name) if kind == "u" else _forms(name, kind, key[-1] == "p")
        for form, surface, step in found:
            words.append(" ".join(form))
            surfaces.append(surface)
            steps.append(step)
        ends.append(len(words))
    columns = [pa.array(words, pa.string()), pa.array(surfaces, pa.string()), pa.array(steps, pa.int8())]
    offsets = pa.array(ends, pa.int32())
    lists = [pa.ListArray.from_arrays(offsets, column) for column in columns]
    return pa.table([keys, *lists], schema=NAME_FORMS)


def _unlinked(name: str) -> Iterator[tuple[tuple[str, ...], str, int]]:
    """The form of what is not linked, to which a synonym loses; Chinese names are no such thing."""
    if not has_han(name) and (form := normal_form(name)):
        yield form, "", 0


def _forms(name: str, kind: str, preferred: bool) -> Iterator[tuple[tuple[str, ...], str, int]]:
    """Normal forms of a name and its variants: (form, exact spelling it is bound to or "", tier)."""
    form = normal_form(name)
    if not form:
        return
    if has_han(name):
        for other in dict.fromkeys([form, *map(normal_form, variants(name))]):
            if _usable_chinese_name(other):
                yield other, "", 0
        return
    letters = letters_of(name)
    if _usable_name(name, letters, form, kind, preferred):
        initials = _is_initials(letters, kind, preferred)
        yield form, letters if _needs_case(name, letters, form) else "", INITIALS if initials else 0
    for variant in variants(name):
        other = normal_form(variant)
        if other and other != form:
            letters = letters_of(variant)
            if _usable_name(variant, letters, other, kind, preferred):
                yield other, letters if _needs_case(variant, letters, other) else "", 0
                form = other
    if kind == "c":
        for other in condition_variants(form):
            yield other, "", DERIVED


def letters_of(surface: str) -> str:
    """A spelling without hyphens and spaces: what names in capitals are compared by."""
    return surface if surface.isalnum() else _NO_LETTERS.sub("", surface)


def _usable_name(name: str, letters: str, form: tuple[str, ...], kind: str, preferred: bool) -> bool:
    """Whether a name may match at all: no everyday word, no single letter, no bare number, no bare initials of a disease."""
    if len(letters) < 2 or len(form) > 12 or not any(map(str.isalpha, letters)):
        return False
    if len(letters) <= 3:
        if letters.islower():
            return False
        if len(letters) == 2 and letters.isupper() and not (letters.isalpha() and kind == "c"):
            return False
        if len(letters) == 3 and letters.isupper() and not (letters.isalpha() or preferred) and kind == "c":
            return False
    # Everyday names of animals are everyday words ("pet", "pilot", "swallow"); species have two words.
    if kind == "o" and len(form) == 1 and not letters.isupper():
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


def _is_initials(letters: str, kind: str, preferred: bool) -> bool:
    """Whether a name is initials of a disease, which stand for many things: two or three capitals, not the preferred name."""
    return kind == "c" and letters.isalpha() and letters.isupper() and len(letters) < 3 + (not preferred)


def _needs_case(name: str, letters: str, form: tuple[str, ...]) -> bool:
    """Whether a name matches in its own capitals only: symbols, acronyms, single words that the vocabulary has in capitals."""
    if " " in name or (len(letters) > 6 and not letters.isupper()):
        return False
    capitals = sum(c.isupper() for c in letters)
    return capitals >= 2 or (len(letters) <= 2 and len(form) == 1)
