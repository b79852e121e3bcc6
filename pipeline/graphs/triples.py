"""Plain triples: head, relation and tail with tabs between them, and a score where there is a fourth column.

The form of link-prediction benchmarks and of many dumps (DRKG, PrimeKG cut to three columns). A header
`head<TAB>relation<TAB>tail[<TAB>score]` may stand on the first line. Such files say nothing of what their words mean, so a user's mapping
does (`pipeline.graphs.mapping`); without one, only triples between CURIEs with a `biolink:` predicate are taken. Archives are
unpacked first: their splits are parts of one graph, and which of them to give is the user's choice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from pipeline.errors import SetAside
from pipeline.graphs.base import Edge, Node
from pipeline.graphs.lines import triple_lines
from pipeline.graphs.mapping import GraphMapping

__all__ = ["Triples"]

_HEADER = ("head", "relation", "tail", "score")
_CELL = r"[^\t\r\n\x00-\x1f]+"
_LINE = re.compile(rf"(?:{_CELL}\t{_CELL}\t{_CELL})(?:\t(?:score|[-+0-9.eE]*))?", re.IGNORECASE)


class Triples:
    """Reader of tab-separated triples."""

    name = "triples.v1"

    def recognises(self, head: bytes, name: str) -> bool:
        """By its first lines: three cells each, or four where the last is a number; no header of another format."""
        del name
        try:
            # the last line may be cut anywhere, also inside a character
            whole, _, rest = head.removeprefix(b"\xef\xbb\xbf").rpartition(b"\n")
            lines = [line.rstrip("\r") for line in (whole or rest).decode().split("\n") if line.strip()][:20]
        except UnicodeDecodeError:
            return False
        if not lines or not all(_LINE.fullmatch(line) for line in lines):
            return False
        first = {cell.strip().lower() for cell in lines[0].split("\t")}
        return not (
            first >= {"source", "metaedge", "target"} or first >= {"subject", "object"} or first >= {"id", "category"}
        )

    def nodes(self, stream: BinaryIO, file: str, head: bytes) -> Iterator[Node | SetAside]:
        """None: a triple does not say what its nodes are."""
        del stream, file, head
        yield from ()

    def edges(self, stream: BinaryIO, file: str, head: bytes, mapping: GraphMapping) -> Iterator[Edge | SetAside]:
        """One edge a line."""
        del head
        yield from triple_lines(stream, file, mapping, _HEADER, scores=True)
