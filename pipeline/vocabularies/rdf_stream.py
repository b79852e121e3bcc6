"""Triples of an RDF file one subject after another, safely: RDF/XML, Turtle, N-Triples and JSON-LD.

Oxigraph parses (Rust, about 400,000 triples a second) and streams. It unfolds XML entities when they are declared, without a
limit: ten lines of nested entities cost it 6 GB. Ontologies do declare entities, one short IRI for each namespace, so a prolog is
let through where every entity is such a text, and refused where one refers to another or to a file. It takes time with the
square of the depth of XML, and takes XML that simply ends for whole: depth and end are looked at here, in the bytes.
IRIs are not validated: one bad IRI would end the file, while its concept alone is without an identifier.

Rejected: rdflib's parsers (fifteen times slower, and they hold the whole graph).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, BinaryIO

import pyoxigraph

from pipeline.readers.xml_stream import root_name

__all__ = ["RdfError", "Statements", "rdf_format", "subjects"]

#: The objects of one subject, by predicate IRI: named nodes and literals, as pyoxigraph's terms.
Statements = dict[str, list[Any]]

_HEAD = 1 << 16
#: Where the end of the root element is looked for: comments may follow it.
_TAIL = 1 << 12
_PLAIN_ENTITY = re.compile(rb"""<!ENTITY\s+[\w.-]+\s+(?:"[^"&%<]{0,300}"|'[^'"&%<]{0,300}')\s*>""")
# N-Triples is a part of Turtle, and read as such.
_TURTLE = re.compile(
    rb"\s*(?:#[^\n]*\n\s*)*(?:(?:@prefix|@base|PREFIX|BASE)\s|(?:<[^<>\s]+>|_:\S+)\s+(?:<[^<>\s]+>|a)\s+\S)",
    re.IGNORECASE,
)
#: Subjects whose statements may still go on: the classes around a class written inside them.
_OPEN = 64
#: RDF/XML nests a few levels; classes written inside classes, some dozens.
_DEEPEST = 1000
_ROOT_END = re.compile(rb"</(?:[\w.-]+:)?RDF\s*>")
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
    """Yield (IRI, statements, prefixes declared so far) for each named subject, once `_OPEN` others came after its last triple.

    Triples of blank nodes (restrictions, annotated axioms) are passed over.

    Raises:
        RdfError: where the file breaks off; what was yielded before stands.
    """
    source = _Guarded(stream)
    format_ = rdf_format(source.head)
    if format_ is None:
        raise RdfError("unknown-syntax", "the file is neither RDF/XML, Turtle, N-Triples nor JSON-LD")
    broken: RdfError | None = None
    current, waiting = "", dict[str, Statements]()
    parser = pyoxigraph.parse(source, format=format_, lenient=True)  # type: ignore[arg-type]
    try:
        for quad in parser:
            if not isinstance(quad.subject, pyoxigraph.NamedNode):
                continue
            if quad.subject.value != current:
                current = quad.subject.value
                waiting[current] = waiting.pop(current, {})  # to the end of the line
                if len(waiting) > _OPEN:
                    first = next(iter(waiting))
                    yield first, waiting.pop(first), parser.prefixes
            waiting[current].setdefault(quad.predicate.value, []).append(quad.object)
    except (SyntaxError, ValueError) as error:  # ValueError: a language tag or JSON-LD context that the grammar refuses
        line = f"line {error.lineno}: " if isinstance(error, SyntaxError) and error.lineno else ""
        broken = source.problem or RdfError("malformed-rdf", f"{line}{str(error).splitlines()[0].rstrip('.')[:200]}")
    if broken is None and format_ == pyoxigraph.RdfFormat.RDF_XML:
        broken = source.problem or source.unfinished()
    if broken is not None:
        waiting.pop(current, None)  # in the middle of it the file broke off
    for subject, statements in waiting.items():
        yield subject, statements, parser.prefixes
    if broken is not None:
        raise broken


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
        self._is_xml = root_name(self.head) == "RDF"
        self._last = b""
        self._rest = b""
        self._depth = 0
        self._lines = 1
        self.problem: RdfError | None = None
        # All of them must stand in the head, each a plain text.
        if self.head.count(b"<!ENTITY") != len(_PLAIN_ENTITY.findall(self.head)):
            raise RdfError(
                "entity-declaration", "an XML entity refers to others or to a file, and so could unfold without end"
            )

    def read(self, size: int) -> bytes:
        behind = not self._waiting
        if self._waiting:
            # never more than is asked for: Oxigraph aborts the process then
            piece, self._waiting = self._waiting[:size], self._waiting[size:]
        else:
            piece = self._stream.read(size)
        if self._is_xml and self.problem is None:
            self._check(piece, behind)
        return b"" if self.problem else piece

    def _check(self, piece: bytes, behind: bool) -> None:
        """Look at a piece for entities declared behind the head, and for elements that nest without end."""
        text = self._last + piece
        if behind and text.find(b"<!ENTITY", max(0, len(self._last) - 7)) >= 0:
            self.problem = RdfError("entity-declaration", "an XML entity is declared behind the file's first 64 KiB")
        self._last = text[-_TAIL:]
        # A piece may end between the signs of `</` or `/>`; that sign is counted with the next one.
        text = self._rest + piece
        self._rest = text[-1:] if text.endswith((b"<", b"/")) else b""
        text = text[: len(text) - len(self._rest)]
        self._lines += piece.count(b"\n")
        closed = 2 * text.count(b"</") + text.count(b"/>") + text.count(b"<!") + text.count(b"<?")
        self._depth += text.count(b"<") - closed
        if self._depth > _DEEPEST:
            self.problem = RdfError("malformed-rdf", f"line {self._lines}: elements are nested deeper than {_DEEPEST}")

    def unfinished(self) -> RdfError | None:
        """What is wrong with XML that came to its end: its root element may not be closed."""
        if _ROOT_END.search(self._last):
            return None
        return RdfError("malformed-rdf", f"line {self._lines}: the file ends before its root element does")
