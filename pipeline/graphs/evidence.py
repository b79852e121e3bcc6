"""From edges to rows of evidence, so that what others assert is fused with what papers say.

One row for each edge and paper. The document is the paper where the edge names one, else the graph file itself; the text that
the offsets count into is the sentence that supports the edge, else the edge as its file writes it. The extractor is the reader,
so all graphs of one format count as one source with one systematic error; nobody hedges an edge, so certainty is 1.

Rows come in the order of files and lines, 8,192 to a batch, built column by column. Memory holds a batch and the classes of all
concepts (the vocabulary's, and those that only nodes files know). One core reads 64,000 edges of SIF, 34,000 of KGX
TSV or 20,000 of KGX JSON a second, in 200 MiB (`benchmarks/graph_evidence.py`). Rejected: doing it all in SQL, where half of
the rules (identifiers, mappings, reasons) would have to be written a second time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from sys import intern
from types import MappingProxyType
from typing import Final

import pyarrow as pa

from pipeline.curies import prefix_of
from pipeline.errors import SetAside
from pipeline.graphs.base import Edge
from pipeline.graphs.files import GraphFile, edges_of, nodes_of
from pipeline.graphs.mapping import GraphMapping
from pipeline.hashing import evidence_id, text_hash
from pipeline.tables import EVIDENCE
from pipeline.vocabularies.categories import UNKNOWN, load_rules

__all__ = ["Categories", "graph_evidence", "read_categories"]

_BATCH_ROWS = 8192
_NONE_MERGED: Final[Mapping[str, str]] = MappingProxyType({})


class Categories:
    """Biolink classes of concepts: the vocabulary's word first, then the edge's own, the nodes', that of the prefix."""

    def __init__(self, vocabulary: dict[str, str], nodes: dict[str, str]) -> None:
        self._vocabulary, self._nodes = vocabulary, nodes
        self._prefixes = {rule.value: rule.category for rule in reversed(load_rules()) if rule.condition == "prefix"}

    def of(self, curie: str, stated: str | None) -> str:
        """The class of a concept, `biolink:NamedThing` where nobody knows it."""
        found = self._vocabulary.get(curie) or stated or self._nodes.get(curie)
        return found or self._prefixes.get(prefix_of(curie), UNKNOWN)


def read_categories(
    vocabulary: Iterable[pa.RecordBatch],
    graphs: Sequence[GraphFile],
    set_aside: Callable[[SetAside], None],
    merged: Mapping[str, str] = _NONE_MERGED,
) -> Categories:
    """The classes of all concepts, from batches with the columns curie and category, and from the nodes of the graphs."""
    known: dict[str, str] = {}
    for batch in vocabulary:
        columns = (batch.column(name).to_pylist() for name in ("curie", "category"))
        known.update((curie, intern(category)) for curie, category in zip(*columns, strict=True) if category)
    nodes: dict[str, str] = {}
    for graph in graphs:
        for node in nodes_of(graph):
            if isinstance(node, SetAside):
                set_aside(node)
            elif (curie := merged.get(node.curie, node.curie)) not in known:
                nodes.setdefault(curie, intern(node.category))
    return Categories(known, nodes)


def graph_evidence(
    graph: GraphFile,
    mapping: GraphMapping,
    categories: Categories,
    set_aside: Callable[[SetAside], None],
    merged: Mapping[str, str] = _NONE_MERGED,
    *,
    counts: Counter[str] | None = None,
) -> Iterator[pa.RecordBatch]:
    """The evidence of one graph file, in the order of its edges.

    Args:
        graph: as `open_graphs` gave it.
        mapping: what the words of the file mean.
        categories: classes of concepts.
        set_aside: receives each edge that cannot be used, with the reason.
        merged: identifiers that the vocabulary joined into others, and what they are now.
        counts: gets how many edges were read (`edges`), one for each paper that they name, how many of them were set aside
            (`set_aside`), and how many have an end that was joined into another (`renamed`).

    Yields:
        Batches [EVIDENCE]. `retracted` is false: the shuffle joins it.
    """
    edges = _usable(graph, mapping, set_aside, merged, Counter() if counts is None else counts)
    while chunk := list(islice(edges, _BATCH_ROWS)):
        yield _batch(chunk, graph, categories)


def _usable(
    graph: GraphFile,
    mapping: GraphMapping,
    set_aside: Callable[[SetAside], None],
    merged: Mapping[str, str],
    counts: Counter[str],
) -> Iterator[Edge]:
    for item in edges_of(graph, mapping):
        counts["edges"] += 1
        if isinstance(item, SetAside):
            counts["set_aside"] += 1
            set_aside(item)
            continue
        subject, object_ = merged.get(item.subject, item.subject), merged.get(item.object, item.object)
        counts["renamed"] += (subject, object_) != (item.subject, item.object)
        if subject == object_:
            counts["set_aside"] += 1
            detail = f"Both ends of the edge are {subject}, which says nothing. Nothing is to be done."
            set_aside(SetAside(graph.name, item.place, "self-edge", detail))
        else:
            yield item._replace(subject=subject, object=object_) if merged else item


def _batch(edges: list[Edge], graph: GraphFile, categories: Categories) -> pa.RecordBatch:
    extractor, rows = graph.reader.name, len(edges)
    doc_ids = [edge.publication or graph.doc_id for edge in edges]
    hashes = [text_hash(edge.sentence) for edge in edges]
    spans = list(zip(*(edge.spans for edge in edges), strict=True))
    columns = {
        "evidence_id": [
            evidence_id(
                doc_id,
                text,
                edge.spans,
                (edge.subject, edge.predicate, edge.object),
                extractor,
                polarity=not edge.negated,
            )
            for edge, doc_id, text in zip(edges, doc_ids, hashes, strict=True)
        ],
        "doc_id": doc_ids,
        "version": pa.repeat(pa.scalar(1, pa.int32()), rows),
        "text_hash": hashes,
        "sentence_start": pa.repeat(pa.scalar(0, pa.int32()), rows),
        "sentence_end": [len(edge.sentence) for edge in edges],
        "sentence": [edge.sentence for edge in edges],
        "section": [f"{graph.name}, {edge.place}{f' ({edge.source})' if edge.source else ''}" for edge in edges],
        "subject": [edge.subject for edge in edges],
        "subject_category": [categories.of(edge.subject, edge.subject_category) for edge in edges],
        "subject_start": spans[0],
        "subject_end": spans[1],
        "predicate": [edge.predicate for edge in edges],
        "object": [edge.object for edge in edges],
        "object_category": [categories.of(edge.object, edge.object_category) for edge in edges],
        "object_start": spans[2],
        "object_end": spans[3],
        "trigger": [edge.trigger for edge in edges],
        "direction": pa.nulls(rows, pa.string()),
        "polarity": [not edge.negated for edge in edges],
        "certainty": pa.repeat(pa.scalar(1.0), rows),
        "hypothetical": pa.repeat(pa.scalar(False), rows),
        "extractor": pa.repeat(pa.scalar(extractor), rows),
        "probability": [edge.probability for edge in edges],
        "retracted": pa.repeat(pa.scalar(False), rows),
    }
    arrays = [
        column if isinstance(column, pa.Array) else pa.array(column, field.type)
        for field, column in ((field, columns[field.name]) for field in EVIDENCE)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=EVIDENCE)
