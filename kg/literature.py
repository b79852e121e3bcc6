"""Papers cut into passages with linked entities and claims, less the sentences that would give held-out pairs away.

A paper belongs to one split by the hash of its id. In a training paper, each *sentence* that names both ends of a held-out
pair is withheld, whether or not any triple claims the pair (design, section 3), and each that makes a claim which entails a
held-out one; the passage ends before it and a new one begins after it. Papers of the other splits keep all their sentences,
since nothing is trained on them. About 4,000 abstracts a second on one core; the split of a pair is remembered for the last
262,144 pairs, so memory is flat.
Rejected: withholding whole papers (loses 50 times as much text), or only sentences with a claim (co-mention already tells
a model of the pair).

Passages come in the order of papers and of places in them, not by id: that keeps neighbours together, and needs no sort.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import lru_cache
from itertools import combinations, pairwise
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from kg.config import CorpusConfig, SplitConfig
from kg.passage_rows import PassageRows, Relation, Span
from kg.splits import held_out_by
from pipeline.hashing import fraction_of, hash_fields
from pipeline.sentences import split_sentences

__all__ = ["document_split", "literature_passages"]

_REMEMBERED_PAIRS = 1 << 18
_Claim = tuple[str, str, int, int, str, int, int, bool]


class _Document(NamedTuple):
    doc_id: str
    text: str
    language: str
    section_starts: list[int]
    mentions: list[Span]
    claims: list[_Claim]


def document_split(doc_id: str, splits: SplitConfig) -> str:
    """The split of a paper: by hash of its id, in the shares of entity pairs."""
    place = fraction_of("document", doc_id)
    if place < splits.validation:
        return "validation"
    return "test" if place < splits.validation + splits.test else "train"


def literature_passages(
    literature: Iterable[pa.RecordBatch],
    corpus: CorpusConfig,
    splits: SplitConfig,
    withheld: Callable[[str, int], None],
    entailing: Collection[str] = (),
) -> Iterator[pa.RecordBatch]:
    """Passages of papers: up to `passage_sentences` neighbouring sentences of one section.

    Args:
        literature: batches of LITERATURE_BY_BUCKET.
        withheld: told of each training paper that loses sentences: its id, and how many.
        entailing: ids of training claims that entail a held-out one (`kg.withholding`): training sentences that make or
            deny one of them are withheld too.

    Yields:
        batches of PASSAGES in the order of the papers. `relations` and `triple_ids` come from affirmed claims, `evidence_ids`
        from affirmed and denied ones; `belief` is null.
    """
    is_held_out = lru_cache(maxsize=_REMEMBERED_PAIRS)(held_out_by(splits))

    for batch in literature:
        rows = PassageRows("literature")
        for document in _documents(batch):
            split = document_split(document.doc_id, splits)
            sentences = _sentences(document)
            kept = [True] * len(sentences)
            if split == "train":
                for i in _giving_away(document, sentences, is_held_out, entailing):
                    kept[i] = False
                if not all(kept):
                    withheld(document.doc_id, kept.count(False))
            for first, last in _runs(document, sentences, kept, corpus.passage_sentences):
                _add(rows, document, sentences[first:last], split)
        if len(rows):
            yield rows.batch()


def _documents(batch: pa.RecordBatch) -> Iterator[_Document]:
    """The rows of a batch. Nested columns are read flat: dictionaries a row would take most of the time."""
    sections, section_offsets = _flat(batch, "sections", ("start",))
    mentions, mention_offsets = _flat(batch, "mentions", ("start", "end", "curie", "category"))
    names = (
        "evidence_id",
        "triple_id",
        "subject_start",
        "subject_end",
        "predicate",
        "object_start",
        "object_end",
        "polarity",
    )
    claims, claim_offsets = _flat(batch, "claims", names)
    starts = [start for (start,) in sections]
    columns = (batch.column(name).to_pylist() for name in ("doc_id", "text", "language"))
    bounds = (list(pairwise(offsets)) for offsets in (section_offsets, mention_offsets, claim_offsets))
    for doc_id, text, language, (s, s_end), (m, m_end), (c, c_end) in zip(*columns, *bounds, strict=True):
        yield _Document(
            doc_id, text or "", language or "en", sorted(starts[s:s_end]), mentions[m:m_end], claims[c:c_end]
        )


def _flat(batch: pa.RecordBatch, column: str, fields: tuple[str, ...]) -> tuple[list[tuple], list[int]]:  # type: ignore[type-arg]
    """The values of a list-of-structs column as tuples, and where each row's begin."""
    lists = batch.column(column)
    values = lists.flatten()
    lengths = lists.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).tolist()
    return list(zip(*(values.field(name).to_pylist() for name in fields), strict=True)), offsets


def _sentences(document: _Document) -> list[tuple[int, int]]:
    """Sentences, cut where a section begins inside one."""
    starts = document.section_starts
    sentences = []
    for start, end in split_sentences(document.text):
        inside = starts[bisect_right(starts, start) : bisect_right(starts, end - 1)]
        if not inside:
            sentences.append((start, end))
            continue
        for a, b in pairwise((start, *inside, end)):
            piece = document.text[a:b]
            if piece.strip():
                sentences.append((a + len(piece) - len(piece.lstrip()), a + len(piece.rstrip())))
    return sentences


def _giving_away(
    document: _Document,
    sentences: list[tuple[int, int]],
    is_held_out: Callable[[str, str], bool],
    entailing: Collection[str],
) -> Iterator[int]:
    """Indexes of sentences that name both ends of a held-out pair, or over which a claim of one, or one that entails it, stretches."""
    if not document.mentions or not sentences:
        return
    starts = [start for start, _ in sentences]
    named: dict[int, set[str]] = {}
    for start, end, curie, _ in document.mentions:
        for i in _touched(starts, start, end):
            named.setdefault(i, set()).add(curie)
    for i, curies in named.items():
        if len(curies) > 1 and any(is_held_out(a, b) for a, b in combinations(sorted(curies), 2)):
            yield i
    if not document.claims:
        return
    curie_at = {(start, end): curie for start, end, curie, _ in document.mentions}
    for claim in document.claims:
        subject, object_ = curie_at.get((claim[2], claim[3])), curie_at.get((claim[5], claim[6]))
        held_out = subject and object_ and subject != object_ and is_held_out(*sorted((subject, object_)))
        if held_out or claim[1] in entailing:
            yield from _touched(starts, min(claim[2], claim[5]), max(claim[3], claim[6]))


def _touched(starts: list[int], start: int, end: int) -> range:
    """Indexes of the sentences that [start, end) lies in or overlaps; between sentences there is nothing but white space."""
    return range(max(bisect_right(starts, start) - 1, 0), bisect_right(starts, end - 1))


def _runs(
    document: _Document, sentences: list[tuple[int, int]], kept: list[bool], most: int
) -> Iterator[tuple[int, int]]:
    """First and after-last index of each passage: neighbouring kept sentences of one section, at most `most`."""
    first: int | None = None
    section = -1
    for i, (start, _) in enumerate(sentences):
        here = bisect_right(document.section_starts, start)
        if first is not None and (not kept[i] or here != section or i - first >= most):
            yield first, i
            first = None
        if kept[i] and first is None:
            first, section = i, here
    if first is not None:
        yield first, len(sentences)


def _add(rows: PassageRows, document: _Document, sentences: list[tuple[int, int]], split: str) -> None:
    """Append one passage; offsets count from its beginning."""
    begin, end = sentences[0][0], sentences[-1][1]
    text = document.text[begin:end]
    spans: list[Span] = []
    index: dict[tuple[int, int], int] = {}
    for start, stop, curie, category in document.mentions:
        if begin <= start and stop <= end:
            index[start, stop] = len(spans)
            spans.append((start - begin, stop - begin, curie, category))
    relations: list[Relation] = []
    triple_ids: set[str] = set()
    evidence_ids: list[str] = []
    for evidence_id, triple_id, s_start, s_end, predicate, o_start, o_end, affirmed in document.claims:
        subject, object_ = index.get((s_start, s_end)), index.get((o_start, o_end))
        if subject is None or object_ is None:
            continue
        evidence_ids.append(evidence_id)
        if affirmed:
            relations.append((subject, predicate, object_, evidence_id))
            triple_ids.add(triple_id)
    passage_id = hash_fields("literature", document.doc_id, begin, text)
    shifted = [(start - begin, stop - begin) for start, stop in sentences]
    rows.add(
        passage_id=passage_id,
        language=document.language,
        text=text,
        sentences=shifted,
        spans=spans,
        relations=relations,
        triple_ids=sorted(triple_ids),
        evidence_ids=sorted(evidence_ids),
        doc_ids=[document.doc_id],
        belief=None,
        split=split,
    )
