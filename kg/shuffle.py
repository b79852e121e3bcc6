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

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from upath import UPath

from kg.fusion import TRIPLE_ID_SQL
from kg.rank_sort import rank_sorted
from pipeline.duck import (
    MEMORY_LIMIT,
    SortedLists,
    column_bytes,
    connect,
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

__all__ = ["by_bucket", "shuffle_evidence", "shuffle_literature"]

#: What an evidence id does not determine, in case two deliveries of a text differ there (its sections, say).
_TIES: Final = "section, trigger, probability, certainty, subject_category, object_category"
_SAME_TEXT: Final = "l.doc_id = t.doc_id AND l.version = t.version AND l.text_hash = t.text_hash"
_SAME_ROW: Final = " AND ".join(f"l.{name} = t.{name}" for name in ("doc_id", "version", "file", "position", "record"))
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
_PART_BYTES = 64 << 20
_MENTION_KEYS: Final = ["start", "end", "curie", "category"]
_CLAIM_KEYS: Final = ["evidence_id"]
_MENTION: Final = LITERATURE_BY_BUCKET.field("mentions").type.value_type
_CLAIM: Final = LITERATURE_BY_BUCKET.field("claims").type.value_type


def shuffle_evidence(
    evidence: Sequence[str],
    live: Sequence[str],
    buckets: int,
    *,
    graphs: Sequence[str] = (),
    threads: int | None = None,
    memory_limit: str = MEMORY_LIMIT,
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Evidence of live documents and of graphs, by bucket of its subject, then by evidence id, one row each.

    A row is kept where the live row of its document has the same version and text and is active or retracted. `retracted`
    is taken from the live row: a retraction changes this table and not the extraction.

    What a graph asserts stands whether or not the paper it cites was ever read, in whatever version, and also where that
    paper was deleted; but where the paper is known as retracted, the row is too.

    Args:
        evidence: Parquet files of EVIDENCE, of all batches.
        live: Parquet files of LIVE_DOCUMENTS.
        buckets: number of buckets of the home.
        graphs: Parquet files of EVIDENCE, from graphs.
        threads: worker threads; all cores where None. The rows do not depend on it.
        memory_limit: what DuckDB may hold before it spills to disk.

    Yields:
        Bucket and rows (EVIDENCE), buckets ascending. A bucket may come in several pieces, or, where it is empty, in none.
    """
    kept = ", ".join(f'e."{name}"' for name in EVIDENCE.names if name != "retracted")
    with connect(threads=threads, memory_limit=memory_limit) as connection:
        table_view(connection, "evidence", evidence, EVIDENCE)
        table_view(connection, "graph_evidence", graphs, EVIDENCE)
        _live_table(connection, live)
        rows = stream(
            connection,
            f"""SELECT {BUCKET_SQL.format("subject", buckets)}::INTEGER AS bucket, * FROM (
                    SELECT {kept}, l.status = 'retracted' AS retracted
                    FROM evidence e JOIN live_text l
                    ON e.doc_id = l.doc_id AND e.version = l.version AND e.text_hash = l.text_hash
                    UNION ALL
                    SELECT {kept}, coalesce(l.status = 'retracted', false) AS retracted
                    FROM graph_evidence e LEFT JOIN live_text l ON e.doc_id = l.doc_id
                ) ORDER BY bucket, evidence_id, {_TIES}""",  # noqa: S608
        )
        for batch in first_of_equal(rows, ["evidence_id"]):
            yield from by_bucket(batch, EVIDENCE)


def shuffle_literature(
    documents: Sequence[str],
    mentions: Sequence[str],
    evidence: Sequence[str],
    live: Sequence[str],
    buckets: int,
    *,
    retracted: Literal["exclude", "downweight", "keep"] = "exclude",
    threads: int | None = None,
    memory_limit: str = MEMORY_LIMIT,
    rows: int = 256,
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Texts of live documents with their linked mentions and claims, by bucket of the document, then by its id.

    Deleted documents have no text and are left out. Under the policy `exclude`, texts of retracted papers are too: what a
    model should not take for true it should not read.

    Args:
        documents: Parquet files of DOCUMENTS, of all batches.
        mentions: Parquet files of MENTIONS; those without a CURIE are left out.
        evidence: Parquet files of EVIDENCE.
        live: Parquet files of LIVE_DOCUMENTS.
        buckets: number of buckets of the home.
        retracted: the policy of FusionConfig; `downweight` and `keep` both keep the text.
        threads: worker threads; all cores where None. The rows do not depend on it.
        memory_limit: what DuckDB may hold before it spills to disk.
        rows: documents in one piece, at most.

    Yields:
        Bucket and rows (LITERATURE_BY_BUCKET), buckets ascending, as `shuffle_evidence`.
    """
    with connect(threads=threads, memory_limit=memory_limit) as connection:
        table_view(connection, "documents", documents, DOCUMENTS)
        table_view(connection, "mentions", mentions, MENTIONS)
        table_view(connection, "evidence", evidence, EVIDENCE)
        _live_table(connection, live)
        wanted = "status = 'active'" if retracted == "exclude" else "true"
        connection.execute(
            f"""CREATE TABLE ranked AS
                SELECT *, (row_number() OVER (ORDER BY bucket, doc_id) - 1)::BIGINT AS rank FROM (
                    SELECT *, {BUCKET_SQL.format("doc_id", buckets)}::INTEGER AS bucket FROM live_text WHERE {wanted}
                )"""  # noqa: S608
        )
        _check(connection)
        # One sort at a time, so that each may use the whole memory limit: the small ones wait sorted on disk.
        with TemporaryDirectory(prefix="materia-shuffle.") as folder:
            mentions_of = SortedLists(
                sorted_on_disk(connection, _MENTIONS_SQL, f"{folder}/mentions"), _MENTION, _MENTION_KEYS
            )
            claims_of = SortedLists(sorted_on_disk(connection, _CLAIMS_SQL, f"{folder}/claims"), _CLAIM, _CLAIM_KEYS)
            for batch in first_of_equal(_texts(connection, documents, Path(folder), rows), ["rank"]):
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
        f"""CREATE TABLE places AS SELECT t.file_index, t.file_row_number, l.rank, l.bucket
            FROM read_parquet({file_list(documents)}, hive_partitioning = false) t JOIN ranked l ON {_SAME_ROW}"""  # noqa: S608
    )
    for index, path in enumerate(documents):
        found = f"SELECT file_row_number, rank, bucket FROM places WHERE file_index = {index} ORDER BY 1"  # noqa: S608
        places = connection.sql(found).to_arrow_table().combine_chunks()
        numbers, first = places["file_row_number"].to_numpy(), 0
        if len(numbers) == 0:
            continue
        with UPath(path).open("rb") as source, pq.ParquetFile(source) as parquet:
            for batch in parquet.iter_batches(batch_size=rows, columns=_TEXT_COLUMNS):
                start, end = np.searchsorted(numbers, [first, first + batch.num_rows]).tolist()
                texts = batch.take(pa.array(numbers[start:end] - first))
                chosen = places.slice(start, end - start)
                columns = [one_array(chosen[name]) for name in ("rank", "bucket")]
                columns += [texts[name] for name in _TEXT_COLUMNS]
                yield pa.RecordBatch.from_arrays(columns, ["rank", "bucket", *_TEXT_COLUMNS])
                first += batch.num_rows


def _live_table(connection: Any, live: Sequence[str]) -> None:
    """The live rows that have a text. A live row keeps the id of the row it was chosen from, so ids join everywhere."""
    table_view(connection, "live", live, LIVE_DOCUMENTS)
    connection.execute("CREATE TABLE live_text AS SELECT * FROM live WHERE status != 'deleted'")


def _check(connection: Any) -> None:
    sql = f"SELECT min(l.doc_id) FROM ranked l ANTI JOIN documents t ON {_SAME_ROW}"  # noqa: S608
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
