"""Hetionet's SIF: every edge of a heterogeneous network on a line, with the kinds of its nodes and the abbreviation of its metaedge.

Format: https://github.com/hetio/hetionet/tree/main/hetnet/tsv. A header `source<TAB>metaedge<TAB>target`, then lines such as
`Compound::DB00945<TAB>CtD<TAB>Disease::DOID:9351`. A table that ships (`hetionet.yaml`) says which Biolink predicate a metaedge
is, and which prefix and class a kind of node has; what a user's mapping says goes before it. Directions that Biolink expresses
with qualifiers (up- and downregulates) are lost: see the table.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from pipeline.errors import SetAside
from pipeline.graphs.base import Edge, Node
from pipeline.graphs.lines import triple_lines
from pipeline.graphs.mapping import GraphMapping, shipped_mapping

__all__ = ["Sif"]

_HEADER = ("source", "metaedge", "target")


class Sif:
    """Reader of Hetionet's SIF."""

    name = "sif.v1"

    def recognises(self, head: bytes, name: str) -> bool:
        """By its header."""
        del name
        first = head.removeprefix(b"\xef\xbb\xbf").partition(b"\n")[0]
        return tuple(first.decode(errors="replace").strip().lower().split("\t")) == _HEADER

    def nodes(self, stream: BinaryIO, file: str, head: bytes) -> Iterator[Node | SetAside]:
        """None: the kind of a node stands in every edge."""
        del stream, file, head
        yield from ()

    def edges(self, stream: BinaryIO, file: str, head: bytes, mapping: GraphMapping) -> Iterator[Edge | SetAside]:
        """One edge a line."""
        del head
        yield from triple_lines(stream, file, mapping.over(shipped_mapping("hetionet.yaml")), _HEADER)
