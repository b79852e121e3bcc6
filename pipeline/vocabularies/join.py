"""The tables of all vocabulary files as one table: parts of one CURIE joined, categories given, the same concepts merged.

The file that is named first has the first word: its preferred name stays preferred, its definition and its category
stand; names, parents and cross-references of the others are added, each name once with the closest of its scopes. The
category is what a file states, else what a rule says (`categories`), else, for MeSH, what the name says
(`name_categories`). What is then the same becomes one row (`merge`).

Everything is sorts and joins over numbers: a concept is known by its place among all CURIEs in order, a part by file and
place. DuckDB does them within a memory limit and on disk beyond it; lists are put together while the sorted rows pass. A
Python dictionary of concepts (1 kB each) was rejected: 5 million names took 10 GB.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.curies import NAME_PREFIX, PREFIX_ORDER
from pipeline.duck import MEMORY_LIMIT, SortedLists, connect, file_list, sorted_on_disk, stream
from pipeline.errors import SetAside
from pipeline.tables import VOCABULARY, VOCABULARY_MERGES, table_schema
from pipeline.vocabularies.base import OnSetAside
from pipeline.vocabularies.categories import UNKNOWN, Rule, assign
from pipeline.vocabularies.merge import merge
from pipeline.vocabularies.name_categories import classify
from pipeline.vocabularies.source_tables import SourceTables

__all__ = ["PART_GOALS", "VERSION", "JoinedVocabulary", "joined", "with_names"]

#: Name and version of what is done here and in `merge`: raise it when the same files give another table.
VERSION: Final = "join.v2"

_EXAMPLES = 3


#: In which concept what a file says of one has ended up: what `with_names` needs.
PART_GOALS: Final = table_schema(
    "part_goals",
    1,
    {
        "spot": (pa.int64(), "place of the file, in the upper bits, and of the part in it; sorted"),
        "row": (pa.int64(), "row of its concept in the vocabulary"),
    },
)


@dataclass(frozen=True, slots=True)
class JoinedVocabulary:
    """A vocabulary that is ready to be read, once, inside the `with` block of `joined`.

    Attributes:
        concepts: rows of VOCABULARY, sorted by CURIE.
        merges: rows of VOCABULARY_MERGES, sorted.
        goals: rows of PART_GOALS, sorted.
    """

    concepts: Iterator[pa.RecordBatch]
    merges: Iterator[pa.RecordBatch]
    goals: Iterator[pa.RecordBatch]


@contextmanager
def joined(
    sources: Sequence[SourceTables],
    set_aside: OnSetAside,
    *,
    rules: Sequence[Rule],
    prefix_order: Sequence[str] = PREFIX_ORDER,
    merge_cross_references: bool = True,
    classify: Callable[[list[str]], Sequence[str]] = classify,
    threads: int | None = None,
    memory_limit: str = MEMORY_LIMIT,
) -> Iterator[JoinedVocabulary]:
    """Join the tables of files to one vocabulary, as streams.

    Args:
        sources: tables of the files, in order of precedence.
        set_aside: told of concepts that no file names: one record a file, with their number and some of them.
        rules: category rules, first to last.
        prefix_order: prefixes in the order in which they name what is merged; others follow, by the alphabet.
        merge_cross_references: whether a one-to-one cross-reference merges two concepts.
        classify: the category of names of MeSH that nothing else gives one (`name_categories`, or what knows its answers).
        threads: worker threads; all cores where None. The rows do not depend on it.
        memory_limit: what DuckDB may hold before it spills to disk.
    """
    with (
        connect(threads=threads, memory_limit=memory_limit, disabled_optimizers=_DISABLED) as connection,
        TemporaryDirectory(prefix="materia-join.") as folder,
    ):
        _gather(connection, sources)
        assign(connection, rules)
        _settle_categories(connection, classify)
        merge(connection, prefix_order, cross_references=merge_cross_references)
        _tell_nameless(connection, sources, set_aside)
        connection.execute(_HEADS)
        files = pa.array([source.file for source in sources], _TEXT)
        merges = sorted_on_disk(connection, _MERGES, f"{folder}/merges")
        goals = sorted_on_disk(connection, _GOALS, f"{folder}/goals")
        yield JoinedVocabulary(
            _rows(connection, files, folder),
            (rows.cast(VOCABULARY_MERGES) for rows in merges),
            (rows.cast(PART_GOALS) for rows in goals),
        )


def with_names(
    concepts: Iterator[pa.RecordBatch],
    goals: str,
    sources: Sequence[SourceTables],
    set_aside: OnSetAside,
    *,
    threads: int | None = None,
    memory_limit: str = MEMORY_LIMIT,
) -> Iterator[pa.RecordBatch]:
    """A vocabulary with the synonyms and translations that its files have now, where nothing but these changed in them.

    What is the same concept, which class it has and what it refers to rest on the other tables of the files. Costs two sorts
    in place of nine and the search for what is the same.

    Args:
        concepts: rows of VOCABULARY as `joined` gave them, whose files had the same parts and links.
        goals: Parquet file of PART_GOALS that came with them, not empty.
        sources, set_aside, threads, memory_limit: as in `joined`.
    """
    with (
        connect(threads=threads, memory_limit=memory_limit, disabled_optimizers=_DISABLED) as connection,
        TemporaryDirectory(prefix="materia-join.") as folder,
    ):
        _views(connection, sources)
        rows = [*concepts]
        names = pa.chunked_array([batch["name"] for batch in rows], _TEXT)
        connection.register("head", pa.table({"id": np.arange(len(names)), "name": names}))
        connection.execute(_GOALS_AS_PARTS.format(file_list([goals])))
        _tell_nameless(connection, sources, set_aside)
        lists = _lists(connection, folder, ("synonyms", "translations"))
        first = 0
        for batch in rows:
            ranks = np.arange(first, first + batch.num_rows)
            first += batch.num_rows
            columns = {name: batch[name] for name in batch.schema.names}
            columns |= {name: one.take(ranks) for name, one in lists.items()}
            yield pa.RecordBatch.from_arrays(
                [columns[field.name].cast(field.type) for field in VOCABULARY], schema=VOCABULARY
            )


# None where a concept is known by its name alone: what that is rests on the names of others (`same_names`).
_GOALS: Final = f"""
SELECT spot, row FROM part JOIN member USING (id)
JOIN (SELECT id AS into_id, row_number() OVER (ORDER BY id) - 1 AS row FROM head) USING (into_id)
WHERE NOT EXISTS (FROM concept WHERE starts_with(curie, '{NAME_PREFIX}:')) ORDER BY spot
"""  # noqa: S608
# Each concept is the only member of its own group, by the number of its row.
_GOALS_AS_PARTS: Final = """
CREATE TABLE part AS SELECT spot, row AS id FROM read_parquet({}, hive_partitioning = false);
CREATE TABLE member AS SELECT DISTINCT id, id AS into_id FROM part;
"""

# DuckDB 2.0.0 stops with an internal error where it turns a left join around and joins the outcome again
# (https://github.com/duckdb/duckdb/issues/24807). With this step of its optimizer off it turns none around.
_DISABLED: Final = "build_side_probe_side"

# A part is known by one number: the place of its file, then its own place in that file.
_SPOT: Final = "((file_index::BIGINT << 40) | place)"

# `concept` has every CURIE that any file describes; its numbers follow the order of the CURIEs.
_GATHER: Final = """
CREATE TABLE concept AS
    SELECT row_number() OVER (ORDER BY curie) - 1 AS id, * FROM (
        SELECT curie, min(spot) FILTER (name IS NOT NULL) AS name_at, min(spot) FILTER (category IS NOT NULL) AS category_at,
               min(spot) FILTER (definition IS NOT NULL) AS definition_at
        FROM part_row GROUP BY curie);
CREATE TABLE part AS SELECT spot, id FROM part_row JOIN concept USING (curie);
CREATE TABLE link AS SELECT id, spot >> 40 AS source, kind, target FROM link_row JOIN part USING (spot);
"""


def _gather(connection: Any, sources: Sequence[SourceTables]) -> None:
    """Make the tables `concept`, `part` and `link`, and the views `source_file`, `part_row` and `name_row`."""
    _views(connection, sources)
    names = [source.file for source in sources]
    places = pa.table({"source": range(len(names)), "file": names, "file_place": [names.index(name) for name in names]})
    connection.register("source_file", places)
    connection.execute(_GATHER)


def _views(connection: Any, sources: Sequence[SourceTables]) -> None:
    files = {"part_row": [s.parts for s in sources], "name_row": [s.names for s in sources]}
    for view, paths in (files | {"link_row": [s.links for s in sources]}).items():
        read = f"SELECT {_SPOT} AS spot, * EXCLUDE (place) FROM read_parquet({file_list(paths)}, hive_partitioning = false)"  # noqa: S608
        connection.execute(f"CREATE VIEW {view} AS {read}")


_UNSETTLED: Final = """
SELECT id, name FROM concept JOIN part_row ON spot = name_at
ANTI JOIN assigned USING (id) WHERE starts_with(concept.curie, 'MESH:') AND category_at IS NULL ORDER BY id
"""
_SETTLE: Final = f"""
CREATE TABLE category AS
    SELECT concept.id, coalesce(part_row.category, assigned.category, by_name.category, '{UNKNOWN}') AS category
    FROM concept LEFT JOIN part_row ON spot = category_at LEFT JOIN assigned USING (id) LEFT JOIN by_name USING (id)
    WHERE name_at IS NOT NULL
"""  # noqa: S608


def _settle_categories(connection: Any, classify: Callable[[list[str]], Sequence[str]]) -> None:
    """Make the table `category` (id, category) of every concept that has a name."""
    ids, categories = [], []
    for rows in stream(connection.cursor(), _UNSETTLED):
        ids.append(rows["id"])
        categories.append(pa.array(classify(rows["name"].to_pylist()), pa.string()))
    by_name = {"id": pa.chunked_array(ids, pa.int64()), "category": pa.chunked_array(categories, pa.string())}
    connection.register("by_name", pa.table(by_name))
    connection.execute(_SETTLE)


_NAMELESS: Final = f"""
SELECT spot >> 40 AS source, count(DISTINCT curie) AS number, min(DISTINCT curie, {_EXAMPLES}) AS examples
FROM part_row ANTI JOIN (SELECT spot FROM part JOIN member USING (id)) USING (spot) GROUP BY source ORDER BY source
"""  # noqa: S608


def _tell_nameless(connection: Any, sources: Sequence[SourceTables], set_aside: OnSetAside) -> None:
    for source, number, examples in connection.execute(_NAMELESS).fetchall():
        shown = ", ".join(examples) + (", ..." if number > len(examples) else "")
        detail = (
            f"No file names these concepts that this one describes ({shown}). Give a vocabulary that names them too."
        )
        set_aside(SetAside(sources[source].file, f"{number} concepts", "no-name", detail))


_ORDER: Final = "{'retired': retired, 'place': prefix_place, 'id': id}"
# One row for every concept of the result. What the concept itself lacks is taken from what was merged into it.
_HEADS: Final = f"""
CREATE TABLE gathered AS
    SELECT into_id AS id,
           arg_min(category, {_ORDER}) FILTER (category <> '{UNKNOWN}') AS category,
           arg_min(definition_at, {_ORDER}) FILTER (definition_at IS NOT NULL) AS definition_at
    FROM member JOIN concept USING (id) JOIN category USING (id) JOIN prefix ON prefix = split_part(curie, ':', 1)
    WHERE id <> into_id GROUP BY into_id;
CREATE TABLE head AS
    SELECT id, concept.curie, part_row.name,
           CASE WHEN category.category <> '{UNKNOWN}' THEN category.category
                ELSE coalesce(gathered.category, '{UNKNOWN}') END AS category,
           coalesce(concept.definition_at, gathered.definition_at) AS definition_at
    FROM concept JOIN category USING (id) JOIN member USING (id) JOIN part_row ON spot = name_at
    LEFT JOIN gathered USING (id) WHERE id = into_id;
"""  # noqa: S608

# Where a part's rows go: the concept that its own was merged into.
_GOAL: Final = "part JOIN member USING (id)"
_LINKED: Final = """
FROM link JOIN member USING (id) JOIN concept own ON own.id = into_id LEFT JOIN renamed ON renamed.curie = target
"""
_NEW_TARGET: Final = "coalesce(renamed.into_curie, target)"
_SCOPE_RANK: Final = "list_position(['label', 'exact', 'narrow', 'broad', 'related'], scope)"

_SORTS: Final = {
    "heads": "SELECT id AS rank, curie, name, category FROM head ORDER BY rank",
    "definition": "SELECT id AS rank, definition AS value FROM head JOIN part_row ON spot = definition_at ORDER BY rank",
    "synonyms": f"""
        SELECT into_id AS rank, given.name AS name, scope FROM (
            SELECT spot, name, scope FROM name_row WHERE language IS NULL
            UNION ALL SELECT spot, name, 'exact' FROM part_row ANTI JOIN (
                SELECT spot, name FROM name_row WHERE language IS NOT NULL) USING (spot, name) WHERE name IS NOT NULL
        ) given JOIN {_GOAL} USING (spot) JOIN head ON head.id = into_id
        WHERE given.name <> head.name ORDER BY rank, name, {_SCOPE_RANK}""",  # noqa: S608
    "translations": f"""
        SELECT into_id AS rank, language, name, scope FROM name_row JOIN {_GOAL} USING (spot)
        WHERE language IS NOT NULL ORDER BY rank, language, name, {_SCOPE_RANK}""",  # noqa: S608
    "parents": f"""
        SELECT into_id AS rank, {_NEW_TARGET} AS value {_LINKED}
        WHERE kind = 'parent' AND value <> own.curie ORDER BY rank, value""",
    # What was merged into a concept stays as its cross-reference, and so do its retired identifiers.
    "xrefs": f"""
        SELECT into_id AS rank, {_NEW_TARGET} AS value {_LINKED}
        WHERE kind = 'xref' AND value <> own.curie
        UNION ALL SELECT into_id, target FROM link JOIN member USING (id) JOIN concept own ON own.id = into_id
        WHERE kind = 'alternative' AND target <> own.curie
        UNION ALL SELECT into_id, curie FROM member JOIN concept USING (id) WHERE id <> into_id
        ORDER BY rank, value""",  # noqa: S608
    "matches": f"""
        SELECT into_id AS rank, {_NEW_TARGET} AS curie, kind AS predicate {_LINKED}
        WHERE kind IN ('exact', 'close', 'narrow', 'broad', 'related') AND {_NEW_TARGET} <> own.curie
        UNION ALL SELECT into_id, curie, 'exact' FROM member JOIN concept USING (id) WHERE id <> into_id AND NOT retired
        ORDER BY rank, curie, predicate""",  # noqa: S608
    "sources": f"""
        SELECT DISTINCT into_id AS rank, file_place AS value FROM {_GOAL} JOIN source_file ON source = spot >> 40
        ORDER BY rank, value""",  # noqa: S608
}
_MERGES: Final = """
SELECT curie, merged_into, other, why, file AS source, refused FROM merge_log JOIN source_file USING (source)
ORDER BY curie, merged_into IS NULL, other, why, refused
"""

_TEXT = pa.string()
_KEYS: Final = {"synonyms": ["name"], "translations": ["language", "name"], "matches": ["curie", "predicate"]}


def _rows(connection: Any, files: pa.Array, folder: str) -> Iterator[pa.RecordBatch]:
    """Rows of VOCABULARY. One sort at a time, so that each may use the whole memory limit; they wait on disk."""
    heads = sorted_on_disk(connection, _SORTS["heads"], f"{folder}/heads")
    lists = _lists(connection, folder, [name for name in _SORTS if name != "heads"])
    for rows in heads:
        ranks = rows["rank"].to_numpy()
        columns = {name: rows[name] for name in ("curie", "name", "category")}
        columns |= {name: one.take(ranks) for name, one in lists.items()}
        columns["definition"] = _only(columns["definition"])
        columns["sources"] = _named(columns["sources"], files)
        yield pa.RecordBatch.from_arrays(
            [columns[field.name].cast(field.type) for field in VOCABULARY], schema=VOCABULARY
        )


def _lists(connection: Any, folder: str, names: Sequence[str]) -> dict[str, SortedLists]:
    """The columns that are lists. Definitions are lists of one or none, sources lists of places in `files`."""
    kinds = {field.name: field.type.value_type for field in VOCABULARY if pa.types.is_list(field.type)}
    kinds |= {"definition": _TEXT, "sources": pa.int64()}
    sorts = {name: sorted_on_disk(connection, _SORTS[name], f"{folder}/{name}") for name in names}
    return {name: SortedLists(rows, kinds[name], _KEYS.get(name, ["value"])) for name, rows in sorts.items()}


def _only(lists: pa.ListArray) -> pa.Array:
    """The one item of each list, null where there is none."""
    places = np.where(lists.value_lengths().to_numpy() > 0, lists.offsets.to_numpy()[:-1], -1)
    return lists.values.take(pa.array(places, pa.int64(), mask=places < 0))


def _named(lists: pa.ListArray, files: pa.Array) -> pa.ListArray:
    return pa.ListArray.from_arrays(lists.offsets, pc.take(files, lists.values))
