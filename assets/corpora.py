"""Stages that make the candidates for the corpus: passages told from triples, and passages of papers."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
import pyarrow.compute as pc

from assets import concepts
from assets.buckets import write_buckets
from assets.extraction import name_index_folder
from assets.stage import Job, Need, Stage
from kg.config import RewritingConfig
from kg.name_reading import NameReader
from kg.tables import CONTEXT, PASSAGES, WITHHELD_CLAIMS

__all__ = ["STAGES"]

_SPLITS = ("train", "validation", "test")


def _write_shards(job: Job, passages: pa.Table | pa.RecordBatch) -> None:
    """Write passages to the shard of their split, and count their words in the summary."""
    from kg.corpus import count_tokens

    table = pa.Table.from_batches([passages]) if isinstance(passages, pa.RecordBatch) else passages
    for split in _SPLITS:
        sink = job.writer.table(f"split={split}/bucket={job.key}/passages.parquet", PASSAGES)
        rows = table.filter(pc.equal(table["split"], split))
        sink.write(rows)
        counts = job.writer.summary.setdefault("splits", {}).setdefault(split, {"passages": 0, "tokens": 0})
        counts["passages"] += rows.num_rows
        counts["tokens"] += count_tokens(rows)
    job.writer.summary["tokens"] = sum(c["tokens"] for c in job.writer.summary["splits"].values())


def withholding(job: Job) -> None:
    """Training claims that entail a held-out claim through is_a: no training passage may make them.

    One step that writes the list of every bucket; a bucket whose list did not change keeps its data version.
    """
    from kg.withholding import withheld_claims

    triples = job.dataset("triples")
    paths = [path for key in job.home.buckets for path in triples.paths(key)]
    rows = withheld_claims(paths, job.dataset("vocabulary").paths(), job.home.config.buckets)
    write_buckets(job, "withheld_claims", WITHHELD_CLAIMS, rows)


def _withheld(job: Job) -> frozenset[str]:
    return frozenset(job.dataset("withheld_claims").read(job.key)["triple_id"].to_pylist())


def verbalized_corpus(job: Job) -> None:
    """What the graph says, in sentences: every believed triple told in words that fit its belief, alone and with its neighbours.

    A claim that the evidence denies is told as denied. Each row names its triples, evidence and documents. A training claim
    that entails a held-out one is not told, and counted.
    """
    from kg.name_reading import name_reader
    from kg.verbalize import verbalize

    every, context = job.dataset("triples").read(job.key), job.dataset("triple_context").read(job.key)
    triples = every.filter(pc.invert(pc.is_in(every["triple_id"], pa.array(_withheld(job), pa.string()))))
    known = job.dataset("told_concepts").read(job.key)
    counts: Counter[str] = Counter()
    read = job.once("name reader", lambda: name_reader(name_index_folder(job.home)))
    told = verbalize(
        triples,
        known,
        job.home.config.corpus,
        ambiguous=frozenset(pc.list_flatten(known["ambiguous"]).to_pylist()),
        context=context,
        splits=job.home.config.splits,
        read=read,
        set_aside=job.writer.set_aside,
        counts=counts,
    )
    if job.home.config.corpus.rewriting is not None:
        told = _reworded(job, told, job.home.config.corpus.rewriting, read)
    _write_shards(job, told)
    counts["withheld-entails-held-out"] = every.num_rows - triples.num_rows
    job.writer.summary["told"] = dict(sorted((+counts).items()))


def _reworded(job: Job, told: pa.Table, config: RewritingConfig, read: NameReader) -> pa.Table:
    """What was told, reworded by a model. What it wrote is kept in the home, so that only new texts go to it."""
    from kg.rewriting import rewrite_bucket
    from kg.rewriting_model import RewritingModel

    done = 0

    def progress(texts: int) -> None:
        nonlocal done
        done += texts
        job.progress(f"verbalized_corpus {job.key}: {done:,} texts reworded")

    counts: Counter[str] = Counter()
    model = job.once("rewriting_model", lambda: RewritingModel(config))
    kept = job.dataset("rewrites")
    reworded = rewrite_bucket(told, config, model, kept, job.key, read=read, counts=counts, progress=progress)
    job.writer.summary["rewriting"] = {"model": config.identity()["model"], **dict(sorted(counts.items()))}
    return reworded


def triple_context_shuffle(job: Job) -> None:
    """What stands beside each triple elsewhere: a triple that goes on where it ends, and a sentence of a paper that says it.

    One step that writes every bucket, so that a bucket can be told without reading another.
    """
    from kg.triple_context import context_of_triples

    config = job.home.config
    rows = context_of_triples(
        _bucket_paths(job, "triples"),
        _bucket_paths(job, "evidence_by_bucket"),
        _bucket_paths(job, "literature_by_bucket"),
        config.buckets,
        withheld=_bucket_paths(job, "withheld_claims"),
        minimum_belief=config.corpus.minimum_belief,
        chains="chain" in config.corpus.forms,
        quotations="quotation" in config.corpus.forms,
    )
    write_buckets(job, "triple_context", CONTEXT, rows)


def _bucket_paths(job: Job, asset: str) -> list[str]:
    return [path for key in job.home.buckets for path in job.dataset(asset).paths(key)]


def literature_corpus(job: Job) -> None:
    """Passages of live papers with their linked entities and claims.

    Sentences of training papers that mention both ends of a held-out pair, or make a claim that entails a held-out one, are
    withheld, and counted.
    """
    from kg.literature import literature_passages

    withheld = 0

    def count(sentences: int) -> None:
        nonlocal withheld
        withheld += sentences

    config = job.home.config
    literature = job.dataset("literature_by_bucket").batches(job.key, batch_size=512)
    _write_shards(job, PASSAGES.empty_table())
    for rows in literature_passages(literature, config.corpus, config.splits, count, _withheld(job)):
        _write_shards(job, rows)
    job.writer.summary["withheld_sentences"] = withheld


STAGES = [
    Stage(
        "withholding",
        "corpus",
        withholding,
        version="3",
        needs=(Need("triples", "bucket"), Need("vocabulary")),
        settings=lambda home: home.config.buckets,
        kinds=("duckdb",),
        shuffled="withheld_claims",
    ),
    Stage(
        "triple_context_shuffle",
        "corpus",
        triple_context_shuffle,
        needs=(
            Need("triples", "bucket"),
            Need("evidence_by_bucket", "bucket"),
            Need("literature_by_bucket", "bucket"),
            Need("withheld_claims", "bucket"),
        ),
        settings=lambda home: [
            home.config.buckets,
            home.config.corpus.minimum_belief,
            [form for form in ("chain", "quotation") if form in home.config.corpus.forms],
        ],
        kinds=("duckdb",),
        shuffled="triple_context",
    ),
    *concepts.TELLING_STAGES,
    Stage(
        "verbalized_corpus",
        "corpus",
        verbalized_corpus,
        needs=(
            Need("triples", "same"),
            Need("triple_context", "same"),
            Need("withheld_claims", "same"),
            Need("told_concepts", "same"),
            Need("name_index"),
        ),
        partitions="bucket",
        version="2",
        settings=lambda home: [home.config.corpus.identity(), home.config.splits.model_dump()],
        tables=(PASSAGES,),
        kinds=("python", "parquet"),
    ),
    Stage(
        "literature_corpus",
        "corpus",
        literature_corpus,
        needs=(Need("literature_by_bucket", "same"), Need("withheld_claims", "same")),
        partitions="bucket",
        settings=lambda home: [home.config.corpus.passage_sentences, home.config.splits.model_dump()],
        tables=(PASSAGES,),
        kinds=("python", "parquet"),
    ),
]
