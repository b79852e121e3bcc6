"""Curated relations of ontologies: the `relationship` clauses of OBO flat files, such as UBERON:0000948 part_of UBERON:0004535.

Format: OBO Flat File Format 1.4 (https://owlcollab.github.io/oboformat/doc/obo-syntax.html). Give the file as a vocabulary for its
concepts, superclasses and cross-references, and as a graph for these. A table that ships (`obo_relations.yaml`) says which
Biolink predicate a relation is; what a user's mapping says goes before it, and a relation in neither is set aside with its name.
Obsolete terms say nothing. Logical definitions (`intersection_of`) are not read: they say what a term means, not what holds of it.

Cost: 250,000 lines a second on one core, memory of one term. Rejected: reading them with the vocabulary (they would be evidence in a
table of concepts, and nobody could have the concepts without them).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from pipeline.errors import SetAside
from pipeline.graphs.base import Edge, Node, lines_of_text
from pipeline.graphs.lines import edge_of
from pipeline.graphs.mapping import GraphMapping, shipped_mapping
from pipeline.vocabularies.obo import Obo

__all__ = ["OboRelationships"]

_Relationship = tuple[int, str, str]


class OboRelationships:
    """Reader of the relationships of an OBO file."""

    name = "obo_relationships.v1"

    def recognises(self, head: bytes, name: str) -> bool:
        """As the vocabulary loader does: by a header clause or a term stanza."""
        return Obo().recognises(head, name)

    def nodes(self, stream: BinaryIO, file: str, head: bytes) -> Iterator[Node | SetAside]:
        """None: classes of terms are for the vocabulary to say."""
        del stream, file, head
        yield from ()

    def edges(self, stream: BinaryIO, file: str, head: bytes, mapping: GraphMapping) -> Iterator[Edge | SetAside]:
        """One edge a clause, in the order of the terms."""
        del head
        meanings = mapping.over(shipped_mapping("obo_relations.yaml"))
        term, clauses, counts = "", list[_Relationship](), False
        for item in lines_of_text(stream, file):
            if isinstance(item, SetAside):
                yield item
                continue
            number, line = item
            if line.startswith("["):
                yield from _edges(term, clauses, file, meanings)
                term, clauses, counts = "", [], line.startswith("[Term]")
            if not counts:
                continue
            tag, _, value = line.partition(":")
            words = value.split()
            if tag == "id" and words:
                term = words[0]
            elif tag == "is_obsolete" and words[:1] == ["true"]:
                clauses, counts = [], False
            elif tag == "relationship":
                relation, other = [*words, "", ""][:2]
                clauses.append((number, relation, other))
        yield from _edges(term, clauses, file, meanings)


def _edges(term: str, clauses: list[_Relationship], file: str, meanings: GraphMapping) -> Iterator[Edge | SetAside]:
    for number, relation, other in clauses:
        if not term or not other:
            detail = "The clause is not a relation and a term, or its own term has no id. Correct or remove it."
            yield SetAside(file, f"line {number}", "no-triple", detail)
        else:
            yield edge_of([term, relation, other], f"line {number}", file, meanings)
