"""The names of a table that people keep (`pipeline.curated`): what its rows are about, their other names, and what stands in their cells.

Nothing in such a table has an identifier, so each concept gets the one that its name makes. Its class is that of the column it stands in;
where it stands in several, the nearest class that covers them: 头痛, which has a row of its own and is a symptom of other
diseases, is a `DiseaseOrPhenotypicFeature`. Therefore classes come last, when the whole file was read. Names in another language
than English are translations, also the preferred one, so that a merge never makes an English name of it.

Memory: 0.5 kB for each distinct name.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from pipeline.biolink import ancestors_of, is_kind_of
from pipeline.curated.mapping import TableMapping, shipped_tables
from pipeline.curated.names import name_curie
from pipeline.curated.rows import mapping_of, table_rows
from pipeline.errors import SetAside
from pipeline.readers.streams import ReadAhead
from pipeline.vocabularies.base import Concept, OnSetAside

__all__ = ["CuratedTable"]


class CuratedTable:
    """Tables with a mapping: the shipped ones, and others that are given."""

    name = "curated_table.v1"

    def __init__(self, mappings: Sequence[TableMapping] = ()) -> None:
        self._given = tuple(mappings)

    @property
    def mappings(self) -> tuple[TableMapping, ...]:
        """Those given, then the shipped ones."""
        return (*self._given, *shipped_tables())

    def recognises(self, head: bytes, name: str) -> bool:
        """By the columns of a mapping in its header."""
        del name
        return mapping_of(head, self.mappings) is not None

    def load(self, stream: BinaryIO, file: str, set_aside: OnSetAside) -> Iterator[Concept]:
        """Yield the other names of each row as they come, then every concept with its name and class."""
        source = ReadAhead(stream)
        mapping = mapping_of(source.head, self.mappings)
        if mapping is None:
            return
        found: dict[str, tuple[str, str]] = {}

        def meet(name: str, category: str) -> str:
            curie = name_curie(name, category)
            first, known = found.get(curie, (name, category))
            found[curie] = (first, _covering(known, category))
            return curie

        for row in table_rows(io.BufferedReader(source), file, source.head, mapping):
            if isinstance(row, SetAside):
                set_aside(row)
                continue
            curie = meet(row.name, mapping.subject.category)
            if row.aliases:
                yield _named(curie, "", row.aliases, mapping.language)
            for column, name in row.items:
                meet(name, mapping.columns[column].category)
        for curie, (name, category) in found.items():
            concept = _named(curie, name, (name,), mapping.language)
            concept.category = category
            yield concept


def _covering(one: str, other: str) -> str:
    """The nearest class that covers both."""
    return next(above for above in ancestors_of(one) if is_kind_of(other, above))


def _named(curie: str, name: str, names: Sequence[str], language: str) -> Concept:
    if language == "en":
        return Concept(curie, name, tuple((one, "exact") for one in names if one != name))
    return Concept(curie, name, translations=tuple((language, one, "exact") for one in names))
