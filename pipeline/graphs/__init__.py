"""Graphs that others made, as evidence: one file a format, one table of them all, one contract test that each runs through."""

from __future__ import annotations

from typing import Final

from pipeline.graphs.base import Edge, GraphReader, Node
from pipeline.graphs.curated_table import CuratedTable
from pipeline.graphs.kgx import KgxEdges
from pipeline.graphs.obo import OboRelationships
from pipeline.graphs.sif import Sif
from pipeline.graphs.triples import Triples

__all__ = ["GRAPHS", "Edge", "GraphReader", "Node", "recognise"]

#: Every reader by its name. No two recognise the same file.
GRAPHS: Final[dict[str, GraphReader]] = {
    reader.name: reader for reader in (CuratedTable(), KgxEdges(), OboRelationships(), Sif(), Triples())
}


def recognise(head: bytes, name: str) -> GraphReader | None:
    """The reader of a file, by its first (decompressed) bytes and its name; None where no reader knows it."""
    return next((reader for reader in GRAPHS.values() if reader.recognises(head, name)), None)
