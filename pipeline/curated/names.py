"""Concepts that only their name identifies: the CURIE made from it, and what is no name.

A table of diseases has no identifiers. `name_curie` makes one from what is compared of the name (`name_key`: simplified,
half-width, small letters, no space beside a Chinese character) and the kind of thing it is, so the same name in two tables is one
concept, and a new row renames none. Kinds are coarse: whether 头痛 is a disease or a symptom is a matter of the table, that it is
no drug is not. Where a vocabulary has the name under an identifier of its own, the merge log joins the two
(`pipeline.vocabularies.same_names`).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from pipeline.biolink import is_kind_of
from pipeline.curies import NAME_PREFIX
from pipeline.han import HAN, han_form
from pipeline.hashing import hash_fields

__all__ = ["name_curie", "name_key", "problem_of"]

#: Classes within which one name is one concept; any other class is a kind of its own.
_KINDS: Final = ("biolink:DiseaseOrPhenotypicFeature", "biolink:ChemicalEntity")
_SPACE_AT_HAN = re.compile(rf"(?<=[{HAN}])\s+|\s+(?=[{HAN}])")
# Signs that end or join sentences, and shares: "90%以上", "应该如何用药？".
_NO_NAME = re.compile("[，。；：？！%％\ufffd]")
_LONGEST, _LONGEST_HAN = 100, 30
_HAN_CHARACTER = re.compile(f"[{HAN}]")
_BRACKETS = ("()", "（）", "[]", "【】", "《》")


def name_key(name: str) -> str:
    """What of a name is compared.

    >>> name_key("Huntington 病") == name_key("ｈｕｎｔｉｎｇｔｏｎ病"), name_key("Ｂ型肝炎")
    (True, 'b型肝炎')
    """
    form = han_form(name)
    return form if form.isascii() else _SPACE_AT_HAN.sub("", form)


@lru_cache(1 << 17)
def name_curie(name: str, category: str) -> str:
    """The CURIE of what is known by a name and a Biolink class alone: 64 bits of a hash, in hexadecimal digits.

    >>> name_curie("頭痛", "biolink:Disease") == name_curie("头痛", "biolink:PhenotypicFeature")
    True
    """
    kind = next((kind for kind in _KINDS if is_kind_of(category, kind)), category)
    return f"{NAME_PREFIX}:{hash_fields(kind, name_key(name))[:16]}"


def problem_of(name: str, *, shortest: int = 2) -> str | None:
    """Why a text is no name, as one sentence; None where it may be one. `shortest` counts characters."""
    if not any(map(str.isalpha, name)):
        return "it has no letter"
    if len(name) < shortest:
        return "it is a single character"
    if len(name) > _LONGEST or len(_HAN_CHARACTER.findall(name)) > _LONGEST_HAN or _NO_NAME.search(name):
        return "it is a sentence or a figure"
    if any(name.count(pair[0]) != name.count(pair[1]) for pair in _BRACKETS):
        return "a bracket of it is missing"
    return None
