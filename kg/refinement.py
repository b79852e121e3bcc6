"""Which claims are more specific, or more general, than a given one: refinement, as in INDRA, at query time and by id.

A claim (s', p', o') refines (s, p, o) where s' is s or a kind of it, o' is o or a kind of it, and p' is p or below it in
Biolink: "metformin treats type 2 diabetes" refines "biguanides treat diabetes mellitus". Kinds are the `parents` of the
vocabulary, over any number of steps; a cycle among them makes its members kinds of each other, and ends. Where p is the
inverse of p' or symmetric, the ends change places.

What follows from what. A claim says that some of s does so to some of o. So what affirms the specific affirms the general,
and what denies the general ("antibiotics do not help in viral infections") denies the specific. A denial of the specific
does not deny the general, and an affirmed general does not affirm the specific. Neither ever changes a belief: they are
other sentences, they are found here by id, and who reads them decides. Rejected: adding them to the score, as INDRA's belief
engine can (Gyori et al. 2017). Every ancestor of a claim would then be held true by arithmetic alone, and an error of the
vocabulary would spread into beliefs that no sentence explains.

Definition: Gyori et al. 2017, https://doi.org/10.15252/msb.20177651, and Bachman et al. 2023,
https://doi.org/10.15252/msb.202211325 ("refinement"). There too evidence of the specific supports the general. INDRA refines
agents also by parts and states; here by kinds alone, since the vocabulary knows nothing else.

Cost: the walk starts at the ends of the claims that are asked about, and only the columns of ids are read of the triples.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, Final, Literal

import pyarrow as pa

from kg.claims import TRIPLE_ID_SQL
from kg.tables import TRIPLES
from pipeline.biolink_predicates import PREDICATES, predicate_ancestors
from pipeline.duck import MEMORY_LIMIT, connect, table_view
from pipeline.tables import VOCABULARY

__all__ = ["generalizations_of", "predicate_refinements", "refinements_of", "related_triples"]

_ENDS: Final = ["subject", "predicate", "object"]


def refinements_of(
    claims: pa.Table,
    triples: Sequence[str],
    vocabulary: Sequence[str],
    *,
    threads: int | None = None,
    memory_limit: str = MEMORY_LIMIT,
) -> pa.Table:
    """The triples of a graph that are more specific than each claim.

    Args:
        claims: columns subject, predicate, object; they need not be in the graph.
        triples: Parquet files of TRIPLES.
        vocabulary: Parquet files of VOCABULARY.
        threads: worker threads; all cores where None. The result does not depend on it.
        memory_limit: what DuckDB may hold before it spills to disk.

    Returns:
        subject, predicate, object of the claim, and `triple_id` of a triple that refines it; sorted, each pair once, never the
        claim itself.
    """
    with _opened(triples, vocabulary, threads, memory_limit) as connection:
        return related_triples(connection, claims, "refinements")


def generalizations_of(
    claims: pa.Table,
    triples: Sequence[str],
    vocabulary: Sequence[str],
    *,
    threads: int | None = None,
    memory_limit: str = MEMORY_LIMIT,
) -> pa.Table:
    """The triples of a graph that each claim is more specific than. Arguments and result as of `refinements_of`."""
    with _opened(triples, vocabulary, threads, memory_limit) as connection:
        return related_triples(connection, claims, "generalizations")


@contextmanager
def _opened(triples: Sequence[str], vocabulary: Sequence[str], threads: int | None, memory_limit: str) -> Iterator[Any]:
    with connect(threads=threads, memory_limit=memory_limit) as connection:
        table_view(connection, "triples", triples, TRIPLES)
        table_view(connection, "vocabulary", vocabulary, VOCABULARY)
        yield connection


def related_triples(connection: Any, claims: pa.Table, wanted: Literal["refinements", "generalizations"]) -> pa.Table:
    """As `refinements_of` or `generalizations_of`, on a connection that has `triples` and `vocabulary`."""
    near, far = ("parent", "child") if wanted == "refinements" else ("child", "parent")
    given, found = ("general", "specific") if wanted == "refinements" else ("specific", "general")
    connection.register("given_claims", claims.select(_ENDS))
    connection.register("known_predicates", predicate_refinements())
    # Tables, since each step of the walk reads the kinds again. UNION keeps each pair once, so a cycle ends.
    connection.execute(f"""
        CREATE TEMP TABLE IF NOT EXISTS kinds AS SELECT curie AS child, unnest(parents) AS parent FROM vocabulary;
        CREATE OR REPLACE TEMP TABLE asked_claims AS SELECT DISTINCT * FROM given_claims;
        CREATE OR REPLACE TEMP TABLE predicates AS
            SELECT {given} AS given, {found} AS found, swapped FROM known_predicates
            WHERE {given} IN (SELECT predicate FROM asked_claims)
            UNION SELECT predicate, predicate, false FROM asked_claims;
        CREATE OR REPLACE TEMP TABLE reached AS
        WITH RECURSIVE ends AS (SELECT subject AS curie FROM asked_claims UNION SELECT object FROM asked_claims),
        walk AS (
            SELECT curie AS start, curie FROM ends
            UNION SELECT walk.start, kinds.{far} FROM walk JOIN kinds ON kinds.{near} = walk.curie
        ) SELECT * FROM walk;
    """)  # noqa: S608
    return connection.sql(_MATCHES).to_arrow_table()


@cache
def predicate_refinements() -> pa.Table:
    """Which predicate entails which: `specific`, `general`, and whether the ends change places (`swapped`); sorted.

    s treats o entails s related_to o; since that is symmetric, o related_to s; and, by the inverse, o treated_by s.
    """
    rows = sorted(
        (specific, general, swapped) for specific in PREDICATES for general, swapped in _entailed_predicates(specific)
    )
    specific, general, swapped = zip(*rows, strict=True)
    return pa.table({"specific": specific, "general": general, "swapped": swapped})


def _entailed_predicates(predicate: str) -> set[tuple[str, bool]]:
    found: set[tuple[str, bool]] = set()
    waiting = [(predicate, False)]
    while waiting:
        one = name, swapped = waiting.pop()
        if one in found or name not in PREDICATES:
            continue
        found.add(one)
        known = PREDICATES[name]
        waiting += [(above, swapped) for above in predicate_ancestors(name)]
        waiting += [(known.inverse, not swapped)] if known.inverse else []
        waiting += [(name, not swapped)] if known.symmetric else []
    return found


#: First by subject, then the object of what is left: all pairs of two large subtrees never stand side by side.
_MATCHES: Final = f"""
    WITH turned AS (
        SELECT triple_id, given AS predicate, CASE WHEN swapped THEN object ELSE subject END AS subject,
               CASE WHEN swapped THEN subject ELSE object END AS object
        FROM triples t JOIN predicates p ON p.found = t.predicate
    ), by_subject AS MATERIALIZED (
        SELECT c.subject, c.predicate, c.object, t.triple_id, t.object AS reached_object
        FROM asked_claims c JOIN reached s ON s.start = c.subject
        JOIN turned t ON t.predicate = c.predicate AND t.subject = s.curie
    )
    SELECT DISTINCT b.subject, b.predicate, b.object, b.triple_id
    FROM by_subject b SEMI JOIN reached o ON o.start = b.object AND o.curie = b.reached_object
    WHERE b.triple_id != {TRIPLE_ID_SQL}
    ORDER BY ALL
"""  # noqa: S608
