"""The candidates in DuckDB: of each passage what the mixture needs to know, and never its text.

A bucket is read at a time, because a passage, its triples and their evidence stand in buckets of the same number, so the
joins are small. Where evidence is from a graph the source is the graph, else that of the document.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from kg.mixture.draw import UNIFORM_SQL
from kg.tables import PASSAGES, TRIPLES
from pipeline.duck import table_view
from pipeline.graphs import GRAPHS
from pipeline.tables import EVIDENCE, LIVE_DOCUMENTS

__all__ = ["WORDS", "Bucket", "add_bucket", "add_sources", "add_verdicts", "open_candidates"]

#: What a token is: a run of letters and digits, or an ideograph.
WORDS = r"\p{Han}|[\p{Latin}\p{Greek}\p{Cyrillic}\p{N}_]+"


@dataclass(frozen=True)
class Bucket:
    """One bucket's Parquet files: candidates of both kinds (PASSAGES), and the TRIPLES and EVIDENCE behind the told ones."""

    key: str
    passages: Sequence[str]
    triples: Sequence[str] = ()
    evidence: Sequence[str] = ()


def open_candidates(connection: Any) -> None:
    """Make the tables that buckets are added to."""
    connection.execute("""
        CREATE TABLE candidates (bucket VARCHAR, passage_id VARCHAR, kind VARCHAR, language VARCHAR, split VARCHAR,
            tokens INTEGER, u DOUBLE, doc_id VARCHAR, predicate VARCHAR);
        CREATE TABLE behind (passage_id VARCHAR, doc_id VARCHAR, source VARCHAR);
        CREATE TABLE named (passage_id VARCHAR, curie VARCHAR);
    """)


def add_bucket(connection: Any, bucket: Bucket, *, names: bool) -> None:
    """Add the candidates of a bucket.

    Args:
        names: whether the entities they name are kept too, for their frequency.
    """
    views = {name: f"{name}_{bucket.key}" for name in ("passages", "triples", "evidence")}
    table_view(connection, views["passages"], bucket.passages, PASSAGES)
    table_view(connection, views["triples"], bucket.triples, TRIPLES)
    table_view(connection, views["evidence"], bucket.evidence, EVIDENCE)
    graphs = ", ".join(f"'{name}'" for name in GRAPHS)
    connection.execute(
        f"""INSERT INTO candidates
            WITH told AS (SELECT passage_id, unnest(triple_ids) AS triple_id FROM {views["passages"]} WHERE kind = 'verbalized'),
            counted AS (SELECT passage_id, predicate, count(*) AS facts
                        FROM told JOIN {views["triples"]} USING (triple_id) GROUP BY ALL),
            chief AS (SELECT passage_id, first(predicate ORDER BY facts DESC, predicate) AS predicate
                        FROM counted GROUP BY passage_id)
            SELECT '{bucket.key}', p.passage_id, kind, language, split, len(regexp_extract_all(text, '{WORDS}')),
                   {UNIFORM_SQL.replace("passage_id", "p.passage_id")},
                   CASE WHEN kind = 'literature' THEN doc_ids[1] END, l.predicate
            FROM {views["passages"]} p LEFT JOIN chief l ON p.passage_id = l.passage_id"""  # noqa: S608
    )
    connection.execute(
        f"""INSERT INTO behind
            SELECT passage_id, unnest(doc_ids), NULL FROM {views["passages"]} WHERE kind = 'literature'
            UNION ALL
            SELECT DISTINCT passage_id, CASE WHEN asserted THEN NULL ELSE doc_id END,
                CASE WHEN asserted THEN split_part(regexp_replace(section, ', [^,]*$', ''), '/', 1) END
            FROM (SELECT passage_id, unnest(evidence_ids) AS evidence_id FROM {views["passages"]} WHERE kind = 'verbalized')
            JOIN (SELECT evidence_id, doc_id, section, extractor IN ({graphs}) AS asserted FROM {views["evidence"]})
            USING (evidence_id)"""  # noqa: S608
    )
    if names:
        connection.execute(
            f"""INSERT INTO named SELECT DISTINCT passage_id, span.curie
                FROM (SELECT passage_id, unnest(spans) AS span FROM {views["passages"]} WHERE split = 'train')"""  # noqa: S608
        )


def add_sources(connection: Any, live: Sequence[str]) -> None:
    """Give each candidate the source of the documents behind it, where it is one: table `sourced`.

    Args:
        live: Parquet files of LIVE_DOCUMENTS. A file's name begins with the name of what was given to the build.
    """
    table_view(connection, "live", live, LIVE_DOCUMENTS)
    connection.execute("""
        CREATE TABLE sources AS
        WITH found AS (
            SELECT passage_id, source FROM behind WHERE source IS NOT NULL
            UNION ALL
            SELECT b.passage_id, split_part(l.file, '/', 1) FROM behind b JOIN live l ON b.doc_id = l.doc_id
        )
        SELECT passage_id, CASE WHEN min(source) = max(source) THEN min(source) END AS source
        FROM found GROUP BY passage_id;
        CREATE TABLE sourced AS
        SELECT c.*, s.source FROM candidates c LEFT JOIN sources s ON c.passage_id = s.passage_id;
        DROP TABLE candidates; DROP TABLE behind; DROP TABLE sources;
    """)


def add_verdicts(connection: Any, verdicts: Iterable[pa.RecordBatch]) -> None:
    """Join what cleaning found to the candidates: table `judged`, with reason, other and detail (null where clean)."""
    connection.execute(
        "CREATE TABLE verdicts (passage_id VARCHAR, reason VARCHAR, other VARCHAR, detail VARCHAR)",
    )
    for batch in verdicts:
        if batch.num_rows:
            connection.register("batch", pa.Table.from_batches([batch]))
            connection.execute("INSERT INTO verdicts SELECT passage_id, reason, other, detail FROM batch")
            connection.unregister("batch")
    connection.execute("""
        CREATE TABLE judged AS
        SELECT s.*, v.reason, v.other, v.detail FROM sourced s LEFT JOIN verdicts v ON s.passage_id = v.passage_id;
        DROP TABLE sourced; DROP TABLE verdicts;
    """)
