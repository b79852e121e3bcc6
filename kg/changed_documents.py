"""Which documents a shuffle must write anew, so that a new paper costs its own rows and those of its buckets.

Beside its buckets a shuffle keeps two small tables: the live documents it was made from, and a digest of what it wrote of each
document in each bucket. A document is *affected* where its live row is another one now, or where the batch of that row has other
content. For affected documents alone digests are made again; where they differ from those that were kept, the document has
*changed* in that bucket, and its rows are read and written again. So one revised paper in a file of thirty thousand costs a digest
of each of these, over narrow columns (0.7 microseconds a mention), and one bucket.

Rejected: comparing whole buckets (reads and sorts everything), a list of changes handed on from stage to stage (what is missed
once, in a killed build, is missed for good; digests compare what is with what was written).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import pyarrow as pa

from pipeline.duck import stream, table_view
from pipeline.tables import LIVE_DOCUMENTS, table_schema

__all__ = ["DIGESTS", "Since", "affected_documents", "changed_documents", "keys_by_bucket", "merge_buckets"]

DIGESTS = table_schema(
    "shuffle_digests",
    1,
    {
        "doc_id": (pa.string(), "CURIE of a document"),
        "bucket": (pa.int32(), "bucket that holds rows of it"),
        "digest": (pa.uint64(), "hash of what these rows are made from, summed in any order"),
    },
)

#: What of a live row decides which rows of other tables belong to it, and what is made of them. Its version and its text follow
#: from these as long as its batch has the content that it had.
_LIVE_KEYS: Final = ("doc_id", "batch", "file", "position", "record", "status")


class Since(NamedTuple):
    """What the buckets as they stand were made from.

    Attributes:
        live: Parquet files of the LIVE_DOCUMENTS of then.
        digests: Parquet files of the DIGESTS of then.
        batches: batches whose content has changed since, came or went.
    """

    live: Sequence[str]
    digests: Sequence[str]
    batches: Collection[str]


def affected_documents(connection: Any, since: Since) -> list[str]:
    """Make the table `affected` (doc_id, some twice) from the view `live`: documents that may have to be written anew.

    Returns:
        the batches that their live rows are in now.
    """
    table_view(connection, "live_before", since.live, LIVE_DOCUMENTS)
    connection.register("changed_batches", pa.table({"batch": pa.array(sorted(since.batches), pa.string())}))
    # Rows meet by a hash of them, made on both sides: a join of texts by texts takes three times as long.
    row = f"SELECT doc_id, batch, hash({', '.join(_LIVE_KEYS)}) AS row FROM"
    changed = "(SELECT batch FROM changed_batches)"
    connection.execute(
        f"""CREATE TEMP TABLE affected AS
            SELECT coalesce(n.doc_id, o.doc_id) AS doc_id, n.batch FROM ({row} live) n FULL JOIN ({row} live_before) o ON n.row = o.row
            WHERE n.row IS NULL OR o.row IS NULL OR n.batch IN {changed} OR o.batch IN {changed}"""  # noqa: S608
    )
    found = connection.execute("SELECT DISTINCT batch FROM affected WHERE batch IS NOT NULL ORDER BY 1").fetchall()
    return [batch for (batch,) in found]


def changed_documents(connection: Any, since: Since | None) -> tuple[pa.Table | None, Iterator[pa.RecordBatch]]:
    """Compare the table `digests_now`, of the affected documents (all where `since` is None), with those that were kept.

    Makes the table `changed` (doc_id, bucket), where there is something to compare with.

    Returns:
        that table, None where everything is new; and the DIGESTS to keep, sorted.
    """
    if since is None:
        return None, _digests(connection, "SELECT doc_id, bucket, digest FROM digests_now")
    table_view(connection, "digests_before", since.digests, DIGESTS)
    connection.execute(
        """CREATE TEMP TABLE affected_before AS
           SELECT doc_id, bucket, digest FROM digests_before SEMI JOIN affected USING (doc_id);
           CREATE TEMP TABLE changed AS SELECT DISTINCT doc_id, bucket FROM (
               (SELECT * FROM affected_before EXCEPT SELECT * FROM digests_now)
               UNION ALL (SELECT * FROM digests_now EXCEPT SELECT * FROM affected_before))"""
    )
    kept = "SELECT doc_id, bucket, digest FROM digests_before ANTI JOIN affected USING (doc_id)"
    changed = connection.sql("SELECT doc_id, bucket FROM changed ORDER BY ALL").to_arrow_table()
    return changed, _digests(connection, f"{kept} UNION ALL SELECT doc_id, bucket, digest FROM digests_now")  # noqa: S608


def _digests(connection: Any, sql: str) -> Iterator[pa.RecordBatch]:
    return stream(connection, f"SELECT * FROM ({sql}) ORDER BY doc_id, bucket")  # noqa: S608


def keys_by_bucket(changed: pa.Table, name: str) -> dict[int, pa.Array]:
    """The values of a column for each value of the column `bucket`."""
    grouped = changed.group_by("bucket").aggregate([(name, "list")]).combine_chunks()
    lists = grouped[f"{name}_list"]
    return {bucket: lists[i].values for i, bucket in enumerate(grouped["bucket"].to_pylist())}


def merge_buckets(
    rows: Iterator[tuple[int, pa.RecordBatch]],
    changed: Iterable[int],
    kept: Callable[[int], pa.Table],
    order: Callable[[pa.Table], pa.Array],
) -> Iterator[tuple[int, pa.Table]]:
    """Buckets in which something changed: their rows as they stand, less those of what changed, and its new rows.

    Args:
        rows: bucket and new rows, buckets ascending.
        changed: the buckets to write.
        kept: gives the rows of a bucket that stay as they are.
        order: gives the places of the rows of a bucket in their order.

    Yields:
        bucket and rows, for every bucket of `changed`, ascending.
    """
    pending = next(rows, None)
    for bucket in sorted(changed):
        pieces = [kept(bucket)]
        while pending is not None and pending[0] == bucket:
            pieces.append(pa.Table.from_batches([pending[1]]))
            pending = next(rows, None)
        whole = pa.concat_tables([piece.cast(pieces[0].schema) for piece in pieces])
        yield bucket, whole.take(order(whole))
