"""A table that people keep (`pipeline.curated`) as a graph: what a row is about, and each name in its cells, are an edge.

The ends are concepts that only their name identifies; they are the concepts that the same table gives to the vocabulary.
Which predicate a column stands for, in which direction, and how much it is worth, the table's mapping says. Cost: 70,000 edges a
second on one core, in the memory of one row. A thing that two rows say of one subject is two edges and, as its evidence has one id,
one row of evidence in the graph.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import BinaryIO

from pipeline.curated.mapping import TableMapping, shipped_tables
from pipeline.curated.names import name_curie
from pipeline.curated.rows import mapping_of, table_rows
from pipeline.errors import SetAside
from pipeline.graphs.base import Edge, Node, plain_sentence
from pipeline.graphs.mapping import GraphMapping
from pipeline.graphs.scores import worth_of

__all__ = ["CuratedTable"]


class CuratedTable:
    """Reader of tables with one of the mappings given, or of those that ship."""

    name = "curated_table.v1"

    def __init__(self, mappings: Sequence[TableMapping] | None = None) -> None:
        self._mappings = shipped_tables() if mappings is None else tuple(mappings)

    def recognises(self, head: bytes, name: str) -> bool:
        """By the columns of a mapping in its header."""
        del name
        return mapping_of(head, self._mappings) is not None

    def nodes(self, stream: BinaryIO, file: str, head: bytes) -> Iterator[Node | SetAside]:
        """None: every edge says what its ends are."""
        del stream, file, head
        yield from ()

    def edges(self, stream: BinaryIO, file: str, head: bytes, mapping: GraphMapping) -> Iterator[Edge | SetAside]:
        """One edge for each name in a cell; the mapping of graphs has no say."""
        del mapping
        table = mapping_of(head, self._mappings) or self._mappings[0]
        for row in table_rows(stream, file, head, table):
            if isinstance(row, SetAside):
                yield row
            else:
                subject = name_curie(row.name, table.subject.category)
                for column, name in row.items:
                    yield _edge(row.place, (subject, row.name), column, name, table)


def _edge(place: str, about: tuple[str, str], column: str, name: str, table: TableMapping) -> Edge:
    rule = table.columns[column]
    sentence, first, second = plain_sentence(about[1], column, name)
    ends = ((about[0], first, table.subject.category), (name_curie(name, rule.category), second, rule.category))
    subject, object_ = reversed(ends) if rule.reverse else ends
    return Edge(
        place,
        subject[0],
        rule.predicate,
        object_[0],
        sentence,
        subject[1] + object_[1],
        column,
        worth_of(rule.knowledge_level),
        subject_category=subject[2],
        object_category=object_[2],
    )
