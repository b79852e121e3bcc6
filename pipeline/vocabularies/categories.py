"""Biolink classes of concepts, by an ordered list of rules that a user can extend.

A rule looks at a concept's CURIE, its ancestors, what its source says of its kind, or its prefix; the first rule that
fits wins. Ancestor rules are worked out once, downwards from the ancestor, over the parents of all files together, so
the cost is that of the concepts below it and cycles do no harm. A query language for rules was rejected: this covers
the ontologies in use, and fits in a table that a reader understands at once.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Final

import yaml
from upath import UPath

from pipeline.biolink import parse_category
from pipeline.curies import prefix_of
from pipeline.errors import MateriaError
from pipeline.vocabularies.base import Concept

__all__ = ["UNKNOWN", "Rule", "assign", "load_rules"]

#: The category of a concept that no rule knows.
UNKNOWN: Final = "biolink:NamedThing"

# Behind the colon of the scheme, before a dot, between a letter and a digit: `sty:T04` is no beginning of `sty:T047`.
_JOINT = re.compile(r":|(?=\.)|(?<=[A-Za-z])(?=[0-9])")

_CONDITIONS = ("concept", "ancestor", "mark", "prefix")
_SHIPPED = "categories.yaml"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: a condition, what it compares with, and the category it gives."""

    condition: str
    value: str
    category: str


def load_rules(extra: str | UPath | None = None) -> list[Rule]:
    """The rules of a user's YAML file, where one is given, then the shipped ones.

    Raises:
        MateriaError: the file cannot be read, or a rule in it is not one condition and a known category.
    """
    shipped = (files("pipeline.vocabularies") / _SHIPPED).read_text(encoding="utf-8")
    rules = _parse(shipped, _SHIPPED)
    if extra is None:
        return rules
    try:
        text = UPath(extra).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise MateriaError("cannot be read", file=str(extra), remedy="Check the path of the category rules") from error
    return _parse(text, str(extra)) + rules


def _parse(text: str, file: str) -> list[Rule]:
    form = "Write each rule as {prefix: DOID, category: Disease}, under `rules:`"
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise MateriaError("is not YAML", file=file, remedy=form) from error
    if not isinstance(content, dict) or not isinstance(content.get("rules"), list):
        raise MateriaError("has no list of rules", file=file, remedy=form)
    rules = []
    for number, entry in enumerate(content["rules"], 1):
        conditions = [key for key in _CONDITIONS if isinstance(entry, dict) and key in entry]
        category = parse_category(str(entry["category"])) if conditions and "category" in entry else None
        if len(conditions) != 1 or len(entry) != 2:
            raise MateriaError(
                "does not have one condition and a category", file=file, record=f"rule {number}", remedy=form
            )
        if category is None:
            raise MateriaError(
                "names no Biolink class", file=file, record=f"rule {number}", remedy="Correct its category"
            )
        rules.append(Rule(conditions[0], str(entry[conditions[0]]), category))
    return rules


def assign(concepts: Mapping[str, Concept], rules: Sequence[Rule]) -> dict[str, str]:
    """The category of every concept that states none and that a rule fits, by CURIE."""
    below = _descendants(concepts.values(), {rule.value for rule in rules if rule.condition == "ancestor"})
    places = {
        condition: {
            rule.value: place for place, rule in reversed(list(enumerate(rules))) if rule.condition == condition
        }
        for condition in _CONDITIONS
    }
    last = len(rules)
    assigned: dict[str, str] = {}
    for curie, concept in concepts.items():
        if concept.category is not None:
            continue
        place = min(
            places["concept"].get(curie, last),
            places["prefix"].get(prefix_of(curie), last),
            min((places["ancestor"][root] for root in below.get(curie, ())), default=last),
        )
        for mark in concept.marks:
            place = min(place, *(places["mark"].get(stem, last) for stem in _stems(mark)))
        if place < last:
            assigned[curie] = rules[place].category
    return assigned


@lru_cache(maxsize=1 << 16)
def _stems(mark: str) -> tuple[str, ...]:
    """The mark and what it begins with, cut where a code has a joint: behind its scheme, before a dot, behind a letter.

    >>> _stems("mesh:C04.588"), _stems("sty:T047")
    (('mesh:C04.588', 'mesh:', 'mesh:C', 'mesh:C04'), ('sty:T047', 'sty:', 'sty:T'))
    """
    return mark, *(mark[: joint.end()] for joint in _JOINT.finditer(mark))


def _descendants(concepts: Iterable[Concept], roots: set[str]) -> dict[str, list[str]]:
    """For each concept, the roots it is or stands below."""
    children: dict[str, list[str]] = defaultdict(list)
    for concept in concepts:
        for parent in concept.parents:
            children[parent].append(concept.curie)
    below: dict[str, list[str]] = defaultdict(list)
    for root in sorted(roots):
        seen, waiting = {root}, [root]
        while waiting:
            current = waiting.pop()
            below[current].append(root)
            new = [child for child in children.get(current, ()) if child not in seen]
            seen.update(new)
            waiting += new
    return below
