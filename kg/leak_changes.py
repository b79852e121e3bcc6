"""Whether rows that were proven to give no held-out claim away still do not, though claims and vocabulary changed since.

What a row says of pairs is proven once for all, as a pair is held out by its hash. What it entails depends on which claims are held out
and on what is a kind of what; both are compared with what they were. A row is in doubt where a claim of its entails a held-out claim
that is new, or one of whose ends something came to be a kind of. So the claims of all rows are kept, each once a bucket (CLAIMS), and
only those are looked at: 30 milliseconds for the claims of 50,000 rows, and none where nothing was held out and no kind was gained.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from kg.leaks import KINDS
from pipeline.duck import table_view

__all__ = ["CLAIMS", "HELD_OUT", "UNKNOWN", "claims_are_in_doubt", "read_claims"]

#: A claim of a training row of a bucket.
CLAIMS = pa.schema({"subject": pa.string(), "predicate": pa.string(), "object": pa.string()})
#: A claim that is held out.
HELD_OUT = pa.schema({"triple_id": pa.string()})
#: A triple that a training row tells and no graph holds: nothing can be proven of it until it is known.
UNKNOWN = pa.schema({"bucket": pa.string(), "triple_id": pa.string()})


def read_claims(connection: Any, shards: str) -> None:
    """Make `claims`, CLAIMS with the bucket, and `unknown`, UNKNOWN, of all rows of a relation.

    Args:
        connection: a database with `triples` (`open_held_out`).
        shards: training rows: bucket and PASSAGES.
    """
    connection.execute(_CLAIMS_SQL.format(shards=shards))


def claims_are_in_doubt(connection: Any, claims: Sequence[str], kinds: str, held_out: str) -> bool:
    """Whether claims that were proven may give a held-out claim away now.

    Args:
        connection: a database with what is held out now (`open_held_out`).
        claims: Parquet files of CLAIMS.
        kinds, held_out: KINDS and HELD_OUT as they were when the claims were proven.
    """
    table_view(connection, "were_kinds", [kinds], KINDS)
    table_view(connection, "were_held_out", [held_out], HELD_OUT)
    connection.execute(_CONCERNING_SQL)
    ((count,),) = connection.execute("SELECT count(*) FROM concerning").fetchall()
    if not count:
        return False
    table_view(connection, "proven", claims, CLAIMS)
    return bool(connection.execute(_DOUBT_SQL).fetchall())


_CLAIMS_SQL = """
CREATE TABLE told AS SELECT DISTINCT bucket, unnest(triple_ids) AS triple_id FROM {shards};
CREATE TABLE claims AS
SELECT bucket, subject, predicate, object FROM told JOIN triples USING (triple_id)
UNION
SELECT bucket, spans[r.subject + 1].curie, r.predicate, spans[r.object + 1].curie
FROM (SELECT bucket, spans, unnest(relations) AS r FROM {shards});
CREATE TABLE unknown AS SELECT bucket, triple_id FROM told ANTI JOIN triples USING (triple_id);
DROP TABLE told;
"""

# What came to be a kind of something is below all that this is a kind of.
_CONCERNING_SQL = """
CREATE TABLE above AS
WITH RECURSIVE walk AS (
    SELECT DISTINCT parent AS curie FROM kinds ANTI JOIN were_kinds USING (child, parent)
    UNION SELECT kinds.parent FROM walk JOIN kinds ON kinds.child = walk.curie
) SELECT * FROM walk;
CREATE TABLE concerning AS
SELECT subject, predicate, object FROM held_out ANTI JOIN were_held_out USING (triple_id)
UNION
SELECT subject, predicate, object FROM held_out WHERE subject IN (FROM above) OR object IN (FROM above);
"""

_DOUBT_SQL = """
WITH entailed AS (
    SELECT general AS predicate, CASE WHEN swapped THEN object ELSE subject END AS subject,
        CASE WHEN swapped THEN subject ELSE object END AS object
    FROM proven JOIN entails ON specific = predicate
),
of_subject AS MATERIALIZED (
    SELECT e.object AS reached, c.object
    FROM concerning c JOIN below b ON b.held = c.subject JOIN entailed e ON e.subject = b.curie AND e.predicate = c.predicate
)
SELECT 1 FROM of_subject f SEMI JOIN below b ON b.held = f.object AND b.curie = f.reached LIMIT 1
"""
