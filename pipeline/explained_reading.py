"""What extraction makes of a document, with its reasons: for a person who wants to see why.

The same functions as a build finds the mentions and the claims; beside them stand the candidates of the linker for every
mention, also for those that a dictionary found, whose concept the linker did not choose.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.claims import evidence_workers, extract_evidence
from pipeline.extractor import Extractor
from pipeline.hashing import text_hash
from pipeline.linking.index import LinkingIndex
from pipeline.linking.linker import Query
from pipeline.mentions import find_mentions, mention_workers
from pipeline.tables import DOCUMENTS
from pipeline.vocabulary_index import VocabularyIndex

__all__ = ["explain_documents", "text_as_document"]

_CANDIDATES = 3
_COLUMNS = ("doc_id", "version", "text_hash", "text", "sections")
_MENTION_KEYS = (
    "start", "end", "text", "category", "curie", "score", "expanded",
    "negated", "hedged", "hypothetical", "experiencer", "finder",
)  # fmt: skip
_CLAIM_KEYS = (
    "sentence", "subject", "predicate", "object", "trigger", "direction",
    "polarity", "certainty", "hypothetical", "probability", "extractor",
)  # fmt: skip


def text_as_document(text: str) -> pa.RecordBatch:
    """A text as a batch [DOCUMENTS] of one document without sections. Lone surrogates, which no file can hold, become U+FFFD."""
    clean = "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text)
    row = {"doc_id": "text:1", "version": 1, "text": clean, "text_hash": text_hash(clean), "sections": []}
    return pa.RecordBatch.from_pylist([row], schema=DOCUMENTS)


def explain_documents(
    documents: Iterable[pa.RecordBatch],
    names: str,
    *,
    ner: str | None = None,
    linker: str | None = None,
    encoder: str | None = None,
    relations: str | None = None,
) -> Iterator[dict[str, Any]]:
    """Each document with its text, mentions and claims, as JSON-like values.

    Args:
        documents: batches with the columns doc_id, version, text_hash, text and sections of DOCUMENTS.
        names: a folder that `VocabularyIndex.build` made.
        ner, linker, encoder: models, as in `mention_workers`.
        relations: a classifier, as in `evidence_workers`.

    Yields:
        doc_id, text, mentions (the columns of MENTIONS, the preferred name of the concept, and `candidates`: concepts with
        probability and reasons, best first), claims (columns of EVIDENCE, with the names of both ends), and `none_threshold`, the
        probability below which the linker links nothing.
    """
    index = VocabularyIndex(Path(names))
    chosen = Extractor(index, linker, encoder).linker
    assert chosen is not None
    with mention_workers([names], ner=ner, linker=linker, encoder=encoder) as workers:
        for batch in documents:
            for place in range(batch.num_rows):
                document = batch.slice(place, 1).select(_COLUMNS)
                text = document.column("text")[0].as_py() or ""
                found = [*find_mentions([document], workers)]
                mentions = [row for rows in found for row in rows.to_pylist()]
                claims = [
                    row
                    for rows in extract_evidence([document], found, evidence_workers(1, relations))
                    for row in rows.to_pylist()
                ]
                queries = [Query(m["start"], m["end"], m["text"], m["category"], m["expanded"]) for m in mentions]
                links = chosen.link(text, queries, k=_CANDIDATES)
                yield {
                    "doc_id": document.column("doc_id")[0].as_py(),
                    "text": text,
                    "none_threshold": chosen.none_threshold,
                    "mentions": [
                        {
                            **{key: mention[key] for key in _MENTION_KEYS},
                            "name": _name(index.linking, mention["curie"]),
                            "candidates": [
                                {
                                    "curie": link.curie,
                                    "name": link.name,
                                    "category": link.category,
                                    "probability": round(link.probability, 4),
                                    "reasons": [list(reason) for reason in link.reasons],
                                }
                                for link in candidates
                            ],
                        }
                        for mention, candidates in zip(mentions, links, strict=True)
                    ],
                    "claims": [
                        {
                            **{key: claim[key] for key in _CLAIM_KEYS},
                            "subject_name": _name(index.linking, claim["subject"]),
                            "object_name": _name(index.linking, claim["object"]),
                        }
                        for claim in claims
                    ],
                }


def _name(index: LinkingIndex, curie: str | None) -> str | None:
    """The preferred name of a concept; the index has them in the order of their CURIEs."""
    if curie is None:
        return None
    place = bisect_left(range(len(index)), curie, key=index.concept)
    return index.preferred_name(place) if place < len(index) and index.concept(place) == curie else None
