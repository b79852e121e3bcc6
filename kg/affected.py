"""What rests on a document, a file or a concept: claims, rows and shards of the corpus, N-Quads files, models.

The ids of documents and evidence stand in every table, so the answer is a scan of narrow columns in DuckDB, at the memory of one
row group and of what is printed: 0.2 s on 11,000 papers in 64 buckets.
Rejected: an index from documents to what rests on them. It would be one more table to keep in step with each build, to save
a fifth of a second of the few who ask; a test of each row against a list (40 times as slow as unnesting and joining).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
from upath import UPath

from kg.affected_target import Target, find_target, saying_damaged
from kg.corpus import SHARDS
from pipeline.duck import connect, file_list
from pipeline.graphs import GRAPHS
from pipeline.hashing import bucket_name, bucket_of
from pipeline.storage import WHOLE, Dataset
from pipeline.working_folder import working_folder

__all__ = ["Affected", "AffectedModel", "AffectedShard", "affected", "affected_by"]

#: What was trained, and on which asset.
_MODELS: Final = {"pretrained_model": "corpus", "kg_embeddings": "triples", "evaluation": "corpus"}


@dataclass(frozen=True, slots=True)
class AffectedShard:
    """A shard, and how many of its rows rest on what was asked for."""

    shard: str
    rows: int
    of: int
    sha256: str


@dataclass(frozen=True, slots=True)
class AffectedModel:
    """A model that learned from the corpus or the graph; `current` where it learned from just what is there now."""

    asset: str
    rests_on: str
    current: bool


@dataclass(frozen=True, slots=True)
class Affected:
    """All that rests on a document, a file or a concept.

    Attributes:
        target: what was asked for, as it was understood.
        documents, evidence, triples, rows: how many there are. A row of the corpus rests on a document that it is a passage of
            or that it tells a claim of; on a concept that it names.
        sole_triples: claims that would be gone without it, since all their evidence is of it.
        shards: those with any such row.
        nquads: files of `knowledge_graph` that state such evidence or claims, relative to the home.
        models: models trained on the corpus or graph, where rows or claims of these are affected.
        some_documents, some_triples, some_rows: the first of each, as many as were asked for. Triples have their ids, ends,
            predicate and belief; rows shard, row, passage_id, kind and text.
    """

    target: Target
    documents: int
    evidence: int
    triples: int
    sole_triples: int
    rows: int
    shards: tuple[AffectedShard, ...]
    nquads: tuple[str, ...]
    models: tuple[AffectedModel, ...]
    some_documents: tuple[str, ...]
    some_triples: tuple[dict[str, Any], ...]
    some_rows: tuple[dict[str, Any], ...]


def affected(home: UPath | Path | str, words: str, *, limit: int | None = 5) -> Affected:
    """What rests on a document (by any of its names), a file of literature, vocabulary or graphs, or a concept.

    Args:
        words: what the user wrote (`kg.affected_target.find_target`).
        limit: examples of each kind; all where None.

    Raises:
        MateriaError: nothing has this name, several concepts have, or a table is damaged.
    """
    return affected_by(home, [find_target(home, words)], limit=limit)


def affected_by(home: UPath | Path | str, targets: list[Target], *, limit: int | None = 5) -> Affected:
    """What rests on any of some targets of one kind that were found already; the first one stands for them in the answer."""
    kind = targets[0].kind
    most = {"most": (1 << 62) if limit is None else limit}
    with saying_damaged(home), connect(threads=1) as connection:
        for asset, columns in _TABLES.items():
            _view(connection, home, asset, columns)
        connection.register("ids", pa.table({"id": pa.array({i for t in targets for i in t.ids}, pa.string())}))
        connection.register("files", pa.table({"file": pa.array([t.name for t in targets], pa.string())}))
        connection.register("graphs", pa.table({"extractor": pa.array(sorted(GRAPHS), pa.string())}))
        for statement in _BY_CONCEPT[kind] if kind in _BY_CONCEPT else _BY_DOCUMENT[kind]:
            connection.execute(statement)
        counts = connection.execute(_COUNTS).fetchone()
        held = {key for (place,) in connection.execute(_EVIDENCE_FILES).fetchall() if (key := place.split("/")[-2])}
        shards = connection.execute("SELECT filename, count(*) FROM hit_rows GROUP BY filename ORDER BY ALL").fetchall()
        documents, triples, rows = (_rows(connection, sql, most) for sql in _EXAMPLES)
        if kind in _BY_CONCEPT:
            buckets = len(Dataset(home, "knowledge_graph").manifests())
            curies = connection.execute("SELECT curie FROM concepts").fetchall() if buckets else []
            held |= {bucket_name(bucket_of(curie, buckets), buckets) for (curie,) in curies}
    return Affected(
        targets[0],
        **dict(zip(("documents", "evidence", "triples", "sole_triples", "rows"), counts, strict=True)),
        shards=tuple(_shards(home, shards)),
        nquads=tuple(
            path.removeprefix(f"{working_folder(home)}/")
            for key in sorted(held)
            for path in Dataset(home, "knowledge_graph").paths(key, ".nq")
            if kind in _BY_CONCEPT or "/concepts-" not in path  # a paper says nothing of what a concept is
        ),
        models=tuple(_models(home, rows=counts[4], triples=counts[2])),
        some_documents=tuple(row["doc_id"] for row in documents),
        some_triples=tuple(triples),
        some_rows=tuple({"shard": _shard_name(home, row.pop("filename")), **row} for row in rows),
    )


_TABLES: Final = {
    "evidence_by_bucket": "evidence_id VARCHAR, doc_id VARCHAR, section VARCHAR, extractor VARCHAR, subject VARCHAR, object VARCHAR",
    "triples": "triple_id VARCHAR, subject VARCHAR, predicate VARCHAR, object VARCHAR, belief DOUBLE, evidence_ids VARCHAR[]",
    SHARDS: (
        "passage_id VARCHAR, kind VARCHAR, text VARCHAR, spans STRUCT(curie VARCHAR)[], triple_ids VARCHAR[], "
        "evidence_ids VARCHAR[], doc_ids VARCHAR[]"
    ),
    "live_documents": "doc_id VARCHAR, file VARCHAR, status VARCHAR",
    "vocabulary": "curie VARCHAR, sources VARCHAR[]",
}


def _view(connection: Any, home: UPath | Path | str, asset: str, columns: str) -> None:
    """A table as a view with the place of each row; empty with these columns where it was not built."""
    dataset = Dataset(home, asset)
    if paths := dataset.paths_of():
        places = "hive_partitioning = false, filename = true, file_row_number = true"
        connection.execute(f"CREATE TEMP VIEW {asset} AS SELECT * FROM read_parquet({file_list(paths)}, {places})")  # noqa: S608
    else:
        connection.execute(f"CREATE TEMP TABLE {asset} ({columns}, filename VARCHAR, file_row_number BIGINT)")


_HIT_TRIPLES: Final = """
    CREATE TEMP TABLE hit_triples AS
    SELECT triple_id, count(*) = any_value(evidence) AS sole
    FROM (SELECT triple_id, len(evidence_ids) AS evidence, unnest(evidence_ids) AS evidence_id FROM triples) t
    SEMI JOIN hit_evidence h ON h.evidence_id = t.evidence_id GROUP BY triple_id
"""
_ROWS: Final = "SELECT filename, file_row_number, unnest({column}) AS id FROM corpus_shards"
#: A row with a quotation names the quoted paper only; what it says of the claim, and how surely, rests on every paper of it.
_TOLD_ROWS: Final = (
    "SELECT filename, file_row_number, unnest(triple_ids) AS id FROM corpus_shards WHERE kind = 'verbalized'"
)
_OF_EVIDENCE: Final = (
    _HIT_TRIPLES,
    "CREATE TEMP TABLE behind AS SELECT doc_id FROM live_documents SEMI JOIN documents USING (doc_id) "
    "WHERE status <> 'deleted' UNION SELECT doc_id FROM hit_evidence",
    "CREATE TEMP TABLE hit_rows AS SELECT DISTINCT filename, file_row_number FROM ("  # noqa: S608
    f"SELECT r.* FROM ({_ROWS.format(column='doc_ids')}) r SEMI JOIN documents d ON d.doc_id = r.id UNION ALL "
    f"SELECT r.* FROM ({_TOLD_ROWS}) r SEMI JOIN hit_triples h ON h.triple_id = r.id UNION ALL "
    f"SELECT r.* FROM ({_ROWS.format(column='evidence_ids')}) r SEMI JOIN hit_evidence h ON h.evidence_id = r.id)",
)
_EVIDENCE_OF_DOCUMENTS: Final = (
    "CREATE TEMP TABLE hit_evidence AS SELECT evidence_id, e.doc_id, filename FROM evidence_by_bucket e "
    "SEMI JOIN documents d ON d.doc_id = e.doc_id"
)
_BY_DOCUMENT: Final = {
    "document": (
        "CREATE TEMP TABLE documents AS SELECT id AS doc_id FROM ids",
        _EVIDENCE_OF_DOCUMENTS,
        *_OF_EVIDENCE,
    ),
    "literature file": (
        "CREATE TEMP TABLE documents AS SELECT doc_id FROM live_documents SEMI JOIN files USING (file) WHERE status <> 'deleted'",
        _EVIDENCE_OF_DOCUMENTS,
        *_OF_EVIDENCE,
    ),
    # The section of an edge is its file and its place in it; the document is a paper that the graph cites, or the file.
    "graph file": (
        "CREATE TEMP TABLE documents (doc_id VARCHAR)",
        "CREATE TEMP TABLE hit_evidence AS SELECT evidence_id, doc_id, e.filename FROM evidence_by_bucket e "
        "SEMI JOIN graphs USING (extractor) WHERE EXISTS (FROM files f WHERE starts_with(e.section, f.file || ', '))",
        *_OF_EVIDENCE,
    ),
}
_OF_CONCEPTS: Final = (
    "CREATE TEMP TABLE hit_evidence AS SELECT evidence_id, doc_id, filename FROM evidence_by_bucket "
    "WHERE subject IN (SELECT curie FROM concepts) OR object IN (SELECT curie FROM concepts)",
    "CREATE TEMP TABLE behind AS SELECT DISTINCT doc_id FROM hit_evidence",
    "CREATE TEMP TABLE hit_triples AS SELECT triple_id, true AS sole FROM triples "
    "WHERE subject IN (SELECT curie FROM concepts) OR object IN (SELECT curie FROM concepts)",
    "CREATE TEMP TABLE hit_rows AS SELECT DISTINCT filename, file_row_number FROM ("  # noqa: S608
    f"SELECT r.* FROM ({_ROWS.format(column='spans').replace('unnest(spans)', 'unnest(spans).curie')}) r "
    "SEMI JOIN concepts c ON c.curie = r.id UNION ALL "
    f"SELECT r.* FROM ({_ROWS.format(column='triple_ids')}) r SEMI JOIN hit_triples h ON h.triple_id = r.id)",
)
_BY_CONCEPT: Final = {
    "concept": ("CREATE TEMP TABLE concepts AS SELECT id AS curie FROM ids", *_OF_CONCEPTS),
    "vocabulary file": (
        "CREATE TEMP TABLE concepts AS SELECT curie FROM (SELECT curie, unnest(sources) AS file FROM vocabulary) "
        "SEMI JOIN files USING (file)",
        *_OF_CONCEPTS,
    ),
}
_COUNTS: Final = """
    SELECT (SELECT count(*) FROM behind), (SELECT count(*) FROM hit_evidence),
        (SELECT count(*) FROM hit_triples), (SELECT count(*) FROM hit_triples WHERE sole), (SELECT count(*) FROM hit_rows)
"""
_EVIDENCE_FILES: Final = "SELECT DISTINCT filename FROM hit_evidence"
_EXAMPLES: Final = (
    "SELECT doc_id FROM behind ORDER BY doc_id LIMIT $most",
    "SELECT triple_id, subject, predicate, object, belief, sole FROM triples JOIN "
    "(SELECT * FROM hit_triples ORDER BY triple_id LIMIT $most) USING (triple_id) ORDER BY triple_id",
    "SELECT filename, file_row_number AS row, passage_id, kind, text FROM corpus_shards JOIN "
    "(SELECT * FROM hit_rows ORDER BY ALL LIMIT $most) USING (filename, file_row_number) ORDER BY filename, row",
)


def _rows(connection: Any, sql: str, values: dict[str, int]) -> list[dict[str, Any]]:
    done = connection.execute(sql, values)
    names = [column[0] for column in done.description]
    return [dict(zip(names, row, strict=True)) for row in done.fetchall()]


def _shard_name(home: UPath | Path | str, path: str) -> str:
    return path.removeprefix(f"{working_folder(home)}/").rpartition("/")[0]


def _shards(home: UPath | Path | str, counted: list[tuple[str, int]]) -> list[AffectedShard]:
    held = {
        f"{SHARDS}/{entry.path}": entry
        for manifest in Dataset(home, SHARDS).manifests().values()
        for entry in manifest.files
    }
    places = ((path.removeprefix(f"{working_folder(home)}/"), rows) for path, rows in counted)
    return [AffectedShard(p.rpartition("/")[0], rows, held[p].rows or 0, held[p].sha256) for p, rows in places]


def _models(home: UPath | Path | str, *, rows: int, triples: int) -> list[AffectedModel]:
    found = []
    for asset, rests_on in _MODELS.items():
        manifest = Dataset(home, asset).manifest()
        if manifest is None or not (rows if rests_on == "corpus" else triples):
            continue
        keys = [WHOLE] if rests_on == "corpus" else list(Dataset(home, rests_on).manifests())
        standing = {f"{rests_on}/{k}": m.data_version for k in keys if (m := Dataset(home, rests_on).manifest(k))}
        found.append(
            AffectedModel(asset, rests_on, all(manifest.inputs.get(name) == dv for name, dv in standing.items()))
        )
    return found
