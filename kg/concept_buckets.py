"""The part of a vocabulary that the graph of each bucket needs: its own concepts whole, and name and class of those it names.

A bucket that depended on the vocabulary would be made again after every synonym. So one step hands each bucket its rows, and a bucket
whose rows did not change is left alone. Which ones changed is told by a fingerprint of each bucket's rows, which is kept.
Cost: 0.4 s for 50,000 concepts where the vocabulary changed, 0.2 s where only claims did. Rejected: all columns of the concepts that
a bucket only names (a synonym of a drug would reach every bucket that treats with it), and a table of names and classes for all
buckets together (a new name would reach every bucket).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from kg.shuffle import by_bucket
from kg.tables import CONCEPTS_BY_BUCKET
from pipeline.duck import stream, table_view
from pipeline.hashing import BUCKET_SQL
from pipeline.tables import VOCABULARY

__all__ = ["ConceptBuckets", "named_in"]


def named_in(paths: Mapping[int, Sequence[str]], columns: Sequence[str]) -> pa.Table:
    """The concepts that the rows of each bucket name: columns bucket and curie, each pair once.

    Args:
        paths: Parquet files by bucket.
        columns: those with the CURIEs, in dots where they are inside a struct (`onward.object`).
    """
    pieces = [pa.table({"bucket": pa.array([], pa.int64()), "curie": pa.array([], pa.string())})]
    for bucket, files in paths.items():
        for file in files:
            with pq.ParquetFile(file) as parquet:
                rows = parquet.read(columns=[*columns]).flatten()
            curies = pa.chunked_array([chunk for column in rows.columns for chunk in column.chunks], pa.string())
            found = curies.unique().drop_null()
            pieces.append(pa.table({"bucket": pa.array([bucket] * len(found), pa.int64()), "curie": found}))
    return pa.concat_tables(pieces).group_by(["bucket", "curie"]).aggregate([])


class ConceptBuckets:
    """The rows of some buckets, and a fingerprint of each bucket's.

    Args:
        connection: as `pipeline.duck.connect` gives it; tables are made in it.
        vocabulary: Parquet files of VOCABULARY.
        named: what the claims of these buckets name (`named_in`).
        buckets: how many there are in all.
        wanted: the buckets that are asked for.
    """

    def __init__(
        self, connection: Any, vocabulary: Sequence[str], named: pa.Table, buckets: int, wanted: Collection[int]
    ) -> None:
        self._connection = connection
        table_view(connection, "vocabulary", vocabulary, VOCABULARY)
        connection.register("named", named)
        connection.register("wanted", pa.table({"bucket": pa.array(sorted(wanted), pa.int64())}))
        connection.execute(_CHOSEN.format(bucket=BUCKET_SQL.format("curie", buckets)))
        hashes = "bit_xor(hash)::VARCHAR, coalesce(bit_xor(hash) FILTER (own)::VARCHAR, '')"
        rows = sorted(connection.execute(f"SELECT bucket, {hashes} FROM chosen GROUP BY bucket").fetchall())  # noqa: S608
        none = dict.fromkeys(sorted(wanted), "")
        #: A hash of each wanted bucket's rows, whatever their order; and of those that are its own concepts.
        self.fingerprints: dict[int, str] = none | {bucket: hash_ for bucket, hash_, _ in rows}
        self.own: dict[int, str] = none | {bucket: hash_ for bucket, _, hash_ in rows}

    def rows(self, only: Collection[int]) -> Iterator[tuple[int, pa.RecordBatch]]:
        """Bucket and rows (CONCEPTS_BY_BUCKET) of some of the wanted buckets, buckets ascending, then by CURIE."""
        self._connection.register("only_buckets", pa.table({"bucket": pa.array(sorted(only), pa.int64())}))
        for batch in stream(self._connection, _ROWS):
            yield from by_bucket(batch, CONCEPTS_BY_BUCKET)


# A concept that is only named counts by what is told of it, so that no other change of it reaches the bucket.
_CHOSEN = """
CREATE TABLE chosen AS
WITH own AS (SELECT vocabulary AS row, curie, {bucket} AS bucket FROM vocabulary)
SELECT bucket, curie, true AS own, md5_number(row::VARCHAR) AS hash FROM own SEMI JOIN wanted USING (bucket)
UNION ALL
SELECT named.bucket, curie, false, md5_number(concat_ws(chr(31), 'named', curie, row.category, row.name))
FROM named JOIN own USING (curie) WHERE named.bucket <> own.bucket
"""
_LEAN = ", ".join(
    name if name in {"curie", "name", "category"} else f"CASE WHEN own THEN {name} END AS {name}"
    for name in VOCABULARY.names
)
_ROWS = f"""
SELECT bucket::INTEGER AS bucket, {_LEAN}, own
FROM chosen SEMI JOIN only_buckets USING (bucket) JOIN vocabulary USING (curie) ORDER BY bucket, curie
"""  # noqa: S608
