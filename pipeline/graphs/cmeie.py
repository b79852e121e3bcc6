"""CMeIE as a graph: what annotators found in its sentences, as evidence, when a user asks for that by giving the file with `--graph`.

Given with `--literature`, the same file is text with gold annotations, which never enter the graph (`pipeline.readers.cmeie`). Here
each relation that has a meaning in Biolink (`pipeline.relations.schemes`) is an edge that cites its sentence, with the
occurrences of the two names that stand closest. Ends that are no things of a class, but figures and phrases (流行病学,
社会学, 预后, 其他), make no concept: their relations are set aside.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from pipeline.curated.names import problem_of
from pipeline.errors import SetAside
from pipeline.graphs.base import Edge, Node
from pipeline.graphs.mapping import GraphMapping
from pipeline.graphs.scores import worth_of
from pipeline.readers.cmeie import End, Sentence, Statement, is_cmeie, places_of, read_sentences
from pipeline.relations.schemes import CATEGORY_OF_TYPE, MEANINGS

__all__ = ["Cmeie"]

_WORTH = worth_of("knowledge_assertion")


class Cmeie:
    """Reader of CMeIE's relations."""

    name = "cmeie.v1"

    def recognises(self, head: bytes, name: str) -> bool:
        """By a first line with a text and its relations."""
        del name
        return is_cmeie(head)

    def nodes(self, stream: BinaryIO, file: str, head: bytes) -> Iterator[Node | SetAside]:
        """None: every relation says what its ends are."""
        del stream, file, head
        yield from ()

    def edges(self, stream: BinaryIO, file: str, head: bytes, mapping: GraphMapping) -> Iterator[Edge | SetAside]:
        """One edge for each relation with a meaning; the mapping of graphs has no say."""
        del head, mapping
        for item in read_sentences(stream, file):
            if isinstance(item, SetAside):
                yield item
                continue
            places = places_of(item)
            for one in item.statements:
                problem = _problem(one)
                yield SetAside(file, item.place, *problem) if problem else _edge(item, one, places)


def _problem(one: Statement) -> tuple[str, str] | None:
    if one.relation not in MEANINGS:
        return (
            "unknown-relation",
            f"The relation {one.relation[:40]!r} has no Biolink predicate. Nothing needs to be done.",
        )
    for end in (one.subject, one.object):
        if end.type not in CATEGORY_OF_TYPE:
            return (
                "no-concept",
                f"{end.name[:40]!r} ({end.type[:20]}) is no thing of a class. Nothing needs to be done.",
            )
        if problem := problem_of(end.name, shortest=1):
            return "no-name", f"{end.name[:40]!r} ({end.type}) is no name: {problem}. Correct or remove it."
    return None


def _edge(sentence: Sentence, one: Statement, places: dict[str, list[int]]) -> Edge:
    meaning = MEANINGS[one.relation]
    subject, object_ = (one.object, one.subject) if meaning.reverse else (one.subject, one.object)
    starts = min(
        ((a, b) for a in places[subject.name] for b in places[object_.name]),
        key=lambda pair: (abs(pair[0] - pair[1]), pair),
    )
    spans = (starts[0], starts[0] + len(subject.name), starts[1], starts[1] + len(object_.name))
    return Edge(
        sentence.place,
        subject.curie,
        meaning.predicate,
        object_.curie,
        sentence.text,
        spans,
        one.relation,
        _WORTH,
        publication=sentence.doc_id,
        subject_category=_category(subject),
        object_category=_category(object_),
    )


def _category(end: End) -> str:
    return CATEGORY_OF_TYPE[end.type]
