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
from pipeline.duck import MEMORY_LIMIT, connect, stream, table_view
from pipeline.hashing import BUCKET_SQL
from pipeline.tables import VOCABULARY

__all__ = ["withheld_claims"]

#: Concepts with their kinds for `related_triples`: what they are kinds of, and what a cross-reference or a name joins them to.
_VOCABULARY_SQL: Final = """
    CREATE TEMP TABLE preferred AS
    SELECT curie, lower(unnest([name] || [t.name FOR t IN coalesce(translations, []) IF t.scope IN ('label', 'exact')])) AS name
    FROM concepts;
    CREATE TEMP TABLE called AS
    SELECT curie, name FROM preferred
    UNION SELECT curie, lower(unnest([s.name FOR s IN coalesce(synonyms, []) IF s.scope = 'exact'])) FROM concepts;
    CREATE TEMP TABLE joined AS
    SELECT a.curie, b.curie AS other FROM (SELECT curie, unnest(xrefs) AS xref FROM concepts) a JOIN concepts b ON b.curie = a.xref
    UNION SELECT a.curie, b.curie FROM preferred a JOIN called b ON a.name = b.name AND a.curie <> b.curie;
    CREATE TEMP TABLE vocabulary AS
    SELECT curie, parents FROM concepts
    UNION ALL SELECT curie, [other] FROM joined
    UNION ALL SELECT other, [curie] FROM joined
"""


def withheld_claims(
    triples: Sequence[str],
    vocabulary: Sequence[str],
    buckets: int,
    *,
    threads: int | None = None,
    memory_limit: str = MEMORY_LIMIT,
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Training claims that entail a held-out one, by the buckets whose passages could make them.

    Args:
        triples: Parquet files of TRIPLES, of all buckets.
        vocabulary: Parquet files of VOCABULARY.
        buckets: number of buckets of the home.
        threads: worker threads; all cores where None. The rows do not depend on it.
        memory_limit: what DuckDB may hold before it spills to disk.

    Yields:
        Bucket and rows of WITHHELD_CLAIMS, buckets ascending, each claim once in a bucket, sorted.
    """
    with connect(threads=threads, memory_limit=memory_limit) as connection:
        table_view(connection, "triples", triples, TRIPLES)
        table_view(connection, "concepts", vocabulary, VOCABULARY)
        connection.execute(_VOCABULARY_SQL)
        held_out = connection.sql(
            "SELECT subject, predicate, object FROM triples WHERE split != 'train'"
        ).to_arrow_table()
        connection.register("entailing", related_triples(connection, held_out, "refinements"))
        subject, document = BUCKET_SQL.format("subject", buckets), BUCKET_SQL.format("doc_id", buckets)
        rows = stream(
            connection,
            f"""WITH withheld AS MATERIALIZED (
                    SELECT t.triple_id, min(h.triple_id) AS entails, any_value(t.subject) AS subject, any_value(t.doc_ids) AS doc_ids
                    FROM entailing e JOIN triples t ON t.triple_id = e.triple_id
                    JOIN triples h ON h.subject = e.subject AND h.predicate = e.predicate AND h.object = e.object
                    WHERE t.split = 'train' GROUP BY t.triple_id
                ), places AS (
                    SELECT {subject}::INTEGER AS bucket, triple_id, entails FROM withheld
                    UNION
                    SELECT {document}::INTEGER, triple_id, entails
                    FROM (SELECT triple_id, entails, unnest(doc_ids) AS doc_id FROM withheld)
                ) SELECT * FROM places ORDER BY ALL""",  # noqa: S608
        )
        for batch in rows:
            yield from by_bucket(batch, WITHHELD_CLAIMS)
