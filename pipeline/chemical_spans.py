"""The whole of a chemical's written name, where the vocabulary holds its core: locants, stereochemistry, salts.

A vocabulary lists fluorouracil, arginine and nitroprusside; papers write 5-fluorouracil, L-arginine and sodium nitroprusside.
The link is that of the core. Two neighbours of which one is only a counter-ion are one mention, that of the other.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pipeline.lexicons import load_words
from pipeline.names import NameMatch

__all__ = ["whole_chemicals"]

_LOCANT = re.compile(
    r"(?:(?<=[\s(\[/])|(?<=^))(?:\(?(?:[+±-]|\+/-|[RSDLEZ]|DL|dl|[dl])\)?[-‐]|(?:alpha|beta|gamma|delta|[αβγδ]|[NOS]|tert|\d{1,2}(?:,\d{1,2})*'?)[-‐])+$"
)
_SALT_AFTER = re.compile(r"(?:[ -])([a-z]+)\b")
_SALT_BEFORE = re.compile(r"\b([a-zA-Z]+) $")


# "analgesic efficacy" speaks of no analgesic: the name of a class is an adjective there.
_EFFECT_AFTER = re.compile(
    r"[ -](?:\w+ly )?(?:effect|efficacy|action|activit|potency|requirement|propert|respons|consumption|potential|"
    r"induction|technique|management|analog|withdrawal|challenge)"
)
_SUBSTANCE_BEFORE = re.compile(
    r"\b(?!(?:urine|human|protein|mean|than|within|bone|high|brain|skin) )[A-Za-z]{3,}(?:in|ine|ol|ate|am|one|ide|il|an|ex|ib|ac|ox|en) $"
)


def whole_chemicals(text: str, names: Sequence[NameMatch], chemical: frozenset[str]) -> list[NameMatch]:
    """The matches, with those of chemicals widened over locants and salts; still in order and without overlap.

    Args:
        chemical: the Biolink classes that count as chemicals.
    """
    salts = load_words("salts.en.txt")
    widened: list[NameMatch] = []
    skip_until = 0
    for number, name in enumerate(names):
        if name.start < skip_until:
            continue
        start, end = name.start, name.end
        if name.concept.category == "biolink:ChemicalRole" and _EFFECT_AFTER.match(text, end):
            continue
        if name.concept.category not in chemical:
            widened.append(name)
            continue
        following = names[number + 1] if number + 1 < len(names) else None
        if text[start:end].lower() in salts:
            # "sodium valproate": the salt's mention gives way to the one that follows it at once.
            if following and following.start == end + 1 and text[end] == " " and following.concept.category in chemical:
                continue
            # "oxybutynin chloride" of a substance the vocabulary lacks: no chloride is spoken of.
            if _SUBSTANCE_BEFORE.search(text, max(0, start - 20), start):
                continue
        else:
            before = _SALT_BEFORE.search(text, max(0, start - 20), start)
            if before and before.group(1).lower() in salts:
                start = before.start(1)
        after = _SALT_AFTER.match(text, end)
        if after and after.group(1) in salts and (following is None or following.start >= end):
            end = after.end(1)
            skip_until = end
        if start and text[start - 1] in "-‐" and (locant := _LOCANT.search(text, max(0, start - 24), start)):
            start = locant.start()
        floor = widened[-1].end if widened else 0
        widened.append(
            NameMatch(max(start, floor), end, name.concept) if (start, end) != (name.start, name.end) else name
        )
    return widened
