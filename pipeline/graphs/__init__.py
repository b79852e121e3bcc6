"""Graphs that others made, as evidence: one file a format, one table of them all, one contract test that each runs through."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pipeline.curated.mapping import TableMapping
from pipeline.graphs.base import Edge, GraphReader, Node
from pipeline.graphs.cmeie import Cmeie
from pipeline.graphs.curated_table import CuratedTable
from pipeline.graphs.kgx import KgxEdges
from pipeline.graphs.obo import OboRelationships
from pipeline.graphs.sif import Sif
from pipeline.graphs.triples import Triples

__all__ = ["GRAPHS", "NAMING", "Edge", "GraphReader", "Node", "recognise"]

#: Every reader by its name. No two recognise the same file.
GRAPHS: Final[dict[str, GraphReader]] = {
    reader.name: reader for reader in (Cmeie(), CuratedTable(), KgxEdges(), OboRelationships(), Sif(), Triples())
}

#: Readers of graphs whose nodes only their names identify: such a file is a vocabulary as well, also where nobody says so.
NAMING: Final = frozenset({Cmeie.name, CuratedTable.name})


def recognise(head: bytes, name: str, tables: Sequence[TableMapping] = ()) -> GraphReader | None:
    """The reader of a file, by its first (decompressed) bytes and its name; None where no reader knows it.

    `tables` are mappings of a user's own tables, which go before everything else.
    """
    if tables and (own := CuratedTable(tables)).recognises(head, name):
        return own
    return next((reader for reader in GRAPHS.values() if reader.recognises(head, name)), None)
