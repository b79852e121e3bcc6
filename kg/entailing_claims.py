"""Other claims of a graph that entail a claim, or its denial, by refinement: each with its numbers and its best sentence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Literal

import pyarrow as pa
from upath import UPath

from kg.explanation import EntailingClaim, Quote
from kg.refinement import related_triples
from pipeline.duck import table_view
from pipeline.hashing import bucket_name, bucket_of
from pipeline.storage import Dataset
from pipeline.tables import EVIDENCE

__all__ = ["entailing_claims"]

#: Which of the related claims count, what orders them, and which of their evidence is quoted.
_COUNT: Final = {
    "refinements": ("supporting_evidence > 0", "support", "supporting_documents", "polarity"),
    "generalizations": ("contradicting_evidence > 0", "contradiction", "contradicting_documents", "NOT polarity"),
}


def entailing_claims(
    connection: Any,
    home: UPath | Path | str,
    claim: tuple[str, str, str],
    kind: Literal["refinements", "generalizations"],
    *,
    buckets: int,
    limit: int | None,
    quote: Callable[[dict[str, Any]], Quote],
) -> tuple[tuple[EntailingClaim, ...], int]:
    """Claims that affirm a claim (more specific ones with support), or deny it (more general ones that are denied).

    What affirms an opposed predicate of the general denies nothing of the specific, and does not count here.

    Args:
        connection: of DuckDB, with `triples` and `vocabulary`.
        home: where the build lives.
        claim: CURIEs of subject, predicate and object.
        kind: refinements affirm, generalizations deny.
        buckets: number of buckets of the home.
        limit: most claims; all where None.
        quote: makes a quotation of a row of EVIDENCE.

    Returns:
        The strongest claims, best first, without names of concepts; and how many there are in all.
    """
    condition, strength, documents, side = _COUNT[kind]
    ends = zip(("subject", "predicate", "object"), claim, strict=True)
    related = related_triples(connection, pa.table({name: [value] for name, value in ends}), kind)
    if related.num_rows == 0:
        return (), 0
    connection.register("related", related.select(["triple_id"]))
    connection.execute(f"""CREATE OR REPLACE TEMP TABLE entailing AS
        SELECT * FROM triples SEMI JOIN related USING (triple_id) WHERE {condition}""")  # noqa: S608
    ((total,),) = connection.execute("SELECT count(*) FROM entailing").fetchall()
    ordered = f"SELECT * FROM entailing ORDER BY {strength} DESC, {documents} DESC, triple_id"  # noqa: S608
    most = total if limit is None else limit
    claims = connection.sql(f"{ordered} LIMIT {most}").to_arrow_table()
    rows = claims.to_pylist()
    keys = sorted({bucket_name(bucket_of(row["subject"], buckets), buckets) for row in rows})
    evidence = Dataset(home, "evidence_by_bucket")
    table_view(connection, f"evidence_of_{kind}", evidence.paths_of(keys), EVIDENCE)
    connection.register("told_claims", claims.select(["triple_id", "evidence_ids"]))
    best = connection.sql(f"""
        SELECT t.triple_id, e.* FROM (SELECT triple_id, unnest(evidence_ids) AS evidence_id FROM told_claims) t
        JOIN evidence_of_{kind} e USING (evidence_id) WHERE {side}
        QUALIFY row_number() OVER (PARTITION BY triple_id ORDER BY probability * certainty DESC, evidence_id) = 1
    """)  # noqa: S608
    quotes = {row["triple_id"]: row for row in best.to_arrow_table().to_pylist()}
    return tuple(_entailing(row, row[documents], quotes.get(row["triple_id"]), quote) for row in rows), total


def _entailing(
    row: dict[str, Any], documents: int, best: dict[str, Any] | None, quote: Callable[[dict[str, Any]], Quote]
) -> EntailingClaim:
    return EntailingClaim(
        triple_id=row["triple_id"],
        subject=row["subject"],
        predicate=row["predicate"],
        object=row["object"],
        belief=row["belief"],
        support=row["support"],
        contradiction=row["contradiction"],
        documents=documents,
        doc_id=best["doc_id"] if best else None,
        quote=quote(best) if best else None,
    )
