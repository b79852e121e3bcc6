"""From a row of a corpus shard back to where it comes from: passage, triples, evidence, sentence, document, file and its hash.

Nothing is stored for this beyond the ids in each table; the way back is a handful of reads with a filter on a sorted column,
so Parquet's statistics leave most row groups unread (well under a second). Version and file of a document are joined here
and not kept in the evidence, so that a file may be renamed without a new extraction.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from upath import UPath

from kg.shards import find_shard, open_shard, read_row
from pipeline.graphs import GRAPHS
from pipeline.hashing import bucket_name, bucket_of
from pipeline.storage import WHOLE, Dataset

__all__ = [
    "ShardSummary",
    "Share",
    "TracedDocument",
    "TracedEdge",
    "TracedEvidence",
    "TracedPassage",
    "TracedTriple",
    "TracedVocabulary",
    "edge_of",
    "graphs_of",
    "look_up",
    "summarise",
    "trace",
]


@dataclass(frozen=True)
class TracedDocument:
    """A document behind a passage: the version that counts, and the file that version was read from.

    `version`, `file` and what follows are None where the document is no longer live, or was never read and is only cited
    by a graph; `member` also where the file is no archive. A graph file that stands for itself has a file, a hash and a
    format, and no version.
    """

    doc_id: str
    version: int | None = None
    status: str | None = None
    reason: str | None = None
    batch: str | None = None
    record: int | None = None
    file: str | None = None
    member: str | None = None
    sha256: str | None = None
    format: str | None = None


@dataclass(frozen=True)
class TracedEdge:
    """The edge of a graph that evidence comes from: file, place in it, and the file's hash where the graph is still there."""

    file: str
    place: str
    sha256: str | None = None
    format: str | None = None


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
        triples: claims the passage states (verbalized) or supports (literature), each with its evidence. Of a literature passage,
            only the evidence inside the passage.
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


@dataclass(frozen=True)
class Share:
    """A document or file, the number of rows of the shard it stands behind, and their share of all rows."""

    name: str
    rows: int
    share: float
    sha256: str | None = None


@dataclass(frozen=True)
class ShardSummary:
    """What stands behind a whole shard: documents and files with their shares, the most frequent first."""

    shard: str
    rows: int
    triples: int
    evidence: int
    documents: tuple[Share, ...]
    files: tuple[Share, ...]


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
    if buckets is None:
        buckets = len(Dataset(home, "evidence_by_bucket").manifests())
    # The subject of every claim is named in the passage, so its bucket is that of one of the names.
    curies = [span["curie"] for span in passage["spans"]]
    keys = sorted({bucket_name(bucket_of(curie, buckets), buckets) for curie in curies}) if buckets else []
    triples = {row["triple_id"]: row for row in look_up(home, "triples", keys, "triple_id", passage["triple_ids"])}
    evidence = look_up(home, "evidence_by_bucket", keys, "evidence_id", passage["evidence_ids"])
    graphs = graphs_of(home)
    documents = _documents(home, sorted({*passage["doc_ids"], *(row["doc_id"] for row in evidence)}), graphs)
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
        documents=tuple(documents[doc_id] for doc_id in passage["doc_ids"]),
        vocabularies=_vocabularies(home, curies[0]) if passage.get("form") == "entity" else (),
    )


def _vocabularies(home: UPath | Path | str, curie: str) -> tuple[TracedVocabulary, ...]:
    """The files that a concept comes from, in the order in which they were given."""
    manifest = Dataset(home, "vocabulary").manifest()
    hashes = {name.partition("/")[2]: sha256 for name, sha256 in manifest.inputs.items()} if manifest else {}
    rows = look_up(home, "vocabulary", [WHOLE], "curie", [curie], columns=["curie", "sources"])
    return tuple(TracedVocabulary(file, hashes.get(file)) for row in rows for file in row["sources"])


def summarise(home: UPath | Path | str, shard: str) -> ShardSummary:
    """Documents and files behind a whole shard, with the share of rows each stands behind.

    Raises:
        MateriaError: there is no such shard.
    """
    tables = []
    for path in find_shard(home, shard):
        with open_shard(path) as file:
            tables.append(file.read(columns=["triple_ids", "evidence_ids", "doc_ids"]))
    table = pa.concat_tables(tables)
    rows = table.num_rows
    lists = table["doc_ids"].combine_chunks()
    pairs = pa.table({"row": pc.list_parent_indices(lists), "doc_id": pc.list_flatten(lists)})
    counted = pairs.group_by("doc_id").aggregate([("row", "count_distinct")])
    documents = _documents(home, counted["doc_id"].to_pylist(), graphs_of(home))
    by_document = dict(zip(counted["doc_id"].to_pylist(), counted["row_count_distinct"].to_pylist(), strict=True))
    files = pa.array(
        [documents[doc_id].file or "(no longer live)" for doc_id in pairs["doc_id"].to_pylist()], pa.string()
    )
    counted = pairs.append_column("file", files).group_by("file").aggregate([("row", "count_distinct")])
    by_file = dict(zip(counted["file"].to_pylist(), counted["row_count_distinct"].to_pylist(), strict=True))
    hashes = {document.file: document.sha256 for document in documents.values()}
    return ShardSummary(
        shard,
        rows,
        pc.count_distinct(pc.list_flatten(table["triple_ids"])).as_py(),
        pc.count_distinct(pc.list_flatten(table["evidence_ids"])).as_py(),
        tuple(Share(name, n, round(n / rows, 6), documents[name].sha256) for name, n in _by_count(by_document)),
        tuple(Share(name, n, round(n / rows, 6), hashes.get(name)) for name, n in _by_count(by_file)),
    )


def _by_count(counts: dict[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def look_up(
    home: UPath | Path | str,
    asset: str,
    keys: Iterable[str],
    column: str,
    ids: Iterable[str],
    *,
    columns: list[str] | None = None,
) -> list[dict[str, Any]]:
    """Rows of a table whose id is among the given ones, by id; partitions are read until all are found."""
    dataset = Dataset(home, asset)
    wanted = set(ids)
    rows: list[dict[str, Any]] = []
    for key in keys:
        if not wanted:
            break
        for path in dataset.paths(key):
            table = pq.read_table(
                path, columns=columns, filters=pc.field(column).isin(sorted(wanted)), partitioning=None
            )
            rows += table.to_pylist()
            wanted -= set(table[column].to_pylist())
    return sorted(rows, key=lambda row: str(row[column]))


def graphs_of(home: UPath | Path | str) -> dict[str, dict[str, Any]]:
    """The graph files of the home by their names: doc_id, sha256 and format."""
    manifest = Dataset(home, "graph_evidence").manifest()
    return manifest.summary.get("graphs", {}) if manifest else {}


def _documents(
    home: UPath | Path | str, doc_ids: Sequence[str], graphs: dict[str, dict[str, Any]]
) -> dict[str, TracedDocument]:
    """The live row of each document, joined with its file; a graph file for itself."""
    live = {row["doc_id"]: row for row in look_up(home, "live_documents", [WHOLE], "doc_id", doc_ids)}
    names = sorted({row["file"] for row in live.values()})
    files = {row["file"]: row for row in look_up(home, "literature_inventory", [WHOLE], "file", names)}
    by_doc_id = {
        graph["doc_id"]: TracedDocument(graph["doc_id"], file=name, sha256=graph["sha256"], format=graph["format"])
        for name, graph in graphs.items()
    }
    documents = {}
    for doc_id in doc_ids:
        row = live.get(doc_id)
        if row is None:
            documents[doc_id] = by_doc_id.get(doc_id) or TracedDocument(doc_id)
            continue
        file = files.get(row["file"], {})
        known = {name: row[name] for name in ("version", "status", "reason", "batch", "record", "file", "member")}
        documents[doc_id] = TracedDocument(doc_id, **known, sha256=file.get("sha256"), format=file.get("format"))
    return documents


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


def edge_of(section: str, graphs: dict[str, dict[str, Any]]) -> TracedEdge:
    """The section of evidence from a graph is the file and the place of the edge in it."""
    file, _, place = section.rpartition(", ")
    graph = graphs.get(file, {})
    return TracedEdge(file, place, graph.get("sha256"), graph.get("format"))


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
