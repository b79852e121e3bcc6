"""The names of a table that people keep (`pipeline.curated`): what its rows are about, their other names, and what stands in their cells.

Nothing in such a table has an identifier, so each concept gets the one that its name makes, and the class of the columns it stands in
(`pipeline.vocabularies.named_concepts`).
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from pipeline.curated.mapping import TableMapping, shipped_tables
from pipeline.curated.rows import mapping_of, table_rows
from pipeline.errors import SetAside
from pipeline.hashing import hash_fields
from pipeline.readers.streams import ReadAhead
from pipeline.vocabularies.base import Concept, OnSetAside
from pipeline.vocabularies.named_concepts import NamedConcepts

__all__ = ["CuratedTable"]


class CuratedTable:
    """Tables with one of the mappings given, or of those that ship."""

    name = "curated_table.v1"

    def __init__(self, mappings: Sequence[TableMapping] | None = None) -> None:
        self._mappings = shipped_tables() if mappings is None else tuple(mappings)

    @property
    def version(self) -> str:
        """A hash of the mappings."""
        return hash_fields(*(mapping.version for mapping in self._mappings))

    def recognises(self, head: bytes, name: str) -> bool:
        """By the columns of a mapping in its header."""
        del name
        return mapping_of(head, self._mappings) is not None

    def load(self, stream: BinaryIO, file: str, set_aside: OnSetAside) -> Iterator[Concept]:
        """Yield the other names of each row as they come, then every concept with its name and class."""
        source = ReadAhead(stream)
        mapping = mapping_of(source.head, self._mappings) or self._mappings[0]
        named = NamedConcepts(mapping.language)
        for row in table_rows(io.BufferedReader(source), file, source.head, mapping):
            if isinstance(row, SetAside):
                set_aside(row)
                continue
            curie = named.meet(row.name, mapping.subject.category)
            if row.aliases:
                yield named.with_names(curie, row.name, row.aliases)
            for column, name in row.items:
                named.meet(name, mapping.columns[column].category)
        yield from named.concepts()
