"""Which concept of a vocabulary a name stands for, where the name is all that is known: so a Chinese table and English papers meet.

A concept with a CURIE under `materia.name` (`pipeline.curated.names`) is what its name means. It is looked for in three steps:

1. `same-name`: concepts with that preferred name, exact synonym or exact translation, compared by `name_key`;
2. `translated-name`: where those are of another kind of thing, concepts whose preferred name is the English preferred name of one of
   them. HP calls its phenotype Diabetes mellitus 糖尿病; the disease 糖尿病 is then DOID's diabetes mellitus;
3. `translated-synonym`: concepts that have it as an exact synonym.

Classes decide which of them count: equal, one a kind of the other, or one unknown, as for cross-references. The first step that leaves
any decides: one concept is the one, several are ambiguous and the name is joined to none. Where no step leaves any, the kinds
differ. All of it stands in the merge log. Names of up to three Latin letters are initials and are not looked for.

Cost: 0.45 s for 22,000 names against HP, its 19,000 translations and DOID, on one core. A vocabulary without such concepts costs a query.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import pyarrow as pa

from pipeline.curated.names import name_key
from pipeline.curies import NAME_PREFIX
from pipeline.duck import stream

__all__ = ["STEPS", "Candidates", "candidates"]


#: The steps, in their order.
STEPS: Final = ("same-name", "translated-name", "translated-synonym")


# Initials stand for many things.
_INITIALS: Final = re.compile("[A-Za-z0-9]{1,3}")


class Candidates(NamedTuple):
    """What a name may stand for: for each of `STEPS`, numbers of concepts with the number of the file that names each so."""

    concept: int
    steps: tuple[dict[int, int], ...]


def candidates(connection: Any) -> Iterator[Candidates]:
    """The candidates of every concept that only its name identifies, where there are any, by number of concept.

    Args:
        connection: a database with the tables of `pipeline.vocabularies.join` and `named` of `pipeline.vocabularies.merge`.
    """
    own: dict[str, list[int]] = defaultdict(list)
    for concept, name in _rows(connection, _OWN):
        if not _INITIALS.fullmatch(name):
            own[name_key(name)].append(concept)
    if not own:
        return
    _table(connection, "own_key", pa.array(own, pa.string()))
    by_name = _by_key(connection, _SAME, own)
    meant = {concept for found in by_name.values() for concept in found}
    _table(connection, "meant", pa.array(sorted(meant), pa.int64()))
    english: dict[str, list[int]] = defaultdict(list)
    for concept, name in _rows(connection, _ENGLISH):
        english[name_key(name)].append(concept)
    _table(connection, "english_key", pa.array(english, pa.string()))
    alike: dict[int, tuple[dict[int, int], ...]] = defaultdict(lambda: ({}, {}))
    for step, sql in enumerate((_NAMESAKES, _SYNONYMS)):
        for key, found in _by_key(connection, sql, english).items():
            for concept in english[key]:
                alike[concept][step].update(found)
    for concept, key in sorted((concept, key) for key, concepts in own.items() for concept in concepts):
        if key in by_name:
            found = by_name[key]
            further: tuple[dict[int, int], ...] = ({}, {})
            for one in found:
                for step, others in enumerate(alike[one]):
                    further[step].update(others)
            yield Candidates(concept, (found, *further))


def _table(connection: Any, name: str, values: pa.Array) -> None:
    """A table of one column `value`; cursors do not see what is registered alone."""
    connection.register(f"{name}_values", pa.table({"value": values}))
    connection.execute(f"CREATE TABLE {name} AS FROM {name}_values")


def _by_key(connection: Any, sql: str, wanted: dict[str, list[int]]) -> dict[str, dict[int, int]]:
    """Concepts by key of a name, each with the first file that names it so; rows are (concept, file, name)."""
    found: dict[str, dict[int, int]] = defaultdict(dict)
    for concept, source, name in _rows(connection, sql):
        if (key := name_key(name)) in wanted:
            found[key][concept] = min(source, found[key].get(concept, source))
    return found


def _rows(connection: Any, sql: str) -> Iterator[tuple[Any, ...]]:
    for batch in stream(connection.cursor(), sql):
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


_IS_OWN: Final = f"starts_with(named.curie, '{NAME_PREFIX}:')"
_OWN: Final = f"""
SELECT named.id, part_row.name FROM named JOIN concept USING (id) JOIN part_row ON spot = name_at
WHERE {_IS_OWN} ORDER BY ALL
"""  # noqa: S608
_ENGLISH: Final = """
SELECT id, part_row.name FROM meant JOIN concept ON id = value JOIN part_row ON spot = name_at
WHERE NOT regexp_matches(part_row.name, '\\p{Han}') ORDER BY ALL
"""
_PREFERRED: Final = "SELECT spot, name FROM part_row JOIN concept ON spot = name_at"
_EXACT: Final = "SELECT spot, name FROM name_row WHERE scope IN ('label', 'exact')"
_NAMED: Final = f"""
SELECT named.id, spot >> 40 AS source, name FROM ({{}}) given JOIN part USING (spot) JOIN named USING (id)
WHERE NOT {_IS_OWN} AND
"""  # noqa: S608
# A name without Chinese characters is its own key in small letters; of the others, few pass, and their key is made here.
_SAME: Final = (
    _NAMED.format(f"{_PREFERRED} UNION ALL {_EXACT}")
    + "(regexp_matches(name, '\\p{Han}') OR lower(name) IN (FROM own_key))"
)
_NAMESAKES: Final = _NAMED.format(_PREFERRED) + "lower(name) IN (FROM english_key)"
_SYNONYMS: Final = _NAMED.format(f"{_EXACT} AND language IS NULL") + "lower(name) IN (FROM english_key)"
