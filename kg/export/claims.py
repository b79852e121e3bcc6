"""Claims as lines of text, with the sentences behind them where these are wanted.

All evidence of a claim is in one bucket, so sentences are joined bucket by bucket: DuckDB cannot spill a list that it is
building, and the lists of one bucket fit into memory where those of a whole graph do not.
"""

from __future__ import annotations

from typing import IO

from kg.claims import SUPPORTS_SQL
from kg.export.graph import Graph
from kg.export.text import write_lines
from kg.nquads import GRAPH_READERS
from pipeline.duck import file_list

__all__ = ["write_claims"]


def write_claims(graph: Graph, output: IO[bytes], line: str) -> int:
    """Write a line for each wanted claim, sorted by triple_id; return how many.

    Args:
        graph: the claims, and the buckets that their evidence is in.
        output: receives UTF-8.
        line: SQL expression over the columns of TRIPLES and over `sentences` (of the side that is stronger, in the order of
            evidence ids; null where evidence is not wanted) and `source` (of a claim from other graphs, the knowledge source
            that its edges name; null where there is none).
    """
    total = graph.wanted["claims"]
    graph.connection.execute("CREATE TABLE lines (triple_id VARCHAR, text VARCHAR)")
    buckets = graph.paths["triples"]
    for number, key in enumerate(buckets):
        graph.progress("buckets", number, len(buckets))
        rows = f"{graph.claims_of(key)} c JOIN {_evidence(graph, key)} e USING (triple_id)"
        graph.connection.execute(f"INSERT INTO lines SELECT triple_id, {line} FROM {rows}")  # noqa: S608
    return write_lines(graph, output, "SELECT text FROM lines ORDER BY triple_id", "claims", total)


def _evidence(graph: Graph, bucket: str) -> str:
    """Sentences and source of each claim of a bucket, as an SQL subquery."""
    files = file_list(graph.paths["evidence_by_bucket"][bucket])
    sentences, supports = "NULL::VARCHAR[]", SUPPORTS_SQL.format(evidence="e", claim="t")
    if graph.selection.with_evidence:
        sentences = f"list(e.sentence ORDER BY evidence_id) FILTER ({supports} = believed)"
    # What `pipeline.graphs.evidence` writes at the end of the section of an edge.
    named = (
        f"CASE WHEN e.extractor IN ({GRAPH_READERS}) THEN regexp_extract(e.section, '\\((infores:[^()]+)\\)$', 1) END"
    )
    return f"""(
        SELECT triple_id, {sentences} AS sentences, min(nullif({named}, '')) AS source
        FROM (SELECT triple_id, direction, support > contradiction AS believed, unnest(evidence_ids) AS evidence_id
              FROM {graph.claims_of(bucket)}) t
        JOIN (SELECT evidence_id, sentence, polarity, direction, extractor, section
              FROM read_parquet({files}, hive_partitioning = false)) e USING (evidence_id)
        GROUP BY triple_id)"""  # noqa: S608
