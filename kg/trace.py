"""From a row of a corpus shard back to where it comes from: passage, triples, evidence, sentence, document, file and its hash.

Nothing is stored for this beyond the ids in each table; the way back is a handful of reads with a filter on a sorted column,
so Parquet's statistics leave most row groups unread: 20 to 60 ms a row in a corpus of 49,000 rows from 11,000 papers.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from upath import UPath

from kg.origins import TracedDocument, TracedEdge, documents_of, edge_of, graphs_of, look_up
from kg.shards import find_shard, read_row
from pipeline.graphs import GRAPHS
from pipeline.hashing import bucket_name, bucket_of
from pipeline.storage import WHOLE, Dataset

__all__ = ["TracedEvidence", "TracedPassage", "TracedTriple", "TracedVocabulary", "trace"]


@dataclass(frozen=True)
class TracedEvidence:
    """One claim in one sentence of a document, or one edge of a graph. Offsets count from the beginning of the document's text."""

    evidence_id: str
    triple: tuple[str, str, str]
    sentence: str
    section: str
    sentence_start: int
    sentence_end: int
    trigger: str
    polarity: bool
    certainty: float
    probability: float
    extractor: str
    document: TracedDocument
    edge: TracedEdge | None = None


@dataclass(frozen=True)
class TracedTriple:
    """A fused claim and its evidence. `belief` and what follows are None where the graph no longer holds the triple."""

    triple_id: str
    subject: str | None
    predicate: str | None
    object: str | None
    belief: float | None
    support: float | None
    contradiction: float | None
    contested: bool | None
    evidence: tuple[TracedEvidence, ...]


@dataclass(frozen=True)
class TracedVocabulary:
    """A vocabulary file that a concept comes from, with the file's hash."""

    file: str
    sha256: str | None = None


@dataclass(frozen=True)
class TracedPassage:
    """A passage and everything behind it.

    Attributes:
        triples: claims the passage states (verbalized) or supports (literature), each with its evidence: all that its belief
            rests on. Of a literature passage, only the evidence inside the passage.
        other_evidence: claims made in the passage that support no triple: denied ones.
        documents: documents behind the passage, each with its file.
        names: concepts named in the passage: CURIE and the words that name it.
        vocabularies: of a passage that says what an entity is and how else it is called, the files that say so.
    """

    shard: str
    row: int
    passage_id: str
    kind: str
    split: str
    language: str
    belief: float | None
    text: str
    names: tuple[tuple[str, str], ...]
    triples: tuple[TracedTriple, ...]
    other_evidence: tuple[TracedEvidence, ...]
    documents: tuple[TracedDocument, ...]
    vocabularies: tuple[TracedVocabulary, ...] = ()


def trace(home: UPath | Path | str, shard: str, row: int, *, buckets: int | None = None) -> TracedPassage:
    """The chain behind one row of a shard.

    Args:
        home: where the build lives.
        shard: a Parquet file, or a shard of the home by name.
        row: place of the row in the shard, from 0.
        buckets: number of buckets of the home; counted where None.

    Raises:
        MateriaError: there is no such shard or row.
    """
    passage = read_row(find_shard(home, shard), shard, row)
    curies = [span["curie"] for span in passage["spans"]]
    keys = _likely_first(curies, buckets or len(Dataset(home, "evidence_by_bucket").manifests()))
    triples = {row["triple_id"]: row for row in look_up(home, "triples", keys, "triple_id", passage["triple_ids"])}
    behind = set(passage["evidence_ids"])
    if passage["kind"] == "verbalized":
        # A row with a quotation names the quoted sentence only; what it says of the claim, and how surely, rests on all.
        behind.update(chain.from_iterable(triple["evidence_ids"] for triple in triples.values()))
    evidence = look_up(home, "evidence_by_bucket", keys, "evidence_id", behind)
    graphs = graphs_of(home)
    told_by = {row["doc_id"] for row in evidence} if passage["kind"] == "verbalized" else set()
    doc_ids = sorted(told_by.union(passage["doc_ids"]))
    documents = documents_of(home, sorted({*doc_ids, *(row["doc_id"] for row in evidence)}), graphs)
    traced = [_evidence(row, documents, graphs) for row in evidence]
    by_claim: dict[tuple[str, str, str], list[TracedEvidence]] = {}
    for one in traced:
        by_claim.setdefault(one.triple, []).append(one)
    told = tuple(_triple(triple_id, triples.get(triple_id), by_claim) for triple_id in passage["triple_ids"])
    used = {one.evidence_id for triple in told for one in triple.evidence}
    text = passage["text"]
    names = {(span["curie"], text[span["start"] : span["end"]]): None for span in passage["spans"]}
    return TracedPassage(
        shard=shard,
        row=row,
        passage_id=passage["passage_id"],
        kind=passage["kind"],
        split=passage["split"],
        language=passage["language"],
        belief=passage["belief"],
        text=text,
        names=tuple(names),
        triples=told,
        other_evidence=tuple(one for one in traced if one.evidence_id not in used),
        documents=tuple(documents[doc_id] for doc_id in doc_ids),
        vocabularies=_vocabularies(home, curies[0]) if passage.get("form") == "entity" else (),
    )


def _likely_first(curies: list[str], buckets: int) -> list[str]:
    """All buckets, those of the names first: the subject of a claim is named in its passage, unless a rewording left it out."""
    named = {bucket_of(curie, buckets) for curie in curies} if buckets else set()
    return [bucket_name(b, buckets) for b in sorted(range(buckets), key=lambda b: (b not in named, b))]


def _vocabularies(home: UPath | Path | str, curie: str) -> tuple[TracedVocabulary, ...]:
    """The files that a concept comes from, in the order in which they were given."""
    manifest = Dataset(home, "vocabulary").manifest()
    hashes = {name.partition("/")[2]: sha256 for name, sha256 in manifest.inputs.items()} if manifest else {}
    rows = look_up(home, "vocabulary", [WHOLE], "curie", [curie], columns=["curie", "sources"])
    return tuple(TracedVocabulary(file, hashes.get(file)) for row in rows for file in row["sources"])


def _evidence(
    row: dict[str, Any], documents: dict[str, TracedDocument], graphs: dict[str, dict[str, Any]]
) -> TracedEvidence:
    kept = (
        "sentence",
        "section",
        "sentence_start",
        "sentence_end",
        "trigger",
        "polarity",
        "certainty",
        "probability",
        "extractor",
    )
    return TracedEvidence(
        row["evidence_id"],
        (row["subject"], row["predicate"], row["object"]),
        **{name: row[name] for name in kept},
        document=documents[row["doc_id"]],
        edge=edge_of(row["section"], graphs) if row["extractor"] in GRAPHS else None,
    )


def _triple(
    triple_id: str, row: dict[str, Any] | None, by_claim: dict[tuple[str, str, str], list[TracedEvidence]]
) -> TracedTriple:
    if row is None:
        return TracedTriple(triple_id, None, None, None, None, None, None, None, ())
    claim = (row["subject"], row["predicate"], row["object"])
    return TracedTriple(
        triple_id,
        *claim,
        row["belief"],
        row["support"],
        row["contradiction"],
        row["contested"],
        tuple(by_claim.get(claim, ())),
    )
