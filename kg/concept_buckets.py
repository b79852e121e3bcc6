"""The part of a vocabulary that the graph of each bucket needs: its own concepts whole, and name and class of those it names.

A bucket that depended on the vocabulary would be made again after every synonym. So one step hands each bucket its rows, and a bucket
whose rows did not change is left alone. Which ones changed is told by a fingerprint of each bucket's rows, which is kept.
Where only claims changed, the fingerprints of its own concepts are known. Rejected: all columns of the concepts that
a bucket only names (a synonym of a drug would reach every bucket that treats with it), and a table of names and classes for all
buckets together (a new name would reach every bucket).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from types import MappingProxyType
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
        own: fingerprints of the own concepts of some of them, where the vocabulary says what it said when they were taken.

    Attributes:
        own: a hash of each wanted bucket's own concepts, whatever their order.
        fingerprints: a hash of all of its rows.
    """

    def __init__(
        self,
        connection: Any,
        vocabulary: Sequence[str],
        named: pa.Table,
        buckets: int,
        wanted: Collection[int],
        *,
        own: Mapping[int, str] = MappingProxyType({}),
    ) -> None:
        self._connection = connection
        table_view(connection, "vocabulary", vocabulary, VOCABULARY)
        connection.register("named", named)
        for name, some in (("wanted", {*wanted}), ("unknown", {*wanted} - own.keys())):
            connection.register(name, pa.table({"bucket": pa.array(sorted(some), pa.int64())}))
        connection.execute(_CHOSEN.format(bucket=BUCKET_SQL.format("curie", buckets)))
        none = dict.fromkeys(sorted(wanted), "")
        # Reads all columns of the vocabulary.
        hashes = connection.execute(_OWN_HASHES).fetchall() if {*wanted} - own.keys() else []
        self.own: dict[int, str] = none | dict(sorted(hashes)) | dict(own)
        named_hashes = none | dict(connection.execute(_NAMED_HASHES).fetchall())
        self.fingerprints: dict[int, str] = {b: f"{hash_} {named_hashes[b]}" for b, hash_ in self.own.items()}

    def rows(self, only: Collection[int]) -> Iterator[tuple[int, pa.RecordBatch]]:
        """Bucket and rows (CONCEPTS_BY_BUCKET) of some of the wanted buckets, buckets ascending, then by CURIE."""
        self._connection.register("only_buckets", pa.table({"bucket": pa.array(sorted(only), pa.int64())}))
        for batch in stream(self._connection, _ROWS):
            yield from by_bucket(batch, CONCEPTS_BY_BUCKET)


# A concept that is only named counts by what is told of it, so that no other change of it reaches the bucket.
_CHOSEN = """
CREATE TEMP TABLE concepts AS SELECT curie, {bucket} AS bucket, name, category FROM vocabulary;
CREATE TEMP TABLE chosen AS
SELECT bucket, curie, true AS own, NULL AS hash FROM concepts SEMI JOIN wanted USING (bucket)
UNION ALL
SELECT n.bucket, curie, false, md5_number(concat_ws(chr(31), 'named', curie, c.category, c.name))
FROM named n JOIN concepts c USING (curie) WHERE n.bucket <> c.bucket
"""
_OWN_HASHES = """
SELECT bucket, bit_xor(md5_number(vocabulary::VARCHAR))::VARCHAR
FROM vocabulary JOIN (SELECT curie, bucket FROM concepts SEMI JOIN unknown USING (bucket)) USING (curie) GROUP BY bucket
"""
_NAMED_HASHES = "SELECT bucket, bit_xor(hash)::VARCHAR FROM chosen WHERE NOT own GROUP BY bucket"
_LEAN = ", ".join(
    name if name in {"curie", "name", "category"} else f"CASE WHEN own THEN {name} END AS {name}"
    for name in VOCABULARY.names
)
_ROWS = f"""
SELECT bucket::INTEGER AS bucket, {_LEAN}, own
FROM chosen SEMI JOIN only_buckets USING (bucket) JOIN vocabulary USING (curie) ORDER BY bucket, curie
"""  # noqa: S608
