"""Which training claims would give a held-out claim away because they entail it: "metformin treats type 2 diabetes" where
"biguanides treat diabetes mellitus" is held out.

The pair of a claim decides its split, so its inverse and every other predicate between the two entities are held out with
it (`kg.splits`). What is more specific is another pair, and the hash may have put it into training. Such claims stay in the
graph, but no training passage tells them: neither a verbalized one, nor a sentence of a paper that makes one of them.
What entails what is defined in `kg.refinement`; the walk starts at the held-out claims, which are few. A cross-reference
between two concepts that were not merged counts as is_a both ways here: two names for atrial fibrillation, of a disease and
of a phenotype, must not stand in two splits. So does a name: where the preferred name of one concept is any name of another, both
are told in the same words. On the abstracts of 13 reviews (6,232 claims, 115 held out, vocabularies of four sources) 2 claims
are withheld by is_a alone and 16 with cross-references; of 167,028 claims of English papers and Chinese tables (3,278 held
out) 39 without names and 325 with them.

Each bucket gets the list of claims that its own passages could make: those of its subjects, and those of its documents. A
new claim that is held out then changes a few buckets and not all. Rejected: moving the entailing claim into the split of what
it entails (a chain of moves over the whole hierarchy, and a new paper would move claims that are told already).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import pyarrow as pa

from kg.refinement import related_triples
from kg.shuffle import by_bucket
from kg.tables import TRIPLES, WITHHELD_CLAIMS
from pipeline.duck import MEMORY_LIMIT, connect, one_batch, stream, table_view
from pipeline.hashing import BUCKET_SQL
from pipeline.tables import VOCABULARY, describe, table_schema

__all__ = ["KINDS", "WITHHELD_BY_BUCKET", "changed_buckets", "kinds_of", "withheld_claims"]

KINDS = table_schema(
    "kinds",
    1,
    {
        "child": (pa.string(), "CURIE of a concept"),
        "parent": (pa.string(), "CURIE of one that it is a kind of, or that it is joined to; each pair once, sorted"),
    },
)

WITHHELD_BY_BUCKET = table_schema(
    "withheld_by_bucket",
    1,
    {"bucket": (pa.int32(), "bucket of the home")}
    | {name: (pa.string(), text) for name, _, text in describe(WITHHELD_CLAIMS)},
)

#: Which concept is a kind of which for `related_triples`: by is_a, and both ways where a cross-reference or a name joins them.
_KINDS_SQL: Final = """
    WITH preferred AS MATERIALIZED (
        SELECT curie, lower(unnest([name] || [t.name FOR t IN coalesce(translations, []) IF t.scope IN ('label', 'exact')])) AS name
        FROM concepts
    ), called AS (
        SELECT curie, name FROM preferred
        UNION ALL SELECT curie, lower(unnest([s.name FOR s IN coalesce(synonyms, []) IF s.scope = 'exact'])) FROM concepts
    ), joined AS MATERIALIZED (
        SELECT a.curie, b.curie AS other FROM (SELECT curie, unnest(xrefs) AS xref FROM concepts) a JOIN concepts b ON b.curie = a.xref
        UNION SELECT a.curie, b.curie FROM preferred a JOIN called b ON a.name = b.name AND a.curie <> b.curie
    ) SELECT curie AS child, unnest(parents) AS parent FROM concepts
    UNION SELECT curie, other FROM joined
    UNION SELECT other, curie FROM joined ORDER BY ALL
"""


def kinds_of(vocabulary: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Which concept of a vocabulary is a kind of which, as far as withholding goes: batches of KINDS.

    Args:
        vocabulary: Parquet files of VOCABULARY.
    """
    with connect() as connection:
        table_view(connection, "concepts", vocabulary, VOCABULARY)
        yield from stream(connection, _KINDS_SQL)


def withheld_claims(
    triples: Sequence[str],
    kinds: Sequence[str],
    buckets: int,
    *,
    threads: int | None = None,
    memory_limit: str = MEMORY_LIMIT,
) -> Iterator[pa.RecordBatch]:
    """Training claims that entail a held-out one, by the buckets whose passages could make them.

    Args:
        triples: Parquet files of TRIPLES, of all buckets.
        kinds: Parquet files of KINDS.
        buckets: number of buckets of the home.
        threads: worker threads; all cores where None. The rows do not depend on it.
        memory_limit: what DuckDB may hold before it spills to disk.

    Yields:
        Batches of WITHHELD_BY_BUCKET: each claim once in a bucket, sorted.
    """
    with connect(threads=threads, memory_limit=memory_limit) as connection:
        table_view(connection, "all_triples", triples, TRIPLES)
        table_view(connection, "all_kinds", kinds, KINDS)
        connection.execute(
            """CREATE TEMP TABLE triples AS SELECT triple_id, subject, predicate, object, split FROM all_triples;
               CREATE TEMP VIEW vocabulary AS SELECT child AS curie, [parent] AS parents FROM all_kinds"""
        )
        held_out = connection.sql(
            "SELECT subject, predicate, object FROM triples WHERE split != 'train'"
        ).to_arrow_table()
        connection.register("entailing", related_triples(connection, held_out, "refinements"))
        subject, document = BUCKET_SQL.format("subject", buckets), BUCKET_SQL.format("doc_id", buckets)
        rows = stream(
            connection,
            f"""WITH withheld AS MATERIALIZED (
                    SELECT t.triple_id, min(h.triple_id) AS entails, any_value(t.subject) AS subject
                    FROM entailing e JOIN triples t ON t.triple_id = e.triple_id
                    JOIN triples h ON h.subject = e.subject AND h.predicate = e.predicate AND h.object = e.object
                    WHERE t.split = 'train' GROUP BY t.triple_id
                ), places AS (
                    SELECT {subject}::INTEGER AS bucket, triple_id, entails FROM withheld
                    UNION
                    SELECT {document}::INTEGER, triple_id, entails
                    FROM (SELECT w.triple_id, w.entails, unnest(t.doc_ids) AS doc_id
                          FROM withheld w JOIN all_triples t ON t.triple_id = w.triple_id)
                ) SELECT * FROM places ORDER BY ALL""",  # noqa: S608
        )
        for batch in rows:
            yield batch.cast(WITHHELD_BY_BUCKET)


def changed_buckets(before: pa.Table, now: pa.Table) -> set[int]:
    """Buckets whose rows in two tables of WITHHELD_BY_BUCKET differ."""
    parts = [dict(by_bucket(one_batch(table), WITHHELD_CLAIMS)) for table in (before, now)]
    return {bucket for bucket in parts[0].keys() | parts[1].keys() if parts[0].get(bucket) != parts[1].get(bucket)}
