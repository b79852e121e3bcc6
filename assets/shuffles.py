"""Stages that sort evidence and texts into buckets, and write those in which something changed."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from assets.buckets import write_buckets
from assets.stage import Job, Need, Stage, batches_of
from kg.changed_documents import DIGESTS, Since, keys_by_bucket, merge_buckets
from pipeline.tables import EVIDENCE, LITERATURE_BY_BUCKET

if TYPE_CHECKING:
    from kg.shuffle import Shuffle

__all__ = ["STAGES"]


def evidence_shuffle(job: Job) -> None:
    """The evidence of live documents, of graphs and of counts, sorted into buckets by its subject: one step that writes every bucket.

    Each row says whether its document is retracted. A bucket whose rows did not change keeps its data version, so that
    nothing after it is built again.
    """
    from kg.shuffle import shuffle_evidence

    with shuffle_evidence(
        _paths(job, "evidence"),
        job.dataset("live_documents").paths(),
        job.home.config.buckets,
        counted=job.dataset("cooccurrence").paths(),
        graphs=job.dataset("graph_evidence").paths(),
        since=_since(job, ["evidence"]),
    ) as shuffle:
        _write(job, shuffle, "evidence_by_bucket", EVIDENCE, "evidence_id")


def literature_shuffle(job: Job) -> None:
    """The texts of live documents with their mentions and claims, sorted into buckets by document."""
    from kg.shuffle import shuffle_literature

    with shuffle_literature(
        _paths(job, "documents"),
        _paths(job, "mentions"),
        _paths(job, "evidence"),
        job.dataset("live_documents").paths(),
        job.home.config.buckets,
        retracted=job.home.config.fusion.retracted,
        since=_since(job, ["documents", "mentions", "evidence"]),
    ) as shuffle:
        _write(job, shuffle, "literature_by_bucket", LITERATURE_BY_BUCKET, "doc_id")


def _paths(job: Job, asset: str) -> dict[str, list[str]]:
    dataset = job.dataset(asset)
    return {batch: dataset.paths(batch) for batch in batches_of(job.home)}


def _since(job: Job, batched: Collection[str]) -> Since | None:
    """What the buckets were made from as they stand; None where an input changed that is not in batches nor the live documents."""
    live, digests = (job.writer.dataset.state(name) for name in ("live", "digests"))
    changed = [name.partition("/")[::2] for name in job.changed_inputs()]
    if (
        job.previous is None
        or live is None
        or digests is None
        or {a for a, _ in changed} - {"live_documents", *batched}
    ):
        return None
    return Since([live], [digests], {batch for asset, batch in changed if asset in batched})


def _write(job: Job, shuffle: Shuffle, asset: str, schema: pa.Schema, order: str) -> None:
    """Write the buckets in which something changed, and what the next build compares with."""
    (live,) = job.dataset("live_documents").paths()
    job.writer.state_copy("live", live)
    digests = job.writer.state("digests", DIGESTS)
    for rows in shuffle.digests:
        digests.write(rows)
    if shuffle.changed is None:
        write_buckets(job, asset, schema, shuffle.rows)
        return
    changed = keys_by_bucket(shuffle.changed, "doc_id")

    def kept(bucket: int) -> pa.Table:
        rows = job.dataset(asset).read(job.home.buckets[bucket])
        return rows.filter(pc.invert(pc.is_in(rows["doc_id"], changed[bucket])))

    merged = merge_buckets(shuffle.rows, changed, kept, lambda rows: pc.sort_indices(rows[order]))
    write_buckets(job, asset, schema, merged, only=changed)


STAGES = [
    Stage(
        "evidence_shuffle",
        "extraction",
        evidence_shuffle,
        needs=(Need("evidence", "batch"), Need("cooccurrence"), Need("live_documents"), Need("graph_evidence")),
        settings=lambda home: home.config.buckets,
        version="2",
        kinds=("duckdb",),
        shuffled="evidence_by_bucket",
    ),
    Stage(
        "literature_shuffle",
        "extraction",
        literature_shuffle,
        needs=(
            Need("documents", "batch"),
            Need("mentions", "batch"),
            Need("evidence", "batch"),
            Need("live_documents"),
        ),
        settings=lambda home: [home.config.buckets, home.config.fusion.retracted],
        version="3",
        kinds=("duckdb",),
        shuffled="literature_by_bucket",
    ),
]
