"""Shuffles of the vocabulary: to each bucket the concepts that its part of the graph, and its passages, need."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from assets.buckets import write_buckets
from assets.stage import Job, Need, Stage
from kg.tables import CONCEPTS_BY_BUCKET, TOLD_CONCEPTS
from pipeline.storage import read_table
from pipeline.tables import table_schema

__all__ = ["GRAPH_STAGES", "TELLING_STAGES"]

_FINGERPRINTS = table_schema(
    "fingerprints", 1, {"bucket": (pa.int32(), "a bucket"), "hash": (pa.string(), "hash of its rows")}
)
_NAMED = table_schema(
    "named_concepts",
    1,
    {
        "bucket": (pa.int64(), "a bucket"),
        "curie": (pa.string(), "a concept that its claims, or what is told beside them, name; sorted"),
    },
)

_Told = Mapping[int, Mapping[str, Any]]
_Rows = Callable[[Collection[int]], Iterator[tuple[int, pa.RecordBatch]]]


def _touched(job: Job) -> Collection[int]:
    """The buckets whose rows may have changed: all where the vocabulary did, else those whose claims did."""
    if not _same_vocabulary(job):
        return range(job.home.config.buckets)
    return {int(name.partition("/")[2]) for name in job.changed_inputs()}


def _same_vocabulary(job: Job) -> bool:
    return job.previous is not None and "vocabulary/all" not in job.changed_inputs()


def _named(job: Job, columns: Mapping[str, Sequence[str]]) -> pa.Table:
    """What each bucket names: as it is kept of buckets whose tables did not change, and kept for the next build.

    Args:
        columns: of each bucketed asset those with the CURIEs (`kg.concept_buckets.named_in`).
    """
    from kg.concept_buckets import named_in

    state = job.writer.dataset.state("named") if job.previous else None
    changed = {name for name in job.changed_inputs() if name.partition("/")[0] in columns}
    buckets = {int(name.partition("/")[2]) for name in changed} if state else range(job.home.config.buckets)
    found = [named_in(_paths(job, asset, buckets), some) for asset, some in columns.items()]
    if state:
        kept = read_table(state)
        found.append(kept.filter(pc.invert(pc.is_in(kept["bucket"], pa.array(buckets, pa.int64())))))
    every = pa.concat_tables(found).group_by(["bucket", "curie"]).aggregate([])
    named = every.sort_by([("bucket", "ascending"), ("curie", "ascending")])
    job.writer.state("named", _NAMED).write(named)
    return named


def _paths(job: Job, asset: str, buckets: Collection[int]) -> dict[int, list[str]]:
    dataset, keys = job.dataset(asset), job.home.buckets
    return {bucket: dataset.paths(keys[bucket]) for bucket in sorted(buckets)}


def _write_changed(
    job: Job,
    asset: str,
    schema: pa.Schema,
    found: Mapping[int, str],
    rows: _Rows,
    *,
    told: _Told = MappingProxyType({}),
) -> None:
    """Write the buckets whose fingerprint is another than before, and keep all fingerprints."""
    state = job.dataset(job.writer.dataset.asset).state("fingerprints") if job.previous else None
    before: dict[int, str] = {}
    if state is not None:
        kept = read_table(state)
        before = dict(zip(kept["bucket"].to_pylist(), kept["hash"].to_pylist(), strict=True))
    changed = {bucket for bucket, hash_ in found.items() if before.get(bucket) != hash_}
    write_buckets(job, asset, schema, rows(changed), only=changed if before else None, told=told)
    all_now = sorted({**before, **found}.items())
    columns = {"bucket": [bucket for bucket, _ in all_now], "hash": [hash_ for _, hash_ in all_now]}
    job.writer.state("fingerprints", _FINGERPRINTS).write(pa.table(columns, schema=_FINGERPRINTS))


def concept_shuffle(job: Job) -> None:
    """The concepts of each bucket, and name and class of those that its claims name: what a bucket of the graph needs of the vocabulary.

    One step that writes every bucket. A bucket whose rows did not change keeps its data version, so that a synonym makes
    only the bucket of its concept anew.
    """
    from kg.concept_buckets import ConceptBuckets
    from pipeline.duck import connect

    touched, named = _touched(job), _named(job, {"triples": ("subject", "object")})
    with connect() as connection:
        found = ConceptBuckets(
            connection,
            job.dataset("vocabulary").paths(),
            _of(named, touched),
            job.home.config.buckets,
            touched,
            own=_own_before(job, touched) if _same_vocabulary(job) else {},
        )
        own = {bucket: {"own": fingerprint} for bucket, fingerprint in found.own.items()}
        _write_changed(job, "concepts_by_bucket", CONCEPTS_BY_BUCKET, found.fingerprints, found.rows, told=own)


def _own_before(job: Job, buckets: Collection[int]) -> dict[int, str]:
    """The fingerprints of the concepts of some buckets, as their manifests have them."""
    dataset, keys = job.dataset("concepts_by_bucket"), job.home.buckets
    manifests = {bucket: dataset.manifest(keys[bucket]) for bucket in buckets}
    return {bucket: manifest.summary["own"] for bucket, manifest in manifests.items() if manifest}


def told_concept_shuffle(job: Job) -> None:
    """The concepts that the passages of each bucket name, with which of their names are another concept's too."""
    from kg.told_concepts import TOLD_NAMES, ToldConcepts
    from kg.verbalize import languages_of
    from pipeline.duck import connect

    touched, same = _touched(job), _same_vocabulary(job)
    named = _named(job, {"triples": ("subject", "object"), "triple_context": ("onward.object",)})
    state = job.writer.dataset.state("names") if job.previous else None
    known = read_table(state) if state else TOLD_NAMES.empty_table()
    with connect() as connection:
        found = ToldConcepts(
            connection,
            job.dataset("vocabulary").paths(),
            _of(named, touched),
            job.home.config.buckets,
            languages_of(job.home.config.corpus),
            known=known,
            same_vocabulary=same,
        )
        names = found.asked
        if same:
            stands = pc.is_in(known["curie"], named["curie"].unique())
            names = pa.concat_tables([known.filter(stands), names]).sort_by("curie")
        job.writer.state("names", TOLD_NAMES).write(names)
        _write_changed(job, "told_concepts", TOLD_CONCEPTS, dict.fromkeys(touched, "") | found.fingerprints, found.rows)


def _of(named: pa.Table, buckets: Collection[int]) -> pa.Table:
    """What some buckets name."""
    return named.filter(pc.is_in(named["bucket"], pa.array(sorted(buckets), pa.int64())))


GRAPH_STAGES = [
    Stage(
        "concept_shuffle",
        "graph",
        concept_shuffle,
        needs=(Need("vocabulary"), Need("triples", "bucket")),
        settings=lambda home: home.config.buckets,
        version="2",
        kinds=("duckdb",),
        shuffled="concepts_by_bucket",
    )
]
TELLING_STAGES = [
    Stage(
        "told_concept_shuffle",
        "corpus",
        told_concept_shuffle,
        # Raise it where a language names a concept otherwise, together with that of `verbalized_corpus`.
        version="2",
        needs=(Need("vocabulary"), Need("triples", "bucket"), Need("triple_context", "bucket")),
        settings=lambda home: [home.config.buckets, home.config.corpus.languages],
        kinds=("duckdb",),
        shuffled="told_concepts",
    )
]
