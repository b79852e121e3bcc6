"""Stages that make the corpora: passages told from triples, passages of papers, and the mixture of both."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
import pyarrow.compute as pc

from assets.buckets import write_buckets
from assets.stage import Check, Job, Need, Stage
from kg.tables import PASSAGES, WITHHELD_CLAIMS

__all__ = ["CORPORA", "STAGES"]

#: The assets whose shards make up the corpus.
CORPORA = ("verbalized_corpus", "literature_corpus")
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
    from kg.concepts import concepts_named
    from kg.verbalize import verbalize

    every = job.dataset("triples").read(job.key)
    triples = every.filter(pc.invert(pc.is_in(every["triple_id"], pa.array(_withheld(job), pa.string()))))
    named = triples["subject"].to_pylist() + triples["object"].to_pylist()
    concepts = concepts_named(job.dataset("vocabulary").paths(), named)
    counts: Counter[str] = Counter()
    told = verbalize(triples, concepts, job.home.config.corpus, set_aside=job.writer.set_aside, counts=counts)
    _write_shards(job, told)
    counts["withheld-entails-held-out"] = every.num_rows - triples.num_rows
    job.writer.summary["told"] = dict(sorted((+counts).items()))


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


def corpus(job: Job) -> None:
    """The mixture: every shard of both corpora with its counts and hash, the totals by split and kind, and the leak check.

    Blocks what follows where a training row holds both ends of a held-out pair.
    """
    from kg.corpus import corpus_index, write_index
    from kg.leaks import find_leaks

    config = job.home.config
    index = corpus_index(job.home.url, config.splits)
    write_index(index, job.writer.file("corpus.json"))
    leaks = find_leaks(job.home.url, config.splits)
    job.writer.summary["totals"] = index["totals"]
    job.check("no_leak", not leaks, leaks=len(leaks), examples=leaks[:5])


STAGES = [
    Stage(
        "withholding",
        "corpus",
        withholding,
        version="2",
        needs=(Need("triples", "bucket"), Need("vocabulary")),
        settings=lambda home: home.config.buckets,
        kinds=("duckdb",),
        shuffled="withheld_claims",
    ),
    Stage(
        "verbalized_corpus",
        "corpus",
        verbalized_corpus,
        needs=(Need("triples", "same"), Need("withheld_claims", "same"), Need("vocabulary")),
        partitions="bucket",
        settings=lambda home: home.config.corpus.model_dump(),
        tables=(PASSAGES,),
        kinds=("python", "parquet"),
    ),
    Stage(
        "literature_corpus",
        "corpus",
        literature_corpus,
        needs=(Need("literature_by_bucket", "same"), Need("withheld_claims", "same")),
        partitions="bucket",
        settings=lambda home: [home.config.corpus.model_dump(), home.config.splits.model_dump()],
        tables=(PASSAGES,),
        kinds=("python", "parquet"),
    ),
    Stage(
        "corpus",
        "corpus",
        corpus,
        needs=(
            Need("verbalized_corpus", "bucket"),
            Need("literature_corpus", "bucket"),
            Need("triples", "bucket"),
            Need("vocabulary"),
        ),
        settings=lambda home: home.config.splits.model_dump(),
        kinds=("python", "json"),
        checks=(
            Check(
                "no_leak", "No training row may hold both ends of a held-out pair, or what entails a held-out claim."
            ),
        ),
    ),
]
