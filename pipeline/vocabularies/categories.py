"""Biolink classes of concepts, by an ordered list of rules that a user can extend.

A rule looks at a concept's CURIE, its ancestors, what its source says of its kind, or its prefix; the first rule that
fits wins. All but the ancestor rules are joins. Those are worked out once, downwards from the ancestor, over the parents
of all files together, so the cost is that of the concepts below it and cycles do no harm. A query language for rules was
rejected: this covers the ontologies in use, and fits in a table that a reader understands at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final

import numpy as np
import pyarrow as pa
from upath import UPath

from pipeline.biolink import parse_category
from pipeline.errors import MateriaError
from pipeline.hashing import hash_fields
from pipeline.sources import text_of
from pipeline.yaml_file import parse_yaml

__all__ = ["UNKNOWN", "Rule", "assign", "load_rules", "rules_hash"]

#: The category of a concept that no rule knows.
UNKNOWN: Final = "biolink:NamedThing"

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
    own = () if extra is None else _parse(text_of(extra), str(extra))
    return [*own, *_parse(_shipped(), _SHIPPED)]


def rules_hash(extra: str | UPath | None = None) -> str:
    """Hash of the texts of the rules, which need not be parsed (0.1 s) to see that they are the same.

    Raises:
        MateriaError: the user's file cannot be read.
    """
    return hash_fields(_shipped(), *([] if extra is None else [text_of(extra)]))


def _shipped() -> str:
    return (files("pipeline.vocabularies") / _SHIPPED).read_text(encoding="utf-8")


@lru_cache(maxsize=8)  # a build asks twice, a process that builds many homes each time
def _parse(text: str, file: str) -> tuple[Rule, ...]:
    form = "Write each rule as {prefix: DOID, category: Disease}, under `rules:`"
    content = parse_yaml(text, file, form)
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
    return tuple(rules)


def assign(connection: Any, rules: Sequence[Rule]) -> None:
    """Make the table `assigned` (id, category): the category of every concept that a rule fits.

    Args:
        connection: a database with the tables `concept` (id, curie) and `link` (id, kind, target) of
            `pipeline.vocabularies.join`.
        rules: the first that fits wins.
    """
    columns = ["condition", "value", "category"]
    table = pa.table({name: pa.array([getattr(rule, name) for rule in rules], pa.string()) for name in columns})
    table = table.append_column("place", pa.array(range(len(rules)), pa.int64()))
    connection.register("rules", table)
    connection.register("below", _below(connection))
    connection.execute(_ASSIGN)


# A rule's mark is a beginning that ends at a joint of the code: behind the colon of the scheme, before a dot, between a letter
# and a digit. `sty:T04` is no beginning of `sty:T047`, `mesh:C` is one of `mesh:C04.588`.
_ASSIGN = """
CREATE TABLE assigned AS
WITH mark_place AS (
    SELECT target, min(place) AS place
    FROM (SELECT DISTINCT target FROM link WHERE kind = 'mark')
    JOIN rules ON condition = 'mark' AND starts_with(target, value)
        AND (target = value OR suffix(value, ':') OR substr(target, length(value) + 1, 1) = '.'
             OR regexp_full_match(substr(target, length(value), 2), '[A-Za-z][0-9]'))
    GROUP BY target
), fitting AS (
    SELECT id, place FROM concept JOIN rules ON condition = 'concept' AND value = curie
    UNION ALL SELECT id, place FROM concept JOIN rules ON condition = 'prefix' AND value = split_part(curie, ':', 1)
    UNION ALL SELECT id, place FROM link JOIN mark_place USING (target) WHERE kind = 'mark'
    UNION ALL SELECT id, place FROM below
)
SELECT id, category FROM (SELECT id, min(place) AS place FROM fitting GROUP BY id) JOIN rules USING (place)
"""

_ROOTS = """
SELECT place, id FROM concept JOIN rules ON condition = 'ancestor' AND value = curie
UNION SELECT place, id FROM link JOIN rules ON condition = 'ancestor' AND value = target WHERE kind = 'parent'
ORDER BY ALL
"""
_CHILDREN = """
SELECT concept.id AS parent, link.id AS child FROM link JOIN concept ON curie = target WHERE kind = 'parent' ORDER BY ALL
"""


def _below(connection: Any) -> pa.Table:
    """For each ancestor rule (by its place), the concepts that are its ancestor or stand below it.

    Level by level over arrays: a recursive query would build its join anew on every level, and a file can be nothing but
    levels.
    """
    ((count,),) = connection.execute("SELECT count(*) FROM concept").fetchall()
    roots, edges = connection.sql(_ROOTS).fetchnumpy(), connection.sql(_CHILDREN).fetchnumpy()
    first = np.searchsorted(edges["parent"], np.arange(count + 1))
    places, ids = [np.array([], np.int64)], [np.array([], np.int64)]
    for place in np.unique(roots["place"]):
        level = roots["id"][roots["place"] == place]
        seen = np.zeros(count, bool)
        while len(level):
            seen[level] = True
            start, length = first[level], first[level + 1] - first[level]
            within = np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length)
            children = np.unique(edges["child"][np.repeat(start, length) + within])
            level = children[~seen[children]]
        found = np.flatnonzero(seen)
        places.append(np.full(len(found), place))
        ids.append(found)
    return pa.table({"id": np.concatenate(ids), "place": np.concatenate(places)})
