"""What would be read of a file, without building anything: its kind and format, counts, first rows, what is set aside.

A file is asked for as a vocabulary first, then as a graph, then as literature, because tables of names and of edges are told by
narrower marks than tables of texts; a KGX file may be two of them. The whole file is read, by the same readers and
loaders as a build, so its counts are those a build will have; memory holds the rows to be shown and nothing else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from upath import UPath

from pipeline.curated.mapping import TableMapping
from pipeline.documents import read_file, without_text
from pipeline.errors import MateriaError, SetAside
from pipeline.graphs import GRAPHS, NAMING, Edge, GraphReader
from pipeline.graphs import recognise as recognise_graph
from pipeline.graphs.files import GraphFile, edges_of
from pipeline.graphs.mapping import load_mapping
from pipeline.inventory import LiteratureFile, inventory_row, list_files
from pipeline.readers import READERS
from pipeline.readers import recognise as recognise_text
from pipeline.readers.base import DELETED, Document, compose
from pipeline.readers.streams import read_head
from pipeline.vocabularies.base import Concept, Loader
from pipeline.vocabularies.registry import HEAD_BYTES, LOADERS, recognise
from pipeline.vocabularies.sources import read_concepts

__all__ = ["Inspected", "inspect_files"]

_EXAMPLES = 3
T = TypeVar("T")


@dataclass
class Inspected:
    """One file as a build would see it.

    Attributes:
        kind: `literature`, `vocabulary`, `graph`, or `none` where nothing would be read of it.
        format: reader or loader with its version; empty where none knows the file.
        counts: documents or concepts, and what they hold.
        kinds: how many of each kind: classes of concepts, predicates of edges, types of gold relations.
        set_aside: how many records are not used, by reason.
        examples: the first of those records.
        rows: the first documents or concepts, as they are shown.
    """

    file: str
    kind: str
    format: str
    counts: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    set_aside: Counter[str] = field(default_factory=Counter)
    examples: list[SetAside] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)

    def refuse(self, record: SetAside) -> None:
        """Count a record that is set aside."""
        self.set_aside[record.reason] += 1
        if len(self.examples) < _EXAMPLES:
            self.examples.append(record)


def inspect_files(
    paths: Sequence[str], *, format_: str | None = None, rows: int = 0, tables: Sequence[TableMapping] = ()
) -> Iterator[Inspected]:
    """Look into every file of the paths, one after another.

    Args:
        paths: files, folders or fsspec URLs.
        format_: a reader's or loader's name with or without its version, where the content must not decide.
        rows: documents or concepts of each file to keep for showing.
        tables: mappings of tables of one's own.

    Raises:
        MateriaError: a path is missing, or there is no such format.
    """
    loader, graph = _named(LOADERS, format_), _named(GRAPHS, format_)
    formats = {"*": format_} if format_ and not loader and not graph else None
    for file in list_files(paths, formats=formats):
        kinds = (loader, graph) if format_ else _kinds(file, tables)
        if kinds[0] is not None:
            yield _vocabulary(file, kinds[0], rows)
        if kinds[1] is not None:
            graph_found = _graph(file, kinds[1], rows)
            if kinds[0] is None or graph_found.counts["edges"] or graph_found.set_aside:  # else it holds nodes alone
                yield graph_found
        if kinds == (None, None) or (kinds[1] is not None and kinds[1].name in READERS and not format_):
            yield _literature(file, rows)


def _named(family: Mapping[str, T], format_: str | None) -> T | None:
    return next((family[name] for name in family if format_ in (name, name.rpartition(".v")[0])), None)


def _kinds(file: LiteratureFile, tables: Sequence[TableMapping]) -> tuple[Loader | None, GraphReader | None]:
    """The loader of a vocabulary and the reader of a graph that a file is for, if it is for any."""
    if file.problem is not None:
        return None, None
    try:
        head, _ = read_head(file.path, HEAD_BYTES)
    except OSError:
        return None, None  # said by the inventory, which tries again
    name = file.path.name
    loader, graph = recognise(head, name, tables), recognise_graph(head, name, tables)
    if graph is not None and not (
        graph.name.startswith("kgx") or graph.name in NAMING or (loader is None and recognise_text(head, "") is None)
    ):
        graph = None
    return loader, graph


def _vocabulary(file: LiteratureFile, loader: Loader, rows: int) -> Inspected:
    found = Inspected(file.name, "vocabulary", loader.name)
    seen: set[str] = set()
    try:
        for concept in read_concepts(UPath(file.path), found.refuse, loader):
            seen.add(concept.curie)
            _count_concept(found.counts, concept)
            found.kinds.update([concept.category] if concept.category else ())
            if len(found.rows) < rows:
                found.rows.append(_concept_row(concept))
    except MateriaError as error:
        found.refuse(SetAside(file.name, "file", "unreadable", f"{error.problem}. {error.remedy}."))
    found.counts["concepts"] = len(seen)
    return found


def _count_concept(counts: Counter[str], concept: Concept) -> None:
    counts["names"] += bool(concept.name) + len(concept.synonyms)
    counts["translations"] += len(concept.translations)
    counts["mappings"] += len(concept.matches) + len(concept.xrefs)
    counts["parents"] += len(concept.parents)


def _concept_row(concept: Concept) -> dict[str, Any]:
    names = [*(name for name, _ in concept.synonyms), *(f"{name} ({code})" for code, name, _ in concept.translations)]
    return {
        "curie": concept.curie,
        "name": concept.name,
        "other names": "; ".join(names),
        "parents": " ".join(concept.parents),
        "mappings": " ".join([*concept.xrefs, *(curie for curie, _ in concept.matches)]),
        "category": concept.category or "",
    }


def _graph(file: LiteratureFile, reader: GraphReader, rows: int) -> Inspected:
    found = Inspected(file.name, "graph", reader.name)
    mapping = load_mapping(None)
    for edge in edges_of(GraphFile(file.name, file.path, reader, ""), mapping):
        if isinstance(edge, SetAside):
            found.refuse(edge)
            continue
        found.counts["edges"] += 1
        found.kinds[edge.predicate] += 1
        found.counts["with a publication"] += edge.publication is not None
        found.counts["denied"] += edge.negated
        if len(found.rows) < rows:
            found.rows.append(_edge_row(edge))
    return found


def _edge_row(edge: Edge) -> dict[str, Any]:
    return {
        "place": edge.place,
        "subject": edge.subject,
        "predicate": edge.predicate,
        "object": edge.object,
        "denied": "yes" if edge.negated else "",
        "probability": edge.probability,
        "publication": edge.publication,
        "as the file says": edge.trigger,
    }


def _literature(file: LiteratureFile, rows: int) -> Inspected:
    row = inventory_row(file)
    if isinstance(row, SetAside):
        found = Inspected(file.name, "none", "")
        found.refuse(row)
        return found
    found = Inspected(file.name, "literature", str(row["format"]))
    for number, (member, item) in enumerate(read_file(file, found.format)):
        problem = item if isinstance(item, SetAside) else without_text(item, file.name, number)
        if problem is not None:
            found.refuse(problem)
        elif isinstance(item, Document):
            _count_document(found.counts, item)
            found.kinds.update(relation.type for relation in item.relations)
            if len(found.rows) < rows:
                found.rows.append(_document_row(item, member))
    return found


def _count_document(counts: Counter[str], document: Document) -> None:
    counts["documents"] += 1
    counts["deletions"] += document.status == DELETED
    counts["full texts"] += document.full_text
    counts["annotations"] += len(document.annotations)
    counts["relations"] += len(document.relations)
    counts["translations"] += len(document.translations)


def _document_row(document: Document, member: str | None) -> dict[str, Any]:
    text, _ = compose(document.title, document.sections)
    return {
        "document": document.doc_id,
        "version": document.version,
        "status": document.status,
        "title": document.title,
        "sections": "; ".join(label for label, _ in document.sections),
        "characters": len(text),
        "language": document.language,
        "year": document.year,
        "annotations": len(document.annotations),
        "member": member or "",
    }
