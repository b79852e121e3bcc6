"""Triples of an RDF file one subject after another, safely: RDF/XML, Turtle, N-Triples and JSON-LD.

Oxigraph parses (Rust, about 400,000 triples a second) and streams. It unfolds XML entities when they are declared, without a
limit: ten lines of nested entities cost it 6 GB. Ontologies do declare entities, one short IRI for each namespace, so a prolog is
let through where every entity is such a text, and refused where one refers to another or to a file.

Rejected: rdflib's parsers (fifteen times slower, and they hold the whole graph).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, BinaryIO

import pyoxigraph

from pipeline.readers.xml_stream import root_name

__all__ = ["RdfError", "Statements", "rdf_format", "subjects"]

#: The objects of one subject, by predicate IRI: named nodes and literals, as pyoxigraph's terms.
Statements = dict[str, list[Any]]

_HEAD = 1 << 16
_PLAIN_ENTITY = re.compile(rb"""<!ENTITY\s+[\w.-]+\s+(?:"[^"&%<]{0,300}"|'[^'"&%<]{0,300}')\s*>""")
# N-Triples is a part of Turtle, and read as such.
_TURTLE = re.compile(
    rb"\s*(?:#[^\n]*\n\s*)*(?:(?:@prefix|@base|PREFIX|BASE)\s|(?:<[^<>\s]+>|_:\S+)\s+(?:<[^<>\s]+>|a)\s+\S)",
    re.IGNORECASE,
)
_JSON_LD = re.compile(rb"""\s*[\[{].{0,2000}?"@(?:context|graph|id)"\s*:""", re.DOTALL)


class RdfError(Exception):
    """The file cannot be read further. `reason` is kebab-case, the message one clause."""

    def __init__(self, reason: str, problem: str) -> None:
        super().__init__(problem)
        self.reason = reason


def rdf_format(head: bytes) -> pyoxigraph.RdfFormat | None:
    """The RDF syntax of a file by its first bytes; None where it is none of the four."""
    head = head.removeprefix(b"\xef\xbb\xbf")
    if root_name(head) == "RDF":
        return pyoxigraph.RdfFormat.RDF_XML
    if _TURTLE.match(head):
        return pyoxigraph.RdfFormat.TURTLE
    return pyoxigraph.RdfFormat.JSON_LD if _JSON_LD.match(head) else None


def subjects(stream: BinaryIO) -> Iterator[tuple[str, Statements, dict[str, str]]]:
    """Yield (IRI, statements, prefixes declared so far) for each run of triples with one named subject.

    Triples of blank nodes (restrictions, annotated axioms) are passed over, and do not end the run they stand in.

    Raises:
        RdfError: where the file breaks off; what was yielded before stands.
    """
    source = _Guarded(stream)
    format_ = rdf_format(source.head)
    if format_ is None:
        raise RdfError("unknown-syntax", "the file is neither RDF/XML, Turtle, N-Triples nor JSON-LD")
    current, statements = "", Statements()
    parser = pyoxigraph.parse(source, format=format_)  # type: ignore[arg-type]
    try:
        for quad in parser:
            if not isinstance(quad.subject, pyoxigraph.NamedNode):
                continue
            if quad.subject.value != current:
                if current:
                    yield current, statements, parser.prefixes
                current, statements = quad.subject.value, defaultdict(list)
            statements[quad.predicate.value].append(quad.object)
    except (SyntaxError, ValueError) as error:  # ValueError: an IRI or language tag that the grammar refuses
        line = f"line {error.lineno}: " if isinstance(error, SyntaxError) and error.lineno else ""
        raise source.problem or RdfError(
            "malformed-rdf", f"{line}{str(error).splitlines()[0].rstrip('.')[:200]}"
        ) from error
    if current:
        yield current, statements, parser.prefixes


class _Guarded:
    """A stream that hands over nothing before its prolog is known to be harmless, and no entity declaration behind it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        head = bytearray()
        while len(head) < _HEAD and (piece := stream.read(_HEAD - len(head))):
            head += piece
        self.head = bytes(head).removeprefix(b"\xef\xbb\xbf")
        # Oxigraph knows double quotes only.
        self._waiting = _PLAIN_ENTITY.sub(lambda entity: entity[0].replace(b"'", b'"'), self.head)
        self._last = b""
        self.problem: RdfError | None = None
        # All of them must stand in the head, each a plain text.
        if self.head.count(b"<!ENTITY") != len(_PLAIN_ENTITY.findall(self.head)):
            raise RdfError(
                "entity-declaration", "an XML entity refers to others or to a file, and so could unfold without end"
            )

    def read(self, size: int) -> bytes:
        if self._waiting:
            # never more than is asked for: Oxigraph aborts the process then
            piece, self._waiting = self._waiting[:size], self._waiting[size:]
            return piece
        piece = self._stream.read(size)
        if b"<!ENTITY" in self._last + piece:
            self.problem = RdfError("entity-declaration", "an XML entity is declared behind the file's first 64 KiB")
            return b""
        self._last = piece[-8:]
        return piece
