"""KGX, the exchange format of Biolink graphs: TSV, JSON Lines, and one JSON object.

Format: https://github.com/biolink/kgx/blob/master/specification/kgx-format.md. Nodes and edges stand in two TSV or JSON Lines files, or
under `nodes` and `edges` of one JSON object. Of a node its class is kept (names belong to the vocabulary, and a nodes file
with the columns id and name is one: give it with --vocabulary too). Of an edge: subject, predicate, object, negated,
publications that are papers (PMID, PMC, DOI), supporting sentences, knowledge level, agent type, primary knowledge source,
and a score in (0, 1]. Where there are as many sentences as publications they belong together; else the first serves all.

A JSON object is parsed as a stream of events (ijson), and no record is held that is larger than 1 MiB, so memory is flat
whatever the file. Rejected: json.load (everything in memory), `ijson.items` (no bound on an item), the kgx package (an
in-memory graph, and some hundred dependencies).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, BinaryIO

from pipeline.biolink import parse_category
from pipeline.curies import is_curie
from pipeline.errors import SetAside
from pipeline.graphs.base import Edge, Node, lines_of_text, plain_sentence
from pipeline.graphs.mapping import GraphMapping
from pipeline.graphs.scores import ZeroScoreError, parse_score, worth_of
from pipeline.json_items import JsonError, json_items
from pipeline.readers.base import clean
from pipeline.readers.identifiers import identifier

__all__ = ["KgxEdges"]

_PREDICATES = ("predicate", "edge_label")
_SENTENCES = ("supporting_text", "sentences", "sentence", "supporting_sentence")
_SCORES = (
    "score",
    "has_confidence_score",
    "confidence_score",
    "extraction_confidence_score",
    "tmkp_confidence_score",
    "confidence",
    "probability",
)
_LISTS = frozenset({"category", "publications", "subject_category", "object_category", *_SENTENCES})
_FIELDS = frozenset(
    {
        *("id", "subject", "object", "negated", "primary_knowledge_source", "knowledge_level", "agent_type"),
        *("subject_label", "object_label", "subject_name", "object_name", *_PREDICATES, *_SCORES, *_LISTS),
    }
)
_PAPERS = ("PMID:", "PMC:", "DOI:")
_TRUTH = {"true": True, "1": True, "yes": True, "": False, "false": False, "0": False, "no": False}
_LONGEST_SENTENCE = 5000
_LONGEST_WORD = 1000

#: How nodes are read that no mapping concerns.
_CURIES = GraphMapping()

_Record = dict[str, Any]


class _RecordError(ValueError):
    """A record that cannot be used: reason and sentence."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.detail = reason, detail


class KgxEdges:
    """Reader of KGX."""

    name = "kgx_edges.v1"

    def recognises(self, head: bytes, name: str) -> bool:
        """By a header, a first record, or the lists `nodes` and `edges`."""
        del name
        return _form(head) is not None

    def nodes(self, stream: BinaryIO, file: str, head: bytes) -> Iterator[Node | SetAside]:
        """The class of each node that states one."""
        for place, record in _records(stream, file, head, "nodes"):
            if isinstance(record, SetAside):
                yield record
                continue
            try:
                yield from _nodes(record)
            except _RecordError as error:
                yield SetAside(file, place, error.reason, error.detail)

    def edges(self, stream: BinaryIO, file: str, head: bytes, mapping: GraphMapping) -> Iterator[Edge | SetAside]:
        """Each edge, once for each paper among its publications."""
        for place, record in _records(stream, file, head, "edges"):
            if isinstance(record, SetAside):
                yield record
                continue
            try:
                yield from _edges(record, place, mapping)
            except _RecordError as error:
                yield SetAside(file, place, error.reason, error.detail)


def _form(head: bytes) -> tuple[str, str] | None:
    """How a file is written (tsv, jsonl, json) and what it holds (nodes, edges, both); None where it is not KGX."""
    head = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    first = head.partition(b"\n")[0]
    if not head.startswith(b"{"):
        what = _kind({cell.strip() for cell in first.decode(errors="replace").split("\t")})
        return ("tsv", what) if what else None
    try:
        record = json.loads(first)
    except (ValueError, RecursionError):
        # an object over many lines, or one that is longer than the head
        found = any(f'"{what}"'.encode() in head for what in ("nodes", "edges"))
        # OBO Graphs has nodes and edges too, one floor further down
        return ("json", "both") if found and head[1:].lstrip().startswith(b'"') and b'"graphs"' not in head else None
    if isinstance(record.get("nodes"), list) or isinstance(record.get("edges"), list):
        return "json", "both"
    what = _kind(set(record))
    return ("jsonl", what) if what else None


def _kind(fields: set[str]) -> str | None:
    if {"subject", "object"} <= fields and not fields.isdisjoint(_PREDICATES):
        return "edges"
    return "nodes" if {"id", "category"} <= fields else None


def _records(stream: BinaryIO, file: str, head: bytes, wanted: str) -> Iterator[tuple[str, _Record | SetAside]]:
    """Place and record of each node or edge of a file, or a SetAside; nothing where the file holds the other kind."""
    form, holds = _form(head) or ("tsv", "edges")
    if holds not in (wanted, "both"):
        return
    if form == "json":
        yield from _json_records(stream, file, wanted)
        return
    columns: list[tuple[str, int]] | None = None
    for item in lines_of_text(stream, file):
        if isinstance(item, SetAside):
            yield item.record, item
            continue
        number, line = item
        place = f"line {number}"
        if form == "jsonl":
            yield place, _json_line(line, file, place)
        elif columns is None:
            names = [cell.strip() for cell in line.split("\t")]
            columns = [(name, at) for at, name in enumerate(names) if name in _FIELDS and name not in names[:at]]
        else:
            cells = line.split("\t")
            record: _Record = {name: cells[at] for name, at in columns if at < len(cells) and cells[at]}
            yield place, record


def _json_records(stream: BinaryIO, file: str, wanted: str) -> Iterator[tuple[str, _Record | SetAside]]:
    kind, number = wanted.removesuffix("s"), 0
    try:
        for number, (_, record) in enumerate(json_items(stream, (f"{wanted}.item",)), 1):
            place = f"{kind} {number}"
            detail = "The record is no JSON object, or larger than 16 MiB. Correct, split or remove it."
            yield place, record if isinstance(record, dict) else SetAside(file, place, "invalid-record", detail)
    except JsonError as error:
        place = f"after {kind} {number}"
        detail = f"The JSON breaks off ({error}); what stands before it is kept. Get the file again, or mend it."
        yield place, SetAside(file, place, "invalid-json", detail)


def _json_line(line: str, file: str, place: str) -> _Record | SetAside:
    detail = "The line is not a JSON object. Write one object a line."
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return SetAside(file, place, "invalid-json", detail)
    return record if isinstance(record, dict) else SetAside(file, place, "invalid-json", detail)


def _nodes(record: _Record) -> Iterator[Node]:
    curie, _ = _CURIES.node(_text(record, "id"))
    if curie is None:
        raise _RecordError("no-identifier", "The node's id is no CURIE. Write it as PREFIX:LOCAL.")
    categories = _texts(record, "category")
    category = next(filter(None, map(parse_category, categories)), None)
    if category is not None:
        yield Node(curie, category)
    elif categories:
        detail = "None of the node's categories is a Biolink class that is known here. Correct them."
        raise _RecordError("unknown-category", detail)


def _edges(record: _Record, place: str, mapping: GraphMapping) -> Iterator[Edge]:
    written = next(filter(None, (_text(record, field) for field in _PREDICATES)), "")
    meaning = mapping.relation(written) or mapping.relation(f"biolink:{written}")
    if meaning is None:
        detail = f"Biolink has no predicate {written[:60]!r}. Correct it, or give --graph-mapping with a line for it."
        raise _RecordError("unknown-relation", detail)
    ends = _text(record, "subject"), _text(record, "object")
    (subject, first_kind), (object_, second_kind) = mapping.node(ends[0]), mapping.node(ends[1])
    if subject is None or object_ is None:
        raise _RecordError("no-identifier", "Subject or object is no CURIE. Write both as PREFIX:LOCAL.")
    plain, *places = plain_sentence(ends[0], written, ends[1])
    categories = [_category(record, "subject_category", first_kind), _category(record, "object_category", second_kind)]
    sentences = _sentences(record)
    papers = _papers(record)
    own = [sentence or plain for sentence in sentences]
    support = list(zip(papers, own, strict=True)) if len(own) == len(papers) else [(p, own[0]) for p in papers]
    curies, order = (subject, object_), (1, 0) if meaning.reverse else (0, 1)
    probability = _score(record)
    if probability is None:
        level = _text(record, "knowledge_level")
        probability = worth_of(level, _text(record, "agent_type")) if level or "agent_type" in record else meaning.worth
    negated, source = _flag(record, "negated"), _text(record, "primary_knowledge_source")
    source = source if is_curie(source) else ""
    names = [_label(record, "subject"), _label(record, "object")]
    for paper, sentence in support:
        spans = places if sentence is plain else [_find(name, sentence) for name in names]
        yield Edge(
            place,
            curies[order[0]],
            meaning.predicate,
            curies[order[1]],
            sentence,
            spans[order[0]] + spans[order[1]],
            written,
            probability,
            negated,
            paper,
            source,
            categories[order[0]],
            categories[order[1]],
        )


def _sentences(record: _Record) -> list[str]:
    """The sentences that support an edge; one empty one where there is none."""
    found: list[str] = next(filter(None, (_texts(record, field) for field in _SENTENCES)), [])
    if any(len(sentence) > _LONGEST_SENTENCE for sentence in found):
        detail = f"A supporting sentence is longer than {_LONGEST_SENTENCE} characters. Give the sentence alone."
        raise _RecordError("sentence-too-long", detail)
    return found or [""]


def _papers(record: _Record) -> list[str | None]:
    """CURIEs of the papers among the publications, each once; one None where there is none."""
    known = (identifier(text) for text in _texts(record, "publications"))
    papers: list[str | None] = list(dict.fromkeys(p for p in known if p and p.startswith(_PAPERS)))
    return papers or [None]


def _find(name: str, sentence: str) -> tuple[int, int]:
    """Where a name stands in a sentence; all of it where the name is not given or not found."""
    at = sentence.lower().find(name.lower()) if name and len(sentence.lower()) == len(sentence) else -1
    return (at, at + len(name)) if at >= 0 else (0, len(sentence))


def _label(record: _Record, end: str) -> str:
    return _text(record, f"{end}_name") or _text(record, f"{end}_label")


def _category(record: _Record, field: str, kind: str | None) -> str | None:
    return next(filter(None, map(parse_category, _texts(record, field))), kind)


def _score(record: _Record) -> float | None:
    for field in _SCORES:
        value = record.get(field)
        if value is None or value == "":
            continue
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise _RecordError("invalid-score", f"{field} is no number. Correct or empty it.")
        try:
            return parse_score(value)
        except ZeroScoreError as error:
            raise _RecordError("score-zero", f"{field} is 0, so nothing speaks for the edge. Remove it.") from error
        except (ValueError, OverflowError) as error:
            raise _RecordError("invalid-score", f"{field} is no number. Correct or empty it.") from error
    return None


def _flag(record: _Record, field: str) -> bool:
    value = record.get(field)
    truth = _TRUTH.get(str("" if value is None else value).strip().lower())
    if truth is None:
        raise _RecordError("invalid-field", f"{field} is neither true nor false. Correct or empty it.")
    return truth


def _text(record: _Record, field: str) -> str:
    """A text field, cleaned; the first of several; empty where there is none."""
    value = record.get(field)
    if isinstance(value, list):
        value = value[0] if value else None
    if value is None or value == "":
        return ""
    if not isinstance(value, str) or len(value) > _LONGEST_WORD:
        raise _RecordError("invalid-field", f"{field} is no text, or a very long one. Correct it.")
    return clean(value).strip()


def _texts(record: _Record, field: str) -> list[str]:
    """A list of texts, cleaned; in TSV its members are separated by `|`."""
    value = record.get(field)
    if value is None:
        return []
    members = value if isinstance(value, list) else value.split("|") if isinstance(value, str) else []
    return [text for one in members if isinstance(one, str) and (text := clean(one).replace("\n", " ").strip())]
