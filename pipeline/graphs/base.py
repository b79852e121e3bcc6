"""What a reader of graphs is, and what it hands over.

A reader turns the bytes of one file into edges, one at a time, each with one publication that supports it (or none), so
that an edge becomes one row of evidence. It looks at no other file: categories from the vocabulary, merged identifiers
and the table itself are the work of `pipeline.graphs.evidence`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple, Protocol

from pipeline.errors import SetAside
from pipeline.readers.base import clean
from pipeline.readers.streams import numbered_lines

if TYPE_CHECKING:
    from pipeline.graphs.mapping import GraphMapping

__all__ = ["LONGEST_RECORD", "Edge", "GraphReader", "Node", "lines_of_text", "plain_sentence"]

#: Bytes of a record that are read into memory at most: an edge with tens of thousands of publications is smaller.
LONGEST_RECORD: Final = 1 << 20


class Node(NamedTuple):
    """What a file says of a node of its own: CURIE and Biolink class."""

    curie: str
    category: str


class Edge(NamedTuple):
    """An edge, as supported by one publication or by the file alone.

    Attributes:
        place: where it stands in the file: `line 7`, `edge 7`.
        predicate: a Biolink predicate as a CURIE.
        sentence: what supports it: a sentence of the publication, else the edge as the file writes it.
        spans: start and end of the subject, then of the object, in the sentence; all of it where nobody says where.
        trigger: the relation as the file names it.
        probability: that it holds, in (0, 1).
        publication: CURIE of the paper it is taken from, None where the file names none.
        source: CURIE of the knowledge source (`infores:ctd`), empty where the file names none.
        subject_category, object_category: Biolink classes where the edge itself gives them.
    """

    place: str
    subject: str
    predicate: str
    object: str
    sentence: str
    spans: tuple[int, int, int, int]
    trigger: str
    probability: float
    negated: bool = False
    publication: str | None = None
    source: str = ""
    subject_category: str | None = None
    object_category: str | None = None


class GraphReader(Protocol):
    """A member of the family of graph readers."""

    @property
    def name(self) -> str:
        """Name and version: `sif.v1`, the extractor of its evidence. Raise the version when the output changes."""

    def recognises(self, head: bytes, name: str) -> bool:
        """Whether a file is of this format, by its first (decompressed) bytes and, where they leave it open, its name."""

    def nodes(self, stream: BinaryIO, file: str, head: bytes) -> Iterator[Node | SetAside]:
        """Yield the nodes whose class the file states apart from its edges; nothing where the format has none.

        `head` is what `recognises` saw, for a format that is written in several ways.
        """

    def edges(self, stream: BinaryIO, file: str, head: bytes, mapping: GraphMapping) -> Iterator[Edge | SetAside]:
        """Yield the edges of a decompressed stream in their order, and a `SetAside` for each record not used.

        A file that breaks off ends with a `SetAside`; what was read before it stands.
        `pipeline.readers.streams.BrokenStreamError` passes through.
        """


def plain_sentence(subject: str, relation: str, object_: str) -> tuple[str, tuple[int, int], tuple[int, int]]:
    """An edge as its file writes it, and where subject and object stand in that."""
    sentence = f"{subject} {relation} {object_}"
    return sentence, (0, len(subject)), (len(sentence) - len(object_), len(sentence))


def lines_of_text(stream: BinaryIO, file: str) -> Iterator[tuple[int, str] | SetAside]:
    """The lines that are not blank, cleaned, with their numbers; a SetAside for one that is too long or not UTF-8."""
    for number, line in numbered_lines(stream):
        if line is None or len(line) > LONGEST_RECORD:
            detail = "The line is longer than 1 MiB. Put one record on each line, or split it."
            yield SetAside(file, f"line {number}", "line-too-long", detail)
            continue
        try:
            text = clean(line.decode())
        except UnicodeDecodeError:
            yield SetAside(file, f"line {number}", "invalid-encoding", "The line is not UTF-8. Save the file in UTF-8.")
            continue
        if text and not text.isspace():
            yield number, text
