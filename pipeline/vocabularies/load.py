"""All vocabulary files together as one table: concepts of one CURIE joined, each with a category, sorted.

The file that is named first has the first word: its preferred name stays preferred, its definition and its category
stand; names, parents and cross-references of the others are added. The category is what a file states, else what a
rule says, else, for MeSH, what the name says.

The work is a dictionary of concepts, about 1 kB each, and Arrow columns filled from flat lists; 100,000 names take
about two seconds. A join in DuckDB was rejected, because the loaders yield Python objects and would have to be staged
first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
from upath import UPath

from pipeline.curies import prefix_of
from pipeline.errors import MateriaError, SetAside
from pipeline.tables import VOCABULARY
from pipeline.vocabularies.base import SCOPES, Concept, OnSetAside
from pipeline.vocabularies.categories import UNKNOWN, assign, load_rules
from pipeline.vocabularies.name_categories import classify
from pipeline.vocabularies.sources import list_vocabularies, read_concepts

__all__ = ["load_vocabulary"]

_RANK = {scope: rank for rank, scope in enumerate(SCOPES)}


@dataclass(slots=True)
class _Merged:
    """A concept being joined from several files."""

    first: Concept
    synonyms: dict[str, int] = field(default_factory=dict)
    sources: dict[str, None] = field(default_factory=dict)


def load_vocabulary(
    paths: Sequence[str | UPath], set_aside: OnSetAside, *, categories: str | UPath | None = None
) -> pa.Table:
    """The concepts of all files as a table with the schema `VOCABULARY`, one row a CURIE, sorted by CURIE.

    Args:
        paths: files, folders or fsspec URLs, in order of precedence. gzip is recognised by content.
        set_aside: called for each record or clause that cannot be used.
        categories: a YAML file of category rules that go before the shipped ones.

    Raises:
        MateriaError: a file is missing, empty, damaged, of no known format, or holds no usable concept.
    """
    rules = load_rules(categories)
    files = list_vocabularies(paths)
    if not files:
        raise MateriaError("no vocabulary is given", remedy="Name at least one vocabulary file")
    merged: dict[str, _Merged] = {}
    for path in files:
        _read_file(path, merged, set_aside)
    concepts = {curie: entry.first for curie, entry in merged.items()}
    assigned = assign(concepts, rules)
    left = (c for c in concepts.values() if c.category is None and c.curie not in assigned)
    by_name = {c.curie: c.name for c in left if prefix_of(c.curie) == "MESH"}
    assigned.update(zip(by_name, classify(list(by_name.values())), strict=True))
    return _table([merged[curie] for curie in sorted(merged)], assigned)


def _read_file(path: UPath, merged: dict[str, _Merged], set_aside: OnSetAside) -> None:
    """Add one file's concepts to the others."""
    reasons: Counter[str] = Counter()

    def count(record: SetAside) -> None:
        reasons[record.reason] += 1
        set_aside(record)

    empty = True
    for concept in read_concepts(path, count):
        empty = False
        _add(concept, path.name, merged)
    if empty:
        why = ", ".join(f"{number} {reason}" for reason, number in sorted(reasons.items()))
        problem = f"holds no usable concept{f' (set aside: {why})' if why else ''}"
        raise MateriaError(problem, file=path.name, remedy="Check that it is the right file, or leave it out")


def _add(concept: Concept, file: str, merged: dict[str, _Merged]) -> None:
    entry = merged.get(concept.curie)
    if entry is None:
        entry = merged[concept.curie] = _Merged(concept)
    else:
        first = entry.first
        _offer(entry, concept.name, "exact")
        first.category = first.category or concept.category
        first.definition = first.definition or concept.definition
        first.parents += concept.parents
        first.xrefs += concept.xrefs
        first.marks += concept.marks
    entry.sources[file] = None
    for name, scope in concept.synonyms:
        _offer(entry, name, scope)
    if entry.first is concept:
        concept.synonyms = ()


def _offer(entry: _Merged, name: str, scope: str) -> None:
    """Add a name, once, with the closest of its scopes; not the preferred one again."""
    if name != entry.first.name:
        rank = _RANK[scope]
        entry.synonyms[name] = min(rank, entry.synonyms.get(name, rank))


def _table(entries: list[_Merged], assigned: dict[str, str]) -> pa.Table:
    """The Arrow table. Lists are built from offsets and flat values, several times faster than from nested objects."""
    firsts = [entry.first for entry in entries]
    synonyms = [sorted(entry.synonyms.items()) for entry in entries]
    values = pa.StructArray.from_arrays(
        [
            pa.array([name for row in synonyms for name, _ in row], pa.string()),
            pa.array([SCOPES[rank] for row in synonyms for _, rank in row], pa.string()),
        ],
        fields=list(VOCABULARY.field("synonyms").type.value_type),
    )
    columns = {
        "curie": pa.array([c.curie for c in firsts], pa.string()),
        "name": pa.array([c.name for c in firsts], pa.string()),
        "synonyms": pa.ListArray.from_arrays(_offsets(map(len, synonyms)), values),
        "category": pa.array([c.category or assigned.get(c.curie, UNKNOWN) for c in firsts], pa.string()),
        "definition": pa.array([c.definition for c in firsts], pa.string()),
        "parents": _lists([sorted(set(c.parents)) for c in firsts]),
        "xrefs": _lists([sorted(set(c.xrefs) - {c.curie}) for c in firsts]),
        "sources": _lists([list(entry.sources) for entry in entries]),
        "translations": pa.array([[]] * len(entries), VOCABULARY.field("translations").type),
        "matches": pa.array([[]] * len(entries), VOCABULARY.field("matches").type),
    }
    return pa.Table.from_arrays([columns[field.name].cast(field.type) for field in VOCABULARY], schema=VOCABULARY)


def _lists(rows: list[list[str]]) -> pa.ListArray:
    return pa.ListArray.from_arrays(
        _offsets(map(len, rows)), pa.array([one for row in rows for one in row], pa.string())
    )


def _offsets(lengths: Iterable[int]) -> pa.Array:
    offsets = [0]
    for length in lengths:
        offsets.append(offsets[-1] + length)
    return pa.array(offsets, pa.int32())
