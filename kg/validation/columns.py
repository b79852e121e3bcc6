"""The rules as queries over whole tables: one pass of DuckDB, out of core, without a graph.

One statement asks all rules about claims (or concepts), which costs one planning. Of each rule the number of findings and
the first few are kept, so memory does not grow with what is wrong.

What is looked at is what `kg.nquads.write_nquads` writes of the same tables: evidence that no triple names is no part
of the graph, and numbers count as they are written, with six decimals. So the shapes of the same rules find the same in the
graph; `tests/kg/validation` holds both to that.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa

from kg.claims import SUPPORTS_SQL
from kg.validation.finding import Finding, Findings, merged
from kg.validation.model import kinds_table, sides_table
from kg.validation.rule import About
from kg.validation.rules import RULES
from pipeline.biolink_predicates import PREDICATES
from pipeline.curies import PREFIXES
from pipeline.duck import MEMORY_LIMIT, connect, table_view
from pipeline.hashing import BUCKET_SQL
from pipeline.tables import EVIDENCE, VOCABULARY

__all__ = ["EXAMPLES", "validate_by_bucket", "validate_claims", "validate_concepts", "validate_tables"]

#: Findings of each rule that are kept as examples.
EXAMPLES: Final = 5

#: Evidence as it is written to the graph.
_USED: Final = f"""
    CREATE TEMP TABLE used AS
    SELECT bucket, evidence_id, triple_id, doc_id, {SUPPORTS_SQL.format(evidence="e", claim="t")} AS supports, probability, certainty,
           e.direction, NOT regexp_matches(sentence, '[^ ]') AS wordless
    FROM evidence e
    JOIN (SELECT bucket, triple_id, direction, unnest(evidence_ids) AS evidence_id FROM triples) t USING (evidence_id)
    SEMI JOIN (SELECT bucket, unnest(doc_ids) AS doc_id FROM triples) USING (bucket, doc_id)
    WHERE extractor IS NOT NULL
"""  # noqa: S608
_POOLS: Final = """
    CREATE TEMP TABLE pools AS
    SELECT triple_id,
           count(DISTINCT evidence_id) FILTER (supports) AS supporting_evidence_found,
           count(DISTINCT evidence_id) FILTER (NOT supports) AS contradicting_evidence_found,
           count(DISTINCT doc_id) FILTER (supports) AS supporting_documents_found,
           count(DISTINCT doc_id) FILTER (NOT supports) AS contradicting_documents_found
    FROM used GROUP BY triple_id
"""
#: Concepts that claims name.
_KNOWN: Final = """
    CREATE TEMP TABLE known AS
    SELECT DISTINCT curie, category, name FROM concepts SEMI JOIN (
        SELECT DISTINCT unnest([subject, object]) AS curie FROM triples) USING (curie)
"""
#: Concepts whose classes are all of one kind.
_OF_KIND: Final = """
    CREATE TEMP VIEW of_kind AS
    SELECT curie, min(name) AS name, min(kind) AS kind FROM concepts LEFT JOIN kinds USING (category)
    WHERE category IS NOT NULL GROUP BY curie HAVING count(*) = count(kind) AND count(DISTINCT kind) = 1
"""
_OF_CLAIMS: Final = """
    SELECT unnest([subject, predicate, object]) AS curie, triple_id AS place FROM triples
    UNION ALL SELECT unnest(doc_ids), triple_id FROM triples
"""
#: Where a node of a finding belongs, by what the rule is about, and what is told of an identifier there.
_PLACES: Final = """
    CREATE TEMP VIEW places AS
    SELECT DISTINCT 'claim' AS about, 'materia:triple/' || triple_id AS node, bucket, NULL AS place FROM triples
    UNION ALL SELECT DISTINCT 'claim', 'materia:evidence/' || evidence_id, bucket, NULL FROM used
    UNION ALL SELECT 'any', curie, bucket, min(place) FROM identifiers JOIN (
        SELECT DISTINCT triple_id AS place, bucket FROM triples) USING (place) GROUP BY curie, bucket
"""
_ONE_PLACE: Final = """
    CREATE TEMP VIEW places AS
    SELECT DISTINCT 'concept' AS about, curie AS node, 0 AS bucket, NULL AS place FROM concepts
    UNION ALL SELECT 'any', curie, 0, min(place) FROM identifiers GROUP BY curie
"""
_OF_CONCEPTS: Final = """
    SELECT curie, name AS place FROM concepts WHERE name IS NOT NULL
    UNION ALL SELECT unnest(parents), curie FROM concepts
"""


def validate_tables(
    triples: pa.Table,
    evidence: Sequence[str],
    concepts: pa.Table | Sequence[str],
    *,
    limit: int | None = EXAMPLES,
    threads: int | None = None,
    memory_limit: str = MEMORY_LIMIT,
) -> list[Findings]:
    """Ask all rules of claims with their evidence and of the concepts; see `validate_claims` for the arguments."""
    settings: dict[str, Any] = {"limit": limit, "threads": threads, "memory_limit": memory_limit}
    claims = validate_claims(triples, evidence, concepts, **settings)
    return merged([*claims, *validate_concepts(concepts, **settings)], limit)


def validate_claims(
    triples: pa.Table,
    evidence: Sequence[str],
    concepts: pa.Table | Sequence[str],
    *,
    limit: int | None = EXAMPLES,
    connection: Any = None,
    threads: int | None = None,
    memory_limit: str = MEMORY_LIMIT,
) -> list[Findings]:
    """Ask the rules about claims of a bucket.

    Args:
        triples: TRIPLES of the bucket.
        evidence: Parquet files of EVIDENCE of the bucket.
        concepts: VOCABULARY that has the concepts the claims name: a table, or its Parquet files.
        limit: examples kept of each rule; all findings where None.
        connection: as `pipeline.duck.connect` gives it, for several buckets in turn; one of its own where None.
        threads: worker threads of a connection of its own; all cores where None.
        memory_limit: what that one may hold before it spills to disk.

    Returns:
        Findings of the rules that are broken, in the order of rules.
    """
    if connection is None:
        with connect(threads=threads, memory_limit=memory_limit) as own:
            return validate_claims(triples, evidence, concepts, limit=limit, connection=own)
    return validate_by_bucket(connection, triples, evidence, concepts, 1, limit=limit).get(0, [])


def validate_by_bucket(
    connection: Any,
    triples: pa.Table,
    evidence: Sequence[str],
    concepts: pa.Table | Sequence[str],
    buckets: int,
    *,
    limit: int | None = EXAMPLES,
) -> dict[int, list[Findings]]:
    """Ask the rules about claims of some buckets at once, which costs one planning.

    Args:
        connection: as `pipeline.duck.connect` gives it; what is made in it is gone at the end.
        triples: TRIPLES of these buckets.
        evidence: Parquet files of EVIDENCE of these buckets.
        concepts, limit: as of `validate_claims`.
        buckets: how many there are in all.

    Returns:
        what `validate_claims` would find in each bucket, by bucket; none for a bucket without findings.
    """
    session = connection.cursor()  # what is made in it is gone at the end
    try:
        session.register("all_triples", triples)
        bucket = BUCKET_SQL.format("subject", buckets)
        session.execute(f"CREATE TEMP TABLE triples AS SELECT *, {bucket} AS bucket FROM all_triples")  # noqa: S608
        table_view(session, "evidence", evidence, EVIDENCE)
        _concepts_view(session, concepts)
        for sql in (_USED, _POOLS, _KNOWN, f"CREATE TEMP VIEW identifiers AS {_OF_CLAIMS}", _PLACES):
            session.execute(sql)
        return _ask(session, ("claim", "any"), limit)
    finally:
        session.close()


def validate_concepts(
    concepts: pa.Table | Sequence[str],
    *,
    limit: int | None = EXAMPLES,
    threads: int | None = None,
    memory_limit: str = MEMORY_LIMIT,
) -> list[Findings]:
    """Ask the rules about concepts of a whole vocabulary; see `validate_claims` for the arguments."""
    with connect(threads=threads, memory_limit=memory_limit) as connection:
        _concepts_view(connection, concepts)
        connection.register("kinds", kinds_table())
        for sql in (_OF_KIND, f"CREATE TEMP VIEW identifiers AS {_OF_CONCEPTS}", _ONE_PLACE):
            connection.execute(sql)
        connection.register("cycles", _cycles(connection))
        return _ask(connection, ("concept", "any"), limit).get(0, [])


def _concepts_view(connection: Any, concepts: pa.Table | Sequence[str]) -> None:
    if isinstance(concepts, pa.Table):
        connection.register("concepts", concepts.select(VOCABULARY.names))
    else:
        table_view(connection, "concepts", concepts, VOCABULARY)


def _ask(connection: Any, about: Iterable[About], limit: int | None) -> dict[int, list[Findings]]:
    """The findings of each bucket that has any."""
    deprecated = [predicate.deprecated for predicate in PREDICATES.values()]
    connection.register("predicates", pa.table({"curie": list(PREDICATES), "deprecated": deprecated}))
    connection.register("prefixes", pa.table({"prefix": list(PREFIXES)}))
    connection.register("sides", sides_table())
    asked = " UNION ALL ".join(
        f"SELECT '{rule.name}' AS rule, '{rule.about}' AS about, node, coalesce(min(detail), '') AS detail "  # noqa: S608
        f"FROM ({rule.query}) GROUP BY node"
        for rule in RULES.values()
        if rule.about in about
    )
    some = "" if limit is None else f", {limit}"
    kept = f"min_by(node, node{some}), min_by(detail, node{some})" if some else "list(node), list(detail)"
    connection.execute(f"CREATE TEMP TABLE asked AS {asked}")
    placed = "SELECT rule, bucket, node, coalesce(place, detail) AS detail FROM asked JOIN places USING (about, node)"
    # Where nothing is wrong, which is mostly, places are not even planned.
    ((wrong,),) = connection.execute("SELECT count(*) FROM asked").fetchall()
    sql = f"SELECT bucket, rule, count(*), {kept} FROM ({placed}) GROUP BY bucket, rule"  # noqa: S608
    rows = connection.execute(sql).fetchall() if wrong else []
    found: dict[int, list[Findings]] = {}
    for bucket, rule, count, nodes, details in rows:
        found.setdefault(bucket, []).append(Findings(RULES[rule], count, tuple(sorted(map(Finding, nodes, details)))))
    return {bucket: merged(findings) for bucket, findings in found.items()}


def _cycles(connection: Any) -> pa.Table:
    """Concepts on a cycle of is_a, each with some of the concepts of its cycle: strongly connected components."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    sql = "SELECT DISTINCT curie, unnest(parents) AS parent FROM concepts"
    links = connection.sql(sql).to_arrow_table()
    ends = pa.concat_arrays([*links["curie"].chunks, *links["parent"].chunks, pa.array([], pa.string())])
    encoded = ends.dictionary_encode()
    codes = np.asarray(encoded.indices)
    below, above = codes[: links.num_rows], codes[links.num_rows :]
    names = np.asarray(encoded.dictionary.to_pylist(), dtype=object)
    size = len(names)
    matrix = coo_array((np.ones(len(below), dtype=np.int8), (below, above)), shape=(size, size)).tocsr()
    _, component = connected_components(matrix, connection="strong") if size else (0, np.empty(0, dtype=np.int32))
    looped = np.bincount(component, minlength=1)[component] > 1 if size else np.empty(0, dtype=bool)
    looped[below[below == above]] = True
    members: dict[int, list[str]] = {}
    for place in np.flatnonzero(looped):
        members.setdefault(int(component[place]), []).append(str(names[place]))
    rows = [(name, " ".join(sorted(cycle)[:6])) for cycle in members.values() for name in cycle]
    return pa.table(
        {
            "curie": pa.array([name for name, _ in rows], pa.string()),
            "cycle": pa.array([c for _, c in rows], pa.string()),
        }
    )
