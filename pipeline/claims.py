"""Evidence: which sentences of which documents claim what, by the trigger patterns of `trigger_patterns`.

Documents and their mentions arrive as two streams in the same order and are merged as they pass, so memory does not grow
with their number. Cost: about 1,400 abstracts a second and core. The
probability of a claim is its pattern's, as the lexicon says.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, partial
from itertools import groupby, islice
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.document_rows import Made, RowSource, Told, text_fingerprint
from pipeline.errors import MateriaError
from pipeline.han import is_chinese
from pipeline.hashing import evidence_id, hash_fields
from pipeline.parallel import Workers
from pipeline.tables import EVIDENCE
from pipeline.trigger_patterns import EntitySpan, Found, find_claims, kind_of

if TYPE_CHECKING:
    from pipeline.relations.model import Classifier

__all__ = [
    "CHINESE_EXTRACTOR",
    "EXTRACTOR",
    "document_fingerprints",
    "documents_with_mentions",
    "evidence_row",
    "evidence_rows",
    "evidence_workers",
    "extract_evidence",
    "read_claims",
    "sentence_claims",
    "with_mentions",
]

#: Name and version of the pattern tier, part of every evidence id: of English and of Chinese sentences.
EXTRACTOR = "trigger.v2"
CHINESE_EXTRACTOR = "trigger.zh.v1"
_CHUNK_DOCUMENTS = 256
_ALONE = 4

_Key = tuple[str, int, str]
#: start, end, curie, category, negated, hedged, sentence start, sentence end
MentionRow = tuple[int, int, str, str, bool, bool, int, int]
#: its key, its text, start and label of each section, its mentions
MentionedDocument = tuple[_Key, str, list[tuple[int, str]], list[MentionRow]]
SentenceClaim = tuple[int, int, Found, EntitySpan, EntitySpan]
_Task = list[MentionedDocument]
#: The columns of MENTIONS that claims are made from.
MENTION_COLUMNS = ("start", "end", "curie", "category", "negated", "hedged", "sentence_start", "sentence_end")


def evidence_workers(count: int = 1, classifier: str | None = None) -> Workers:
    """Processes that read claims: start them once, read many batches with them.

    Args:
        count: processes; 1 reads in this process, and so are the first thousand documents, since starting others costs as much.
        classifier: folder of a trained one (`extraction.relations`), whose claims come beside those of the patterns. Each process loads it
            once; without one torch is not imported.

    Raises:
        MateriaError: the folder holds no classifier, at the first reading.
    """
    return Workers(count, _load, (classifier,), alone=_ALONE)


def extract_evidence(
    documents: Iterable[pa.RecordBatch],
    mentions: Iterable[pa.RecordBatch],
    workers: Workers,
) -> Iterator[pa.RecordBatch]:
    """Claims made in single sentences, in the order of the documents and of the sentences.

    Args:
        documents: batches with the columns doc_id, version, text_hash, text and sections of DOCUMENTS.
        mentions: batches [MENTIONS] of the same documents, in the same order, as `find_mentions` yields them.
        workers: made by `evidence_workers`.

    Yields:
        Batches [EVIDENCE], one for each few hundred documents. `retracted` is false: the shuffle joins it.

    Raises:
        MateriaError: where mentions are left that belong to no document, that is, where the two streams do not fit.
    """
    for batches, _ in read_claims(documents_with_mentions(documents, mentions), workers):
        yield from batches


def read_claims(documents: Iterable[MentionedDocument], workers: Workers) -> Iterator[Made]:
    """The claims of each document [EVIDENCE], which depend on nothing but the document and its mentions.

    Args:
        documents: with mentions, as `documents_with_mentions` yields them.
        workers: made by `evidence_workers`.
    """
    (classifier,) = workers.initargs
    yield from workers.map(partial(_read_chunk, classifier), _chunks(documents))


@cache
def _load(classifier: str | None) -> Classifier | None:
    """The classifier of this process."""
    if classifier is None:
        return None
    from pipeline.relations.model import load_classifier

    return load_classifier(classifier)


def _chunks(documents: Iterable[MentionedDocument]) -> Iterator[_Task]:
    chunk: _Task = []
    for document in documents:
        chunk.append(document)
        if len(chunk) >= _CHUNK_DOCUMENTS:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def with_mentions(documents: Iterable[pa.RecordBatch], mentions: RowSource) -> Iterator[MentionedDocument]:
    """Documents with the mentions of their texts.

    Args:
        documents: batches with the columns doc_id, version, text_hash, text and sections of DOCUMENTS.
        mentions: rows with the columns start to sentence_end of MENTIONS, by `text_fingerprint`.
    """
    for batch in documents:
        columns = [batch.column(name).to_pylist() for name in ("doc_id", "version", "text_hash", "text", "sections")]
        found, told = mentions.take([*map(text_fingerprint, columns[2])])
        table = pa.Table.from_batches(found).select(MENTION_COLUMNS)
        rows = zip(*(column.to_pylist() for column in table.columns), strict=True)
        for doc_id, version, text_hash, text, sections, (count, _) in zip(*columns, told, strict=True):
            yield (doc_id, version, text_hash), text, _labels(sections), [*islice(rows, count)]


def document_fingerprints(documents: Iterable[pa.RecordBatch], mentions: Iterable[Told]) -> Iterator[bytes | None]:
    """A hash of all that the claims of each document are made from; None for one without mentions, which claims nothing.

    Args:
        documents: batches with the columns doc_id, version, text_hash and sections of DOCUMENTS.
        mentions: what is told of the mentions of each document, in the same order.
    """
    told = iter(mentions)
    for batch in documents:
        sections = batch.column("sections")
        label, start = (sections.flatten().field(name) for name in ("label", "start"))
        named = pc.binary_join_element_wise(pc.cast(start, pa.string()), pc.fill_null(label, ""), "\x1f")
        lists = pa.ListArray.from_arrays(sections.offsets, named)
        columns = [batch.column(name).to_pylist() for name in ("doc_id", "version", "text_hash")]
        for *values, labels, (count, content) in zip(
            *columns, pc.binary_join(lists, "\x1e").to_pylist(), islice(told, batch.num_rows), strict=True
        ):
            yield bytes.fromhex(hash_fields(*values, labels, content))[:16] if count else None


def documents_with_mentions(
    documents: Iterable[pa.RecordBatch], mentions: Iterable[pa.RecordBatch]
) -> Iterator[MentionedDocument]:
    """Two streams in the same order, put together: every document that has a text and a mention, with its mentions.

    Raises:
        MateriaError: where mentions are left that belong to no document, that is, where the two streams do not fit.
    """
    groups = _by_document(mentions)
    waiting = next(groups, None)
    for batch in documents:
        columns = [batch.column(name).to_pylist() for name in ("doc_id", "version", "text_hash", "text", "sections")]
        for doc_id, version, text_hash, text, sections in zip(*columns, strict=True):
            key = (doc_id, version, text_hash)
            if waiting is None or waiting[0] != key or not text:
                continue
            yield key, text, _labels(sections), waiting[1]
            waiting = next(groups, None)
    if waiting is not None:
        raise MateriaError(
            "has mentions that belong to no document, or in another order",
            record=waiting[0][0],
            remedy="Build the mentions again",
        )


def _labels(sections: Sequence[dict[str, Any]] | None) -> list[tuple[int, str]]:
    return [(section["start"], section["label"] or "") for section in sections or ()]


def _by_document(mentions: Iterable[pa.RecordBatch]) -> Iterator[tuple[_Key, list[MentionRow]]]:
    """The mentions of each document that has any; a document that occurs twice running is two groups."""
    current: _Key | None = None
    rows: list[MentionRow] = []
    for batch in mentions:
        keys = zip(*(batch.column(name).to_pylist() for name in ("doc_id", "version", "text_hash")), strict=True)
        values = zip(*(batch.column(name).to_pylist() for name in MENTION_COLUMNS), strict=True)
        for key, row in zip(keys, values, strict=True):
            if key != current or row[0] < rows[-1][0]:
                if current is not None:
                    yield current, rows
                current, rows = key, []
            rows.append(row)
    if current is not None:
        yield current, rows


def _read_chunk(folder: str | None, task: _Task) -> Made:
    rows = [evidence_rows(document, _load(folder)) for document in task]
    batch = pa.RecordBatch.from_pylist([row for some in rows for row in some], schema=EVIDENCE)
    return [batch], [Told(len(some)) for some in rows]


def evidence_rows(document: MentionedDocument, classifier: Classifier | None = None) -> list[dict[str, Any]]:
    """What every tier claims of a document, as rows [EVIDENCE]: the patterns, then the classifier where there is one.

    The classifier judges each document by itself, so that its figures do not depend on what else is read.
    """
    rows = [*_evidence(document)]
    if classifier is not None:
        from pipeline.relations.prediction import classifier_evidence

        rows += classifier_evidence(classifier, [document])
    return rows


def sentence_claims(text: str, mentions: Iterable[MentionRow]) -> Iterator[SentenceClaim]:
    """The claims of the patterns in each sentence of a text that holds two linked mentions or more.

    Args:
        mentions: of this text, in the order of their start.

    Yields:
        start and end of the sentence, the claim, and its two mentions with offsets into the sentence.
    """
    for (begin, end), group in groupby(mentions, key=lambda row: (row[6], row[7])):
        language = "zh" if is_chinese(text[begin:end]) else "en"
        entities = [
            EntitySpan(row[0] - begin, row[1] - begin, row[2], row[3], row[4], row[5])
            for row in group
            if row[2] and kind_of(row[3], language)
        ]
        if len(entities) > 1:
            for claim in find_claims(text[begin:end], entities):
                yield begin, end, claim, entities[claim.subject], entities[claim.object]


def _evidence(document: MentionedDocument) -> Iterator[dict[str, Any]]:
    for begin, end, claim, subject, object_ in sentence_claims(document[1], document[3]):
        yield evidence_row(
            document,
            (begin, end),
            (begin + subject.start, begin + subject.end, subject.curie, subject.category),
            (begin + object_.start, begin + object_.end, object_.curie, object_.category),
            CHINESE_EXTRACTOR if is_chinese(document[1][begin:end]) else EXTRACTOR,
            predicate=claim.predicate,
            trigger=claim.trigger,
            direction=claim.direction,
            polarity=claim.polarity,
            certainty=claim.certainty,
            hypothetical=claim.hypothetical,
            probability=claim.probability,
        )


def evidence_row(
    document: MentionedDocument,
    passage: tuple[int, int],
    subject: tuple[int, int, str, str],
    object_: tuple[int, int, str, str],
    extractor: str,
    *,
    predicate: str,
    trigger: str,
    direction: str | None,
    polarity: bool,
    certainty: float,
    hypothetical: bool,
    probability: float,
) -> dict[str, Any]:
    """A row [EVIDENCE], as every tier over single documents writes it.

    Args:
        passage: start and end of the sentence, or sentences, that claim it.
        subject, object_: start, end, CURIE and Biolink class of the two mentions, with offsets into the text.
        extractor: name and version of the tier.
    """
    (doc_id, version, text_hash), text, labels, _ = document
    begin, end = passage
    spans = (subject[0], subject[1], object_[0], object_[1])
    place = bisect_right([start for start, _ in labels], begin) - 1
    return {
        "evidence_id": evidence_id(
            doc_id, text_hash, spans, (subject[2], predicate, object_[2]), extractor,
            polarity=polarity, direction=direction,
        ),
        "doc_id": doc_id,
        "version": version,
        "text_hash": text_hash,
        "sentence_start": begin,
        "sentence_end": end,
        "sentence": text[begin:end],
        "section": labels[place][1] if place >= 0 else "",
        "subject": subject[2],
        "subject_category": subject[3],
        "subject_start": spans[0],
        "subject_end": spans[1],
        "predicate": predicate,
        "object": object_[2],
        "object_category": object_[3],
        "object_start": spans[2],
        "object_end": spans[3],
        "trigger": trigger,
        "direction": direction,
        "polarity": polarity,
        "certainty": certainty,
        "hypothetical": hypothetical,
        "extractor": extractor,
        "probability": probability,
        "retracted": False,
    }  # fmt: skip
