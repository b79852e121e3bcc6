"""The concepts of one file as three flat tables: what it says of each, before any other file is looked at.

A concept is a row of CONCEPT_PARTS; its other names are rows of CONCEPT_NAMES, and what it refers to are rows of
CONCEPT_LINKS, which both point to it by its place in the file. Flat rows are what DuckDB joins out of core; lists inside
rows would have to be unnested first. A concept as a Python object (1 kB each) lives only as long as its chunk.

Cost: about 3 microseconds for a concept or name, beside what the loader takes; memory of one chunk.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

import pyarrow as pa

from pipeline.errors import SetAside
from pipeline.tables import CONCEPT_LINKS, CONCEPT_NAMES, CONCEPT_PARTS
from pipeline.vocabularies.base import Concept, OnSetAside

__all__ = ["PART_TABLES", "flatten"]

#: The tables of one file, by the name they have on disk.
PART_TABLES: Final[dict[str, pa.Schema]] = {"parts": CONCEPT_PARTS, "names": CONCEPT_NAMES, "links": CONCEPT_LINKS}

_CHUNK = 8192


def flatten(concepts: Iterable[Concept], file: str, set_aside: OnSetAside) -> Iterator[dict[str, pa.RecordBatch]]:
    """Yield the tables of `PART_TABLES` piece by piece, in the order of the concepts.

    Args:
        concepts: what a loader yields.
        file: name of the file, for messages.
        set_aside: called for each concept that holds half a surrogate pair, which is no Unicode text.
    """
    rest, place = iter(concepts), 0
    while chunk := list(islice(rest, _CHUNK)):
        try:
            yield _tables(chunk, place)
        except UnicodeEncodeError:
            yield _tables([concept for concept in chunk if _is_text(concept, file, set_aside)], place)
        place += len(chunk)


def _tables(chunk: list[Concept], start: int) -> dict[str, pa.RecordBatch]:
    places = range(start, start + len(chunk))
    placed = list(zip(places, chunk, strict=True))
    names: list[tuple[int, str | None, str, str]]
    names = [(place, None, name, scope) for place, one in placed for name, scope in one.synonyms]
    names += [(place, *translation) for place, one in placed for translation in one.translations]
    links = [(place, "parent", target) for place, one in placed for target in one.parents]
    links += [(place, "xref", target) for place, one in placed for target in one.xrefs]
    links += [(place, "alternative", target) for place, one in placed for target in one.alternatives]
    links += [(place, kind, target) for place, one in placed for target, kind in one.matches]
    links += [(place, "mark", mark) for place, one in placed for mark in one.marks]
    columns: dict[str, Sequence[Iterable[object]]] = {
        "parts": [
            places,
            [one.curie for one in chunk],
            [one.name or None for one in chunk],
            [one.category for one in chunk],
            [one.definition for one in chunk],
        ],
        "names": list(zip(*names, strict=True)),
        "links": list(zip(*links, strict=True)),
    }
    return {name: _batch(schema, columns[name]) for name, schema in PART_TABLES.items()}


def _batch(schema: pa.Schema, columns: Sequence[Iterable[object]]) -> pa.RecordBatch:
    if not columns:
        return pa.RecordBatch.from_pylist([], schema)
    arrays = [pa.array(column, field.type) for field, column in zip(schema, columns, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _is_text(concept: Concept, file: str, set_aside: OnSetAside) -> bool:
    try:
        _tables([concept], 0)
    except UnicodeEncodeError:
        detail = "The concept holds half of a surrogate pair, which is no character. Correct the escape in the file."
        curie = concept.curie.encode("utf-8", "backslashreplace").decode()
        set_aside(SetAside(file, curie, "not-unicode", detail))
        return False
    return True
