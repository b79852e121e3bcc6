"""Shuffles of the vocabulary: to each bucket the concepts that its part of the graph, and its passages, need."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from assets.buckets import write_buckets
from assets.stage import Job, Need, Stage
from kg.tables import CONCEPTS_BY_BUCKET, TOLD_CONCEPTS
from pipeline.tables import table_schema

__all__ = ["GRAPH_STAGES", "TELLING_STAGES"]

_FINGERPRINTS = table_schema(
    "fingerprints", 1, {"bucket": (pa.int32(), "a bucket"), "hash": (pa.string(), "hash of its rows")}
)
_NAMES = table_schema("ambiguous_names", 1, {"name": (pa.string(), "in lower case; sorted")})

_Told = Mapping[int, Mapping[str, Any]]
_Rows = Callable[[Collection[int]], Iterator[tuple[int, pa.RecordBatch]]]


def _touched(job: Job) -> Collection[int]:
    """The buckets whose rows may have changed: all where the vocabulary did, else those whose claims did."""
    if job.previous is None or "vocabulary/all" in job.changed_inputs():
        return range(job.home.config.buckets)
    return {int(name.partition("/")[2]) for name in job.changed_inputs()}


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
        kept = pq.read_table(state, partitioning=None)
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
    from kg.concept_buckets import ConceptBuckets, named_in
    from pipeline.duck import connect

    touched = _touched(job)
    named = named_in(_paths(job, "triples", touched), ("subject", "object"))
    with connect() as connection:
        found = ConceptBuckets(connection, job.dataset("vocabulary").paths(), named, job.home.config.buckets, touched)
        own = {bucket: {"own": fingerprint} for bucket, fingerprint in found.own.items()}
        _write_changed(job, "concepts_by_bucket", CONCEPTS_BY_BUCKET, found.fingerprints, found.rows, told=own)


def told_concept_shuffle(job: Job) -> None:
    """The concepts that the passages of each bucket name, with which of their names are another concept's too."""
    from kg.concept_buckets import named_in
    from kg.told_concepts import ToldConcepts
    from kg.verbalize import languages_of

    touched, vocabulary = _touched(job), job.dataset("vocabulary").paths()
    named = (
        pa.concat_tables(
            [
                named_in(_paths(job, "triples", touched), ("subject", "object")),
                named_in(_paths(job, "triple_context", touched), ("onward.object",)),
            ]
        )
        .group_by(["bucket", "curie"])
        .aggregate([])
    )
    ambiguous = _ambiguous(job, vocabulary)
    before = (
        [path for paths in _paths(job, "told_concepts", touched).values() for path in paths] if job.previous else []
    )
    found = ToldConcepts(vocabulary, named, frozenset(ambiguous), languages_of(job.home.config.corpus), before)
    _write_changed(job, "told_concepts", TOLD_CONCEPTS, dict.fromkeys(touched, "") | found.fingerprints, found.rows)


def _ambiguous(job: Job, vocabulary: list[str]) -> list[str]:
    """Names that several concepts have, sorted; kept while the vocabulary is the same."""
    from kg.concepts import ambiguous_names

    kept = job.dataset("told_concept_shuffle").state("ambiguous")
    if job.previous and kept and "vocabulary/all" not in job.changed_inputs():
        names: list[str] = pq.read_table(kept, partitioning=None)["name"].to_pylist()
    else:
        names = sorted(ambiguous_names(vocabulary))
    job.writer.state("ambiguous", _NAMES).write(pa.table({"name": pa.array(names, pa.string())}, schema=_NAMES))
    return names


GRAPH_STAGES = [
    Stage(
        "concept_shuffle",
        "graph",
        concept_shuffle,
        needs=(Need("vocabulary"), Need("triples", "bucket")),
        settings=lambda home: home.config.buckets,
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
        version="1",
        needs=(Need("vocabulary"), Need("triples", "bucket"), Need("triple_context", "bucket")),
        settings=lambda home: [home.config.buckets, home.config.corpus.languages],
        kinds=("duckdb",),
        shuffled="told_concepts",
    )
]
