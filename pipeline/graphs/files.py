"""Graph files: which there are, which reader takes each, and their nodes and edges as streams that never break the build."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO, NamedTuple, TypeVar

from upath import UPath

from pipeline.bad_records import while_worth_reading
from pipeline.curated.mapping import TableMapping
from pipeline.errors import MateriaError, SetAside
from pipeline.graphs import recognise
from pipeline.graphs.base import Edge, GraphReader, Node
from pipeline.graphs.mapping import GraphMapping
from pipeline.hashing import hash_fields
from pipeline.inventory import LiteratureFile
from pipeline.readers.streams import BrokenStreamError, open_stream, read_head

__all__ = ["GraphFile", "edges_of", "nodes_of", "open_graphs"]

_FORMATS = "KGX (TSV, JSON Lines, JSON), OBO, Hetionet's SIF, tab-separated triples, or a table with a mapping (vocabulary.tables)"
T = TypeVar("T", Edge, Node)


class GraphFile(NamedTuple):
    """A graph file whose format is known. `doc_id` stands for the file where an edge names no paper."""

    name: str
    path: UPath
    reader: GraphReader
    doc_id: str


def open_graphs(
    files: Sequence[LiteratureFile], set_aside: Callable[[SetAside], None], tables: Sequence[TableMapping] = ()
) -> list[GraphFile]:
    """The files that a reader knows, in their order; the others are set aside. `tables` are mappings of a user's own tables.

    Raises:
        MateriaError: a file that the user named itself (one that is in no folder) cannot be read as a graph.
    """
    found = []
    for file in files:
        graph = _recognised(file, tables)
        if isinstance(graph, GraphFile):
            found.append(graph)
        elif "/" in file.name:
            set_aside(graph)
        else:
            problem, _, remedy = graph.detail.rstrip(".").partition(". ")
            raise MateriaError(f"{problem} ({graph.reason})", file=file.name, remedy=remedy)
    return found


def _recognised(file: LiteratureFile, tables: Sequence[TableMapping]) -> GraphFile | SetAside:
    if file.problem is not None:
        return file.problem
    try:
        head, broken = read_head(file.path)
    except OSError as error:
        detail = f"The file cannot be opened ({error.strerror or type(error).__name__}). Check its permissions."
        return SetAside(file.name, "file", "unreadable-file", detail)
    if not head.strip() and broken is None:
        detail = "The file is empty. Get it again from its source, or remove it."
        return SetAside(file.name, "file", "empty-file", detail)
    reader = recognise(head, file.name, tables)
    if reader is not None:
        return GraphFile(file.name, file.path, reader, f"materia:graph-{hash_fields(file.name)[:16]}")
    if broken is not None:
        detail = f"Nothing can be read: {broken}. Get the file again from its source."
        return SetAside(file.name, "file", broken.reason, detail)
    detail = f"No reader of graphs knows this format. Use {_FORMATS}, or remove the file."
    return SetAside(file.name, "file", "unknown-format", detail)


def nodes_of(graph: GraphFile) -> Iterator[Node | SetAside]:
    """The nodes of a file; where the file breaks off, its edges say so."""
    for item in _items(graph, lambda stream, head: graph.reader.nodes(stream, graph.name, head)):
        if not (isinstance(item, SetAside) and item.record == "file"):
            yield item


def edges_of(graph: GraphFile, mapping: GraphMapping) -> Iterator[Edge | SetAside]:
    """The edges of a file; where the file breaks off, a SetAside comes last."""
    yield from _items(graph, lambda stream, head: graph.reader.edges(stream, graph.name, head, mapping))


def _items(graph: GraphFile, read: Callable[[BinaryIO, bytes], Iterator[T | SetAside]]) -> Iterator[T | SetAside]:
    try:
        head, _ = read_head(graph.path)
        with open_stream(graph.path) as stream:
            yield from while_worth_reading(read(stream, head), graph.name)
    except BrokenStreamError as error:
        detail = f"The file breaks off: {error}; what stands before is kept. Get it again from its source."
        yield SetAside(graph.name, "file", error.reason, detail)
    except OSError as error:
        problem = error.strerror or type(error).__name__
        remedy = "Check that it is still there"
        raise MateriaError(f"cannot be read ({problem})", file=graph.name, remedy=remedy) from error
