"""The candidates in DuckDB: of each passage what the mixture needs to know, and never its text.

A passage's predicate and source come from the triples it tells and from their evidence. A chain of two facts tells triples of two
buckets, so these are joined over the whole home, by ids alone. Where evidence is from a graph the source is the graph, else
that of the document.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from kg.mixture.draw import UNIFORM_SQL
from kg.tables import PASSAGES, TRIPLES
from pipeline.duck import table_view
from pipeline.graphs import GRAPHS
from pipeline.tables import EVIDENCE, LIVE_DOCUMENTS

__all__ = ["Candidates", "gather", "judge"]

#: What a token is: a run of letters and digits, or an ideograph.
_WORDS = r"\p{Han}|[\p{Latin}\p{Greek}\p{Cyrillic}\p{N}_]+"


@dataclass(frozen=True)
class Candidates:
    """The Parquet files that a corpus is chosen from, and those behind them.

    Attributes:
        passages: PASSAGES of both kinds, by bucket.
        triples, evidence, live: TRIPLES, EVIDENCE of all buckets, and LIVE_DOCUMENTS.
    """

    passages: Mapping[str, Sequence[str]]
    triples: Sequence[str] = ()
    evidence: Sequence[str] = ()
    live: Sequence[str] = ()


def gather(connection: Any, candidates: Candidates, *, names: bool) -> None:
    """Make the table `candidates`: bucket, passage_id, kind, language, split, tokens, u, doc_id, predicate, source.

    Args:
        names: whether the entities that training passages name are kept too, as table `named`.
    """
    table_view(connection, "triples", candidates.triples, TRIPLES)
    table_view(connection, "evidence", candidates.evidence, EVIDENCE)
    table_view(connection, "live", candidates.live, LIVE_DOCUMENTS)
    connection.execute(_TABLES)
    for number, (bucket, paths) in enumerate(candidates.passages.items()):
        view = f"passages_{number}"
        table_view(connection, view, paths, PASSAGES)
        connection.execute(_READ_SQL.format(passages=view, bucket=bucket, words=_WORDS, uniform=UNIFORM_SQL))
        if names:
            connection.execute(_NAMES_SQL.format(passages=view))
    connection.execute(_PREDICATES_SQL)
    connection.execute(_SOURCES_SQL)


_TABLES = """
CREATE TABLE read (bucket VARCHAR, passage_id VARCHAR, kind VARCHAR, language VARCHAR, split VARCHAR, tokens INTEGER, u DOUBLE,
    doc_id VARCHAR);
CREATE TABLE facts (passage_id VARCHAR, triple_id VARCHAR);
CREATE TABLE grounds (passage_id VARCHAR, evidence_id VARCHAR);
CREATE TABLE named (passage_id VARCHAR, curie VARCHAR);
"""

_READ_SQL = """
INSERT INTO read SELECT '{bucket}', passage_id, kind, language, split, len(regexp_extract_all(text, '{words}')),
    {uniform}, CASE WHEN kind = 'literature' THEN doc_ids[1] END FROM {passages};
INSERT INTO facts SELECT passage_id, unnest(triple_ids) FROM {passages} WHERE kind = 'verbalized';
INSERT INTO grounds SELECT passage_id, unnest(evidence_ids) FROM {passages} WHERE kind = 'verbalized';
"""

_NAMES_SQL = """
INSERT INTO named SELECT DISTINCT passage_id, span.curie
FROM (SELECT passage_id, unnest(spans) AS span FROM {passages} WHERE split = 'train')
"""

_PREDICATES_SQL = """
CREATE TABLE chief AS
WITH counted AS (SELECT passage_id, predicate, count(*) AS facts FROM facts JOIN triples USING (triple_id) GROUP BY ALL)
SELECT passage_id, first(predicate ORDER BY facts DESC, predicate) AS predicate FROM counted GROUP BY passage_id;
CREATE TABLE telling AS SELECT r.*, c.predicate FROM read r LEFT JOIN chief c ON r.passage_id = c.passage_id;
DROP TABLE read; DROP TABLE facts; DROP TABLE chief;
"""

# A file's name begins with the name of what was given to the build, and the section of evidence from a graph is "file, place".
_SOURCES_SQL = f"""
CREATE TABLE behind AS
SELECT passage_id, doc_id, NULL::VARCHAR AS source FROM telling WHERE kind = 'literature'
UNION ALL
SELECT DISTINCT passage_id, CASE WHEN asserted THEN NULL ELSE doc_id END,
    CASE WHEN asserted THEN split_part(regexp_replace(section, ', [^,]*$', ''), '/', 1) END
FROM grounds JOIN (
    SELECT evidence_id, doc_id, section, extractor IN ({", ".join(f"'{name}'" for name in GRAPHS)}) AS asserted FROM evidence
) USING (evidence_id);
CREATE TABLE sources AS
WITH found AS (
    SELECT passage_id, source FROM behind WHERE source IS NOT NULL
    UNION ALL
    SELECT b.passage_id, split_part(l.file, '/', 1) FROM behind b JOIN live l ON b.doc_id = l.doc_id
)
SELECT passage_id, CASE WHEN min(source) = max(source) THEN min(source) END AS source FROM found GROUP BY passage_id;
CREATE TABLE candidates AS SELECT t.*, s.source FROM telling t LEFT JOIN sources s ON t.passage_id = s.passage_id;
DROP TABLE telling; DROP TABLE behind; DROP TABLE grounds; DROP TABLE sources;
"""  # noqa: S608


def judge(connection: Any, verdicts: Iterable[pa.RecordBatch]) -> None:
    """Join what cleaning found to the candidates: table `judged`, with reason, other and detail (null where clean).

    Args:
        verdicts: batches of VERDICTS, one row a passage.
    """
    connection.execute("CREATE TABLE verdicts (passage_id VARCHAR, reason VARCHAR, other VARCHAR, detail VARCHAR)")
    for batch in verdicts:
        if batch.num_rows:
            connection.register("batch", pa.Table.from_batches([batch]))
            connection.execute("INSERT INTO verdicts SELECT passage_id, reason, other, detail FROM batch")
            connection.unregister("batch")
    connection.execute("""
        CREATE TABLE judged AS
        SELECT c.*, v.reason, v.other, v.detail FROM candidates c LEFT JOIN verdicts v ON c.passage_id = v.passage_id;
        DROP TABLE candidates; DROP TABLE verdicts;
    """)
