"""From batches (by paper) to buckets (by key), keeping only what live documents say.

Everything after this step works bucket by bucket: evidence in the bucket of its subject, so that all evidence of a claim
and of the claims opposed to it is in one place; literature in the bucket of its document. One call reads all batches and
streams all buckets in order, so one step can write every bucket and report only those that changed.

Memory stays flat. Short rows are sorted in DuckDB, which spills; texts are sorted by `rank_sort`. Nothing is aggregated
into lists in DuckDB, which cannot spill a list being built: mentions and claims are sorted apart, by the rank of their
document, and put beside the documents as Arrow lists while the three sorted streams pass.

Two deliveries of one text (the same paper in two files) give the same rows twice; they meet in the sort, and one is kept.

Rejected: one query per bucket (reads everything as many times as there are buckets), a Parquet dataset partitioned by
DuckDB (order inside the files depends on threads).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from upath import UPath

from kg.changed_documents import Since, affected_documents, changed_documents
from kg.claims import TRIPLE_ID_SQL
from kg.rank_sort import rank_sorted
from pipeline.duck import (
    MEMORY_LIMIT,
    SortedLists,
    batch_view,
    column_bytes,
    connect,
    digest_sql,
    file_list,
    first_of_equal,
    one_array,
    sorted_on_disk,
    stream,
    table_view,
)
from pipeline.errors import MateriaError
from pipeline.hashing import BUCKET_SQL
from pipeline.tables import DOCUMENTS, EVIDENCE, LITERATURE_BY_BUCKET, LIVE_DOCUMENTS, MENTIONS

__all__ = ["Shuffle", "by_bucket", "shuffle_evidence", "shuffle_literature"]

#: What an evidence id does not determine, in case two deliveries of a text differ there (its sections, say).
_TIES: Final = "section, trigger, probability, certainty, subject_category, object_category"
_SAME_TEXT: Final = "l.doc_id = t.doc_id AND l.version = t.version AND l.text_hash = t.text_hash AND l.batch = t.batch"
_SAME_ROW: Final = " AND ".join(f"l.{name} = t.{name}" for name in ("doc_id", "version", "file", "position", "record"))
_PLACE: Final = ("rank", "bucket", "digest")
_TEXT_COLUMNS: Final = ["doc_id", "version", "text_hash", "text", "sections", "language", "year"]
_MENTIONS_SQL: Final = f"""
    SELECT l.rank, t.start, t."end", t.curie, t.category FROM mentions t JOIN ranked l ON {_SAME_TEXT}
    WHERE t.curie IS NOT NULL ORDER BY rank, start, "end", curie, category
"""  # noqa: S608
_CLAIMS_SQL: Final = f"""
    SELECT l.rank, t.evidence_id, {TRIPLE_ID_SQL} AS triple_id, t.subject_start, t.subject_end, t.predicate,
           t.object_start, t.object_end, t.polarity
    FROM evidence t JOIN ranked l ON {_SAME_TEXT} ORDER BY rank, evidence_id
"""  # noqa: S608
#: What a row of literature is made from; the hash stands for the text.
_OF_TEXT: Final = ("'text'", "t.version", "t.text_hash", "t.sections", "t.language", "t.year")
_OF_MENTION: Final = ("'mention'", "t.start", 't."end"', "t.curie", "t.category")
_OF_CLAIM: Final = (
    "'claim'",
    "t.evidence_id",
    "t.subject",
    "t.predicate",
    "t.object",
    "t.subject_start",
    "t.subject_end",
    "t.object_start",
    "t.object_end",
    "t.polarity",
)
_PART_BYTES = 64 << 20
_MENTION_KEYS: Final = ["start", "end", "curie", "category"]
_CLAIM_KEYS: Final = ["evidence_id"]
_MENTION: Final = LITERATURE_BY_BUCKET.field("mentions").type.value_type
_CLAIM: Final = LITERATURE_BY_BUCKET.field("claims").type.value_type


class Shuffle(NamedTuple):
    """What a shuffle writes. The digests must be read before the rows.

    Attributes:
        changed: documents and buckets (doc_id, bucket) whose rows `rows` gives; None where it gives all of them.
        digests: DIGESTS of all that the buckets hold then, sorted, for the next `Since`.
        rows: bucket and rows, buckets ascending. A bucket may come in several pieces, or, where it is empty, in none.
    """

    changed: pa.Table | None
    digests: Iterator[pa.RecordBatch]
    rows: Iterator[tuple[int, pa.RecordBatch]]


@contextmanager
def shuffle_evidence(
    evidence: Mapping[str, Sequence[str]],
    live: Sequence[str],
    buckets: int,
    *,
    counted: Sequence[str] = (),
    graphs: Sequence[str] = (),
    since: Since | None = None,
    threads: int | None = None,
    memory_limit: str = MEMORY_LIMIT,
) -> Iterator[Shuffle]:
    """Evidence of live documents and of graphs, by bucket of its subject, then by evidence id, one row each.

    A row is kept where the live row of its document is in the same batch, has the same version and text, and is active or
    retracted. `retracted` is taken from the live row: a retraction changes this table and not the extraction.

    What a graph asserts stands whether or not the paper it cites was ever read, in whatever version, and also where that
    paper was deleted; but where the paper is known as retracted, the row is too.

    Args:
        evidence: for each batch its Parquet files of EVIDENCE.
        live: Parquet files of LIVE_DOCUMENTS.
        buckets: number of buckets of the home.
        counted: Parquet files of EVIDENCE counted over all batches.
        graphs: Parquet files of EVIDENCE, from graphs.
        since: what the buckets were made from as they stand, with the same `counted` and `graphs`: then only what changed
            is read and given.
        threads: worker threads; all cores where None. The rows do not depend on it.
        memory_limit: what DuckDB may hold before it spills to disk.
    """
    kept = ", ".join(f'e."{name}"' for name in EVIDENCE.names if name != "retracted")
    with connect(threads=threads, memory_limit=memory_limit) as connection:
        batches = _live_table(connection, live, since)
        batch_view(connection, "evidence", _within(evidence, batches), EVIDENCE)
        table_view(connection, "counted", counted, EVIDENCE)
        table_view(connection, "graph_evidence", graphs, EVIDENCE)
        wanted = "" if since is None else "SEMI JOIN affected USING (doc_id)"
        # What is affected is little, and read three times.
        connection.execute(
            f"""CREATE TEMP {"VIEW" if since is None else "TABLE"} joined AS
                SELECT {BUCKET_SQL.format("subject", buckets)}::INTEGER AS bucket, * FROM (
                    SELECT {kept}, l.status = 'retracted' AS retracted
                    FROM evidence e JOIN live_text l
                    ON e.doc_id = l.doc_id AND e.version = l.version AND e.text_hash = l.text_hash AND e.batch = l.batch
                    UNION ALL
                    SELECT {kept}, l.status = 'retracted' AS retracted
                    FROM counted e JOIN live_text l
                    ON e.doc_id = l.doc_id AND e.version = l.version AND e.text_hash = l.text_hash
                    UNION ALL
                    SELECT {kept}, coalesce(l.status = 'retracted', false) AS retracted
                    FROM (SELECT * FROM graph_evidence {wanted}) e LEFT JOIN live_text l ON e.doc_id = l.doc_id
                );
                CREATE TEMP TABLE digests_now AS SELECT doc_id, bucket, {_summed(digest_sql(EVIDENCE.names))} AS digest
                FROM joined GROUP BY ALL"""  # noqa: S608
        )
        changed, digests = changed_documents(connection, since)
        only = "" if since is None else "SEMI JOIN changed USING (doc_id, bucket)"
        sql = f"SELECT * FROM joined {only} ORDER BY bucket, evidence_id, {_TIES}"  # noqa: S608
        yield Shuffle(changed, digests, _evidence_rows(connection, sql))


def _evidence_rows(connection: Any, sql: str) -> Iterator[tuple[int, pa.RecordBatch]]:
    for batch in first_of_equal(stream(connection, sql), ["evidence_id"]):
        yield from by_bucket(batch, EVIDENCE)


@contextmanager
def shuffle_literature(
    documents: Mapping[str, Sequence[str]],
    mentions: Mapping[str, Sequence[str]],
    evidence: Mapping[str, Sequence[str]],
    live: Sequence[str],
    buckets: int,
    *,
    retracted: Literal["exclude", "downweight", "keep"] = "exclude",
    since: Since | None = None,
    threads: int | None = None,
    memory_limit: str = MEMORY_LIMIT,
    rows: int = 256,
) -> Iterator[Shuffle]:
    """Texts of live documents with their linked mentions and claims, by bucket of the document, then by its id.

    Deleted documents have no text and are left out. Under the policy `exclude`, texts of retracted papers are too: what a
    model should not take for true it should not read.

    Args:
        documents: for each batch its Parquet files of DOCUMENTS.
        mentions: for each batch its Parquet files of MENTIONS; those without a CURIE are left out.
        evidence: for each batch its Parquet files of EVIDENCE.
        live: Parquet files of LIVE_DOCUMENTS.
        buckets: number of buckets of the home.
        retracted: the policy of FusionConfig; `downweight` and `keep` both keep the text.
        since: as of `shuffle_evidence`, under the same policy.
        threads: worker threads; all cores where None. The rows do not depend on it.
        memory_limit: what DuckDB may hold before it spills to disk.
        rows: documents in one piece, at most.

    Raises:
        MateriaError: a live document is not among the documents.
    """
    with (
        connect(threads=threads, memory_limit=memory_limit) as connection,
        TemporaryDirectory(prefix="materia-shuffle.") as folder,
    ):
        batches = _live_table(connection, live, since)
        batch_view(connection, "documents", _within(documents, batches), DOCUMENTS)
        batch_view(connection, "mentions", _within(mentions, batches), MENTIONS)
        batch_view(connection, "evidence", _within(evidence, batches), EVIDENCE)
        wanted = "status = 'active'" if retracted == "exclude" else "true"
        connection.execute(
            f"""CREATE TEMP TABLE wanted AS
                SELECT *, {BUCKET_SQL.format("doc_id", buckets)}::INTEGER AS bucket FROM live_text WHERE {wanted};
                CREATE TEMP TABLE digests_now AS SELECT doc_id, bucket, {_summed("digest")} AS digest FROM (
                    SELECT l.doc_id, l.bucket, {digest_sql(_OF_TEXT)} AS digest FROM documents t JOIN wanted l ON {_SAME_ROW}
                    UNION ALL
                    SELECT l.doc_id, l.bucket, {digest_sql(_OF_MENTION)} FROM mentions t JOIN wanted l ON {_SAME_TEXT}
                    WHERE t.curie IS NOT NULL
                    UNION ALL
                    SELECT l.doc_id, l.bucket, {digest_sql(_OF_CLAIM)} FROM evidence t JOIN wanted l ON {_SAME_TEXT}
                ) GROUP BY ALL"""  # noqa: S608
        )
        _check(connection)
        changed, digests = changed_documents(connection, since)
        only = "" if since is None else "SEMI JOIN changed USING (doc_id)"
        yield Shuffle(changed, digests, _literature_rows(connection, only, documents, Path(folder), rows))


def _literature_rows(
    connection: Any, only: str, documents: Mapping[str, Sequence[str]], folder: Path, rows: int
) -> Iterator[tuple[int, pa.RecordBatch]]:
    connection.execute(
        f"""CREATE TEMP TABLE ranked AS
            SELECT *, (row_number() OVER (ORDER BY bucket, doc_id) - 1)::BIGINT AS rank
            FROM (SELECT w.*, d.digest FROM (SELECT * FROM wanted {only}) w JOIN digests_now d ON w.doc_id = d.doc_id)"""  # noqa: S608
    )
    found = connection.execute("SELECT DISTINCT batch FROM ranked ORDER BY 1").fetchall()
    paths = [path for (batch,) in found for path in documents[batch]]
    # One sort at a time, so that each may use the whole memory limit: the small ones wait sorted on disk.
    mentions_of = SortedLists(sorted_on_disk(connection, _MENTIONS_SQL, f"{folder}/mentions"), _MENTION, _MENTION_KEYS)
    claims_of = SortedLists(sorted_on_disk(connection, _CLAIMS_SQL, f"{folder}/claims"), _CLAIM, _CLAIM_KEYS)
    for batch in first_of_equal(_texts(connection, paths, folder, rows), ["rank"]):
        ranks = batch["rank"].to_numpy()
        lists = {"mentions": mentions_of.take(ranks), "claims": claims_of.take(ranks)}
        columns = [lists[name] if name in lists else batch[name] for name in LITERATURE_BY_BUCKET.names]
        whole = pa.RecordBatch.from_arrays([batch["bucket"], *columns], ["bucket", *LITERATURE_BY_BUCKET.names])
        yield from by_bucket(whole, LITERATURE_BY_BUCKET)


def _texts(connection: Any, documents: Sequence[str], folder: Path, rows: int) -> Iterator[pa.RecordBatch]:
    """Texts in the order of their rank."""
    ((ranks,),) = connection.execute("SELECT count(*) FROM ranked").fetchall()
    size = column_bytes(connection, documents, "text")
    read = max(64, min(4096, (ranks << 24) // max(1, size)))
    yield from rank_sorted(
        _live_rows(connection, documents, read), ranks, size, folder, rows=rows, part_bytes=_PART_BYTES
    )


def _live_rows(connection: Any, documents: Sequence[str], rows: int) -> Iterator[pa.RecordBatch]:
    """Documents that have a rank, file by file. DuckDB joins the keys only: in a join of texts it may build on the texts."""
    if not documents:
        return
    connection.execute(
        f"""CREATE TEMP TABLE places AS SELECT t.file_index, t.file_row_number, l.rank, l.bucket, l.digest
            FROM read_parquet({file_list(documents)}, hive_partitioning = false) t JOIN ranked l ON {_SAME_ROW}"""  # noqa: S608
    )
    for index, path in enumerate(documents):
        found = f"SELECT * EXCLUDE (file_index) FROM places WHERE file_index = {index} ORDER BY 1"  # noqa: S608
        places = connection.sql(found).to_arrow_table().combine_chunks()
        numbers, first = places["file_row_number"].to_numpy(), 0
        if len(numbers) == 0:
            continue
        with UPath(path).open("rb") as source, pq.ParquetFile(source) as parquet:
            for batch in parquet.iter_batches(batch_size=rows, columns=_TEXT_COLUMNS):
                start, end = np.searchsorted(numbers, [first, first + batch.num_rows]).tolist()
                if start == end:
                    first += batch.num_rows
                    continue
                texts = batch.take(pa.array(numbers[start:end] - first))
                chosen = places.slice(start, end - start)
                columns = [one_array(chosen[name]) for name in _PLACE]
                columns += [texts[name] for name in _TEXT_COLUMNS]
                yield pa.RecordBatch.from_arrays(columns, [*_PLACE, *_TEXT_COLUMNS])
                first += batch.num_rows


def _live_table(connection: Any, live: Sequence[str], since: Since | None) -> list[str] | None:
    """The live rows that have a text, of affected documents only where there is something to compare with; their batches.

    A live row keeps the id of the row it was chosen from, so ids join everywhere.
    """
    table_view(connection, "live", live, LIVE_DOCUMENTS)
    batches = None if since is None else affected_documents(connection, since)
    only = "" if since is None else "SEMI JOIN affected USING (doc_id)"
    connection.execute(
        f"CREATE TEMP TABLE live_text AS SELECT * FROM (SELECT * FROM live {only}) WHERE status != 'deleted'"  # noqa: S608
    )
    return batches


def _within(files: Mapping[str, Sequence[str]], batches: list[str] | None) -> Mapping[str, Sequence[str]]:
    return files if batches is None else {batch: files[batch] for batch in batches if batch in files}


def _summed(digest: str) -> str:
    return f"(sum({digest}::HUGEINT) % 18446744073709551616)::UBIGINT"


def _check(connection: Any) -> None:
    sql = f"SELECT min(l.doc_id) FROM wanted l ANTI JOIN documents t ON {_SAME_ROW}"  # noqa: S608
    ((missing,),) = connection.execute(sql).fetchall()
    if missing is not None:
        raise MateriaError(
            "is live, but its row is not among the documents",
            file="live_documents",
            record=missing,
            remedy="Build documents and live_documents again",
        )


def by_bucket(batch: pa.RecordBatch, schema: pa.Schema) -> Iterator[tuple[int, pa.RecordBatch]]:
    """A batch sorted by its column `bucket`, cut where that changes, as rows of a schema without it."""
    buckets = batch["bucket"].to_numpy()
    starts = [0, *(np.flatnonzero(np.diff(buckets)) + 1).tolist(), len(buckets)]
    rows = batch.select(schema.names).cast(schema)
    for start, end in pairwise(starts):
        if end > start:
            yield int(buckets[start]), rows.slice(start, end - start)
