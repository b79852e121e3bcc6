"""The part of a vocabulary that one bucket needs, picked out by DuckDB without reading the rest into memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pyarrow as pa

from pipeline.hashing import BUCKET_SQL

__all__ = ["ambiguous_names", "concepts_in_bucket", "concepts_named"]


def concepts_in_bucket(vocabulary: Sequence[str], bucket: int, buckets: int) -> pa.Table:
    """Concepts whose CURIE falls into a bucket, sorted by CURIE, as a table with the schema VOCABULARY."""
    import duckdb

    with duckdb.connect() as connection:
        condition = f"{BUCKET_SQL.format('curie', buckets)} = {bucket}"
        query = f"SELECT * FROM read_parquet($paths, hive_partitioning = false) WHERE {condition} ORDER BY curie"  # noqa: S608
        return connection.sql(query, params={"paths": list(vocabulary)}).to_arrow_table()


def concepts_named(vocabulary: Sequence[str], curies: Iterable[str]) -> pa.Table:
    """Concepts with the given CURIEs (those the vocabulary has), sorted by CURIE, with the schema VOCABULARY."""
    import duckdb

    wanted = pa.table({"curie": pa.array(sorted(set(curies)), pa.string())})
    with duckdb.connect() as connection:
        connection.register("wanted", wanted)
        query = "SELECT v.* FROM read_parquet($paths, hive_partitioning = false) v SEMI JOIN wanted USING (curie) ORDER BY curie"
        return connection.sql(query, params={"paths": list(vocabulary)}).to_arrow_table()


def ambiguous_names(vocabulary: Sequence[str]) -> frozenset[str]:
    """Names and synonyms, in lower case, that more than one concept of the vocabulary has."""
    import duckdb

    with duckdb.connect() as connection:
        query = """
            WITH named AS (
                SELECT DISTINCT curie, lower(unnest([name] || [s.name FOR s IN coalesce(synonyms, [])])) AS name
                FROM read_parquet($paths, hive_partitioning = false)
            )
            SELECT name FROM named GROUP BY name HAVING count(*) > 1
        """
        rows = connection.sql(query, params={"paths": list(vocabulary)}).fetchall()
    return frozenset(name for (name,) in rows if name)
