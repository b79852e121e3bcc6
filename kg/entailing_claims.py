"""Other claims of a graph that entail a claim, or its denial, by refinement: each with its numbers and its best sentence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
from upath import UPath

from kg.claim_search import names_of
from kg.explanation import EntailingClaim, Quote
from kg.refinement import generalizations_of, refinements_of
from kg.tables import TRIPLES
from pipeline.duck import connect, table_view
from pipeline.hashing import bucket_name, bucket_of
from pipeline.storage import Dataset
from pipeline.tables import EVIDENCE

__all__ = ["affirming_claims", "denying_claims"]

QuoteOf = Callable[[dict[str, Any]], Quote]


def affirming_claims(
    home: UPath | Path | str, claim: tuple[str, str, str], *, buckets: int, limit: int | None, quote: QuoteOf
) -> tuple[tuple[EntailingClaim, ...], int]:
    """More specific claims that have support: at most `limit`, the best supported first; and how many there are.

    Args:
        home: where the build lives.
        claim: CURIEs of subject, predicate and object.
        buckets: number of buckets of the home.
        limit: most claims; all where None.
        quote: makes a quotation of a row of EVIDENCE.
    """
    triples = _triples(home)
    related = refinements_of(_as_table(claim), triples, Dataset(home, "vocabulary").paths(), threads=1)
    return _told(home, related, _AFFIRM, buckets=buckets, limit=limit, quote=quote)


def denying_claims(
    home: UPath | Path | str, claim: tuple[str, str, str], *, buckets: int, limit: int | None, quote: QuoteOf
) -> tuple[tuple[EntailingClaim, ...], int]:
    """More general claims that are denied, as `affirming_claims`. Affirming an opposed predicate of the general denies nothing."""
    triples = _triples(home)
    related = generalizations_of(_as_table(claim), triples, Dataset(home, "vocabulary").paths(), threads=1)
    return _told(home, related, _DENY, buckets=buckets, limit=limit, quote=quote)


#: Which of the related claims count, their order, and which of their evidence is quoted.
_AFFIRM: Final = ("supporting_evidence > 0", "support", "polarity")
_DENY: Final = ("contradicting_evidence > 0", "contradiction", "NOT polarity")


def _as_table(claim: tuple[str, str, str]) -> pa.Table:
    return pa.table({name: [value] for name, value in zip(("subject", "predicate", "object"), claim, strict=True)})


def _triples(home: UPath | Path | str) -> list[str]:
    dataset = Dataset(home, "triples")
    return [path for key in dataset.manifests() for path in dataset.paths(key)]


def _told(
    home: UPath | Path | str,
    related: pa.Table,
    what: tuple[str, str, str],
    *,
    buckets: int,
    limit: int | None,
    quote: QuoteOf,
) -> tuple[tuple[EntailingClaim, ...], int]:
    if related.num_rows == 0:
        return (), 0
    condition, strength, side = what
    with connect(threads=1) as connection:
        table_view(connection, "triples", _triples(home), TRIPLES)
        connection.register("related", related.select(["triple_id"]))
        connection.execute(f"""CREATE TABLE found AS
            SELECT * FROM triples SEMI JOIN related USING (triple_id) WHERE {condition}""")  # noqa: S608
        ((total,),) = connection.execute("SELECT count(*) FROM found").fetchall()
        most = total if limit is None else limit
        order = f"ORDER BY {strength} DESC, supporting_documents + contradicting_documents DESC, triple_id"
        connection.execute(f"CREATE TABLE told AS SELECT * FROM found {order} LIMIT {most}")  # noqa: S608
        claims = connection.sql(f"SELECT * FROM told {order}").to_arrow_table().to_pylist()  # noqa: S608
        keys = sorted({bucket_name(bucket_of(row["subject"], buckets), buckets) for row in claims})
        dataset = Dataset(home, "evidence_by_bucket")
        table_view(connection, "evidence", [path for key in keys for path in dataset.paths(key)], EVIDENCE)
        best = connection.sql(f"""
            SELECT t.triple_id, e.* FROM (SELECT triple_id, unnest(evidence_ids) AS evidence_id FROM told) t
            JOIN evidence e USING (evidence_id) WHERE {side}
            QUALIFY row_number() OVER (PARTITION BY triple_id ORDER BY probability * certainty DESC, evidence_id) = 1
        """)  # noqa: S608
        quotes = {row["triple_id"]: row for row in best.to_arrow_table().to_pylist()}
    names = names_of(home, {row[end] for row in claims for end in ("subject", "object")})
    return tuple(_entailing(row, names, quotes.get(row["triple_id"]), side, quote) for row in claims), total


def _entailing(
    row: dict[str, Any], names: dict[str, str], best: dict[str, Any] | None, side: str, quote: QuoteOf
) -> EntailingClaim:
    documents = row["supporting_documents"] if side == "polarity" else row["contradicting_documents"]
    return EntailingClaim(
        triple_id=row["triple_id"],
        subject=row["subject"],
        predicate=row["predicate"],
        object=row["object"],
        subject_name=names.get(row["subject"]),
        object_name=names.get(row["object"]),
        belief=row["belief"],
        support=row["support"],
        contradiction=row["contradiction"],
        documents=documents,
        doc_id=best["doc_id"] if best else None,
        quote=quote(best) if best else None,
    )
