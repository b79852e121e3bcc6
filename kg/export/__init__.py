"""The graph in the formats of others: one file a format, one table of them all, one contract test that each runs through."""

from __future__ import annotations

from typing import Final

from kg.export.base import Exporter, Selection
from kg.export.graphml import GraphMl
from kg.export.kgx import Kgx
from kg.export.neo4j import Neo4j
from kg.export.nquads import NQuads
from kg.export.parquet import Parquet
from kg.export.prov import Prov
from kg.export.pykeen import PyKeen
from kg.export.sssom import Sssom
from kg.export.turtle import Turtle

__all__ = ["EXPORTERS", "Exporter", "Selection"]

#: Every exporter by the word of `materia export --format`.
EXPORTERS: Final[dict[str, Exporter]] = {
    exporter.name.rpartition(".v")[0]: exporter
    for exporter in (NQuads(), Turtle(), Kgx(), GraphMl(), Neo4j(), PyKeen(), Parquet(), Sssom(), Prov())
}
