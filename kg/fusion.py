"""From evidence to belief: many sentences become one claim, with what speaks for it and what speaks against it.

For each claim there are two pools of evidence, for and against, that are never netted away:

    p             = reliability of (probability x certainty), of a row of evidence
    support       = 1 - prod over sources of ( s + (1 - s) * prod over its documents of (1 - best p) )
    contradiction = the same over the pool against
    belief        = support * (1 - contradiction)

A source is an extractor with its version, and s is its systematic error: the chance that it is wrong however often it
repeats itself. The shape is INDRA's belief model (Gyori et al. 2017, https://doi.org/10.15252/msb.20177651) with a level
for the document. Reliabilities are learned (`kg.reliability`); without them a figure is worth what it says.

**One paper is one paper**, however often it says a thing and whoever reads it. Of each pool a document counts once, through
the source that is surest of it: the one with the most (1 - s) * p, which is what the document would be believed by that word
alone; of equal ones the first by name. So a paper that three extractors read, or that a graph cites and an extractor reads,
is one voice; a graph's edge that names no paper has the graph's file as its document.
Measured on BC5CDR (train to learn from, 5,017 pairs of dev to judge on, trigger and classifier): calibration error .017 and
Brier score .107; with the product over sources within a document too, .037 and .110; without anything learned, .060 and .111
against .070 and .112. The order of pairs is the same (AUC .82). The price: a second reader of a paper can lower a claim's
support a little, by taking the paper from a source that had no other.

**The pool against** holds the claim's own denials, affirmed claims of an opposed predicate about the same pair, and
affirmations of the other direction. A claim of an effect has the direction (increased, decreased) that its affirmations
support more; as with opposed predicates, what affirms one contradicts the other, and what denies one does not affirm the
other: a denial of the other direction is counted as contradicting, and moves no belief. Where both are supported alike,
the claim has no direction: it is then only that the subject affects the object, which both say. Rejected: two rows, one a
direction (a claim's id, which is its three names, would no longer be one).

**Same bits always.** A product of floats depends on its order, and so on the number of threads. Here every product is a
sum of logarithms in fixed point (whole numbers, 2^-40 nats), which has no order. The rounding costs less than 1e-6 in
belief up to a million documents. Results are rounded to 6 decimals.

**Cost.** A million rows in 64 buckets take 9 processor seconds and 330 MiB, ten million 49 s and 660 MiB; ten million in one
bucket, 100,000 of them and more on one claim, 56 s and 1.7 GiB (`benchmarks/fusion.py`, writing included). Of that, each call
costs some 40 ms whatever its size, which is DuckDB planning a dozen aggregates: so buckets share a call (64 small ones: 0.2 s and
not 3). Rejected: fusing only the pairs whose rows changed (to fingerprint all rows of a bucket, keep the fingerprints, read the old
claims and merge costs more than to fuse the bucket, until that has some ten thousand rows). Lists of ids are put together while sorted rows
pass, since DuckDB cannot spill a list that it builds. Rejected: Polars, whose streaming engine takes 0.8 s for the two pools of a
million rows, without ids and directions, but cannot spill: 2.8 GiB for ten million in one bucket, and growing; a loop in
Python (7 s for the same); UDFs; sorting before summing floats (as exact, but slower and fragile).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa

from kg.config import FusionConfig, SplitConfig
from kg.fusion_steps import fusion_steps, kept_sql, pools_sql
from kg.reliability import Reliabilities
from kg.shuffle import by_bucket
from kg.splits import split_sql
from kg.tables import TRIPLES
from pipeline.duck import MEMORY_LIMIT, SortedLists, connect, sorted_on_disk, stream, table_view
from pipeline.hashing import BUCKET_SQL, bucket_of
from pipeline.tables import EVIDENCE

__all__ = ["fuse", "fuse_by_bucket", "fused_batches"]


def fuse(
    evidence: Sequence[str],
    fusion: FusionConfig,
    splits: SplitConfig,
    *,
    reliabilities: Reliabilities | None = None,
    threads: int | None = None,
    memory_limit: str = MEMORY_LIMIT,
) -> pa.Table:
    """Fuse evidence into claims with belief: `fuse_by_bucket` as one table.

    Args:
        evidence, fusion, splits, reliabilities: as there.
        threads: worker threads; all cores where None. The result does not depend on it.
        memory_limit: what DuckDB may hold before it spills to disk.

    Returns:
        TRIPLES, sorted by triple_id.

    Raises:
        MateriaError: as there.
    """
    with connect(threads=threads, memory_limit=memory_limit) as connection:
        batches = fuse_by_bucket(connection, evidence, fusion, splits, 1, reliabilities=reliabilities)
        return pa.Table.from_batches((batch for _, batch in batches), TRIPLES)


def fuse_by_bucket(
    connection: Any,
    evidence: Sequence[str],
    fusion: FusionConfig,
    splits: SplitConfig,
    buckets: int,
    *,
    reliabilities: Reliabilities | None = None,
    retracted: dict[int, int] | None = None,
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Fuse the evidence of some buckets into claims with belief, in memory that does not grow with the evidence.

    All evidence about one subject must be in the same call (it is in one bucket), each evidence id once. What else is in the
    call changes nothing: a claim depends on the evidence about its subject and object alone.

    Counts and ids are of the claim's own evidence, so that over all claims they add up to the evidence that came in. An
    opposed claim's evidence enters `contradiction` only: it is listed with the opposed claim.

    Args:
        connection: as `pipeline.duck.connect` gives it; what is made in it is gone at the end.
        evidence: Parquet files of EVIDENCE, after the shuffle (so that `retracted` is known).
        fusion: systematic errors, and what evidence of retracted papers is worth. Under `exclude` it is left out
            altogether, and a claim that has no other evidence is not there.
        splits: shares of entity pairs held out.
        buckets: how many buckets there are in all.
        reliabilities: what extractors' figures are worth, and their systematic errors. An extractor they do not name
            keeps its own figures; an error set in `fusion.systematic_errors` goes before.
        retracted: gets, before the first claims, the number of rows of retracted papers in each bucket that has any.

    Yields:
        bucket and TRIPLES, buckets ascending, then by triple_id.

    Raises:
        MateriaError: a probability outside (0, 1) or a certainty outside (0, 1].
    """
    session = connection.cursor()  # its temporary tables go away with it
    try:
        table_view(session, "evidence", evidence, EVIDENCE)
        rows = fusion_steps(session, fusion, reliabilities, buckets)
        if rows and retracted is not None:
            bucket = BUCKET_SQL.format("subject", buckets)
            sql = f"SELECT {bucket}, count(*) FROM evidence WHERE retracted GROUP BY ALL"  # noqa: S608
            retracted.update(session.execute(sql).fetchall())
        for batch in fused_batches(session, fusion, splits):
            numbers = [bucket_of(subject, buckets) for subject in batch["subject"].to_pylist()]
            yield from by_bucket(batch.append_column("bucket", pa.array(numbers, pa.int64())), TRIPLES)
    finally:
        session.close()


def fused_batches(session: Any, fusion: FusionConfig, splits: SplitConfig) -> Iterator[pa.RecordBatch]:
    """The claims of a session with `fusion_steps`: TRIPLES, by rank."""
    with TemporaryDirectory(prefix="materia-fusion.") as folder:
        lists = SortedLists(sorted_on_disk(session, _lists_sql(fusion), f"{folder}/lists"), pa.string(), ["value"])
        for batch in stream(session, _beliefs_sql(splits)):
            ranks = batch["rank"].to_numpy()
            found = lists.take(np.arange(ranks[0] * 3, (ranks[-1] + 1) * 3))
            columns = {name: found[i::3] for i, name in enumerate(("evidence_ids", "doc_ids", "extractors"))}
            arrays = [columns[name] if name in columns else batch[name] for name in TRIPLES.names]
            yield pa.RecordBatch.from_arrays(arrays, TRIPLES.names).cast(TRIPLES)


def _beliefs_sql(splits: SplitConfig) -> str:
    """The claims with their figures, in order."""

    def of(pool: str, column: str) -> str:
        return f"coalesce(max({column}) FILTER ({pool}), 0)"

    return f"""
        WITH figures AS (
            SELECT rank, {of("supports", "strength")} AS support, {of("NOT supports", "strength")} AS contradiction,
                   {of("supports", "evidence")} AS supporting_evidence,
                   {of("NOT supports", "evidence")} AS contradicting_evidence,
                   {of("supports", "documents")} AS supporting_documents,
                   {of("NOT supports", "documents")} AS contradicting_documents
            FROM ({pools_sql("source_steps", "supports")}) GROUP BY rank
        )
        SELECT f.*, round(support * (1 - contradiction), 6) AS belief,
               support >= 0.5 AND contradiction >= 0.5 AS contested, d.direction
        FROM (SELECT *, {split_sql("subject", "object", splits)} AS split FROM claims JOIN figures USING (rank)) f
        LEFT JOIN directed d USING (rank) ORDER BY rank
    """  # noqa: S608


def _lists_sql(fusion: FusionConfig) -> str:
    """The values of each claim's three lists, in the order of claims and lists. DuckDB cannot spill a list that it builds."""
    return f"""
        SELECT rank * 3 AS rank, evidence_id AS value FROM evidence JOIN claims USING (subject, predicate, object)
        WHERE {kept_sql(fusion)}
        UNION ALL SELECT rank * 3 + 1, doc_id FROM documents
        UNION ALL SELECT DISTINCT rank * 3 + 2, extractor FROM documents JOIN sources USING (source)
        ORDER BY rank, value
    """  # noqa: S608
