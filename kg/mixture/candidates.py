"""The candidates in DuckDB: of each passage what the mixture needs to know, and never its text.

A passage's predicate and source come from the triples it tells and from their evidence. A chain of two facts tells triples of two
buckets, so these are joined over the whole home, by ids alone. Where evidence is from a graph the source is the graph, else
that of the document.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kg.tables import TRIPLES
from pipeline.duck import bucketed_view, table_view
from pipeline.graphs import GRAPHS
from pipeline.tables import EVIDENCE, LIVE_DOCUMENTS

__all__ = ["GROUNDED_SQL", "MADE_FROM", "Candidates", "gather", "open_origins"]

#: What a token is: a run of letters and digits, or an ideograph.
_WORDS = r"\p{Han}|[\p{Latin}\p{Greek}\p{Cyrillic}\p{N}_]+"

#: A number from all that a passage's id does not tell: what is known of a passage holds while both are the same.
MADE_FROM = """md5_number_lower(concat_ws(chr(31), kind, coalesce(language, ''), split, array_to_string(doc_ids, ' '),
    array_to_string(triple_ids, ' '), array_to_string(evidence_ids, ' ')))"""


@dataclass(frozen=True)
class Candidates:
    """The Parquet files that a corpus is chosen from, and those behind them.

    Attributes:
        passages: PASSAGES of both kinds, by bucket.
        evidence: EVIDENCE, by bucket.
        triples, live: TRIPLES of all buckets, and LIVE_DOCUMENTS.
    """

    passages: Mapping[str, Sequence[str]]
    evidence: Mapping[str, Sequence[str]] = field(default_factory=dict)
    triples: Sequence[str] = ()
    live: Sequence[str] = ()


def open_origins(connection: Any, candidates: Candidates) -> None:
    """Make what stands behind passages readable: `triples`, `evidence`, and `located`, the source of every live document."""
    table_view(connection, "triples", candidates.triples, TRIPLES)
    bucketed_view(connection, "evidence", candidates.evidence, EVIDENCE)
    table_view(connection, "live", candidates.live, LIVE_DOCUMENTS)
    connection.execute(_ORIGINS_SQL)


# A file's name begins with the name of what was given to the build, and the section of evidence from a graph is "file, place".
#: Of each piece of evidence the document that says it, or the source where that is a graph.
GROUNDED_SQL = f"""
SELECT * FROM (
    SELECT bucket, evidence_id, CASE WHEN asserted THEN NULL ELSE doc_id END AS doc_id,
        CASE WHEN asserted THEN split_part(regexp_replace(section, ', [^,]*$', ''), '/', 1) END AS source
    FROM (SELECT *, extractor IN ({", ".join(f"'{name}'" for name in GRAPHS)}) AS asserted FROM {{evidence}})
)
"""  # noqa: S608

_ORIGINS_SQL = f"""
CREATE VIEW grounded AS {GROUNDED_SQL.format(evidence="evidence")};
CREATE VIEW located AS SELECT doc_id, split_part(file, '/', 1) AS source FROM live;
"""  # noqa: S608


def gather(connection: Any) -> None:
    """Make the table `candidates` of the relation `passages` (a bucket, and PASSAGES): what is known of each that needs no other.

    Its columns are those of KNOWN, less verdicts and signs, after the bucket.
    """
    connection.execute(_READ_SQL)
    connection.execute(_PREDICATES_SQL)
    connection.execute(_SOURCES_SQL)


_READ_SQL = f"""
CREATE TEMP TABLE read AS
SELECT bucket, passage_id, kind, language, split, len(regexp_extract_all(text, '{_WORDS}'))::INTEGER AS tokens,
    CASE WHEN kind = 'literature' THEN doc_ids[1] END AS doc_id, {MADE_FROM} AS made_from FROM passages;
CREATE TEMP TABLE facts AS SELECT passage_id, unnest(triple_ids) AS triple_id FROM passages WHERE kind = 'verbalized';
CREATE TEMP TABLE grounds AS SELECT passage_id, unnest(evidence_ids) AS evidence_id FROM passages WHERE kind = 'verbalized';
"""  # noqa: S608

_PREDICATES_SQL = """
CREATE TEMP TABLE chief AS
WITH counted AS (SELECT passage_id, predicate, count(*) AS facts FROM facts JOIN triples USING (triple_id) GROUP BY ALL)
SELECT passage_id, first(predicate ORDER BY facts DESC, predicate) AS predicate FROM counted GROUP BY passage_id;
CREATE TEMP TABLE telling AS SELECT r.*, c.predicate FROM read r LEFT JOIN chief c ON r.passage_id = c.passage_id;
DROP TABLE read; DROP TABLE facts; DROP TABLE chief;
"""

_SOURCES_SQL = """
CREATE TEMP TABLE behind AS
SELECT passage_id, doc_id, NULL::VARCHAR AS source FROM telling WHERE kind = 'literature'
UNION ALL
SELECT DISTINCT passage_id, doc_id, source FROM grounds JOIN grounded USING (evidence_id);
CREATE TEMP TABLE sources AS
WITH found AS (
    SELECT passage_id, source FROM behind WHERE source IS NOT NULL
    UNION ALL
    SELECT b.passage_id, l.source FROM behind b JOIN located l ON b.doc_id = l.doc_id
)
SELECT passage_id, CASE WHEN min(source) = max(source) THEN min(source) END AS source FROM found GROUP BY passage_id;
CREATE TEMP TABLE candidates AS SELECT t.*, s.source FROM telling t LEFT JOIN sources s ON t.passage_id = s.passage_id;
DROP TABLE telling; DROP TABLE behind; DROP TABLE grounds; DROP TABLE sources;
"""
