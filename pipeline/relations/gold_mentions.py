"""The annotations of a gold corpus as mentions [MENTIONS], so that what reads predicted mentions reads gold ones as well.

A composite annotation (`A|B`) is one mention, whose `curie` joins its identifiers by `|`: it takes one place in its sentence,
and whoever counts pairs takes it apart again (`identifiers_of`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa

from pipeline.context import context_of
from pipeline.relations.schemes import category_of
from pipeline.sentences import split_sentences
from pipeline.tables import MENTIONS

__all__ = ["gold_mentions", "identifiers_of"]

_JOIN = "|"


def gold_mentions(documents: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The linked annotations of documents [DOCUMENTS] as batches [MENTIONS], in the order of the documents and of the text.

    Negation and hedging are judged by ConText over the sentences of `split_sentences`, as extraction does. Annotations that lie over a
    sentence boundary belong to the sentence they start in.
    """
    for batch in documents:
        columns = ("doc_id", "version", "text_hash", "text", "annotations")
        rows: list[dict[str, Any]] = []
        for doc_id, version, text_hash, text, marked in zip(
            *(batch.column(name).to_pylist() for name in columns), strict=True
        ):
            key = {"doc_id": doc_id, "version": version, "text_hash": text_hash}
            rows += [{**key, **mention} for mention in _mentions(text or "", marked or [])]
        yield pa.RecordBatch.from_pylist(rows, schema=MENTIONS)


def identifiers_of(curie: str) -> tuple[str, ...]:
    """The identifiers that a mention stands for."""
    return tuple(curie.split(_JOIN))


def _mentions(text: str, annotations: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    linked = sorted((a for a in annotations if a["identifiers"]), key=lambda a: (a["start"], a["end"], a["type"]))
    sentences = iter(split_sentences(text))
    begin, finish = next(sentences, (0, len(text)))
    scopes = None
    for annotation in linked:
        while annotation["start"] >= finish:
            begin, finish = next(sentences)
            scopes = None
        scopes = scopes or context_of(text[begin:finish])
        start, end = annotation["start"], annotation["end"]
        yield {
            "start": start,
            "end": end,
            "text": text[start:end],
            "category": category_of(annotation["type"]),
            "curie": _JOIN.join(annotation["identifiers"]),
            "score": 1.0,
            "expanded": None,
            "negated": scopes.is_negated(start - begin, end - begin),
            "hedged": scopes.is_hedged(start - begin, end - begin),
            "hypothetical": False,
            "experiencer": "patient",
            "sentence_start": begin,
            "sentence_end": finish,
            "finder": "gold",
        }
