"""Stages that choose among the candidates, write the shards, and prove what the corpus must not hold."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from upath import UPath

from assets.buckets import write_buckets
from assets.home import Home
from assets.memory import remember_shards
from assets.stage import Check, Job, Need, Stage, batches_of
from kg.tables import CORPUS_PASSAGES, MIXTURE, SELECTION
from pipeline.storage import Dataset

__all__ = ["CANDIDATES", "SELECTED", "STAGES"]

#: The assets that the corpus is chosen from, a partition a bucket.
CANDIDATES = ("verbalized_corpus", "literature_corpus")
#: What the choice is written to, a partition a bucket.
SELECTED = "selected_passages"

_EXAMPLES = 5


def _candidates(job: Job, key: str) -> list[str]:
    return [path for asset in CANDIDATES for path in job.dataset(asset).paths(key)]


def _all_buckets(job: Job, asset: str) -> list[str]:
    return [path for key in job.home.buckets for path in job.dataset(asset).paths(key)]


def _rules(home: Home) -> Any:
    """What the selection depends on beside its inputs. Papers too where there are tests: their aliases name test documents."""
    corpus = home.config.corpus
    named = home.dataset("documents").manifests() if corpus.test_documents else {}
    papers = {key: manifest.data_version for key, manifest in named.items()}
    return [corpus.cleaning_identity(), corpus.mixture.model_dump(), papers, home.config.buckets]


def corpus_selection(job: Job) -> None:
    """Which candidates the corpus takes, how often, and why it does not take the others: one step that writes every bucket.

    Poor, double and test passages are out; the rest of the training split is mixed as the configuration asks. The table of
    what was taken tells it by kind, language, source, predicate and reason.
    """
    from kg.cleaning.clean import COLUMNS, clean
    from kg.cleaning.downstream import read_downstream_tests
    from kg.mixture import Candidates, select_passages, taken_in_words
    from pipeline.duck import connect

    config, keys = job.home.config.corpus, job.home.buckets
    tests = None
    if config.test_documents:
        papers = [path for key in batches_of(job.home) for path in job.dataset("documents").paths(key)]
        tests = read_downstream_tests(config.test_documents, config.cleaning, job.writer.set_aside, papers)
    passages = (batch for key in keys for path in _candidates(job, key) for batch in _read(path, list(COLUMNS)))
    candidates = Candidates(
        {key: _candidates(job, key) for key in keys},
        triples=_all_buckets(job, "triples"),
        evidence=_all_buckets(job, "evidence_by_bucket"),
        live=job.dataset("live_documents").paths(),
    )
    with connect() as connection:
        selection = select_passages(connection, candidates, clean(passages, config.cleaning, tests), config.mixture)
        mixture = selection.mixture
        job.writer.table("mixture.parquet", MIXTURE).write(mixture)
        number = {key: i for i, key in enumerate(keys)}
        write_buckets(job, SELECTED, SELECTION, ((number[key], rows) for key, rows in selection.by_bucket()))
        job.writer.summary["rejected"] = selection.rejected()
    for column, shares in (("source", config.mixture.source_shares), ("predicate", config.mixture.predicate_shares)):
        unknown = sorted(set(shares) - {"*", *mixture[column].to_pylist()})
        job.check(f"{column}_shares_apply", not unknown, unknown=", ".join(unknown) or "none")
    job.writer.summary["candidates"] = pc.sum(mixture["candidates"]).as_py() or 0
    job.writer.summary["table_of_what_was_taken"] = taken_in_words(mixture)


def _read(path: str, columns: list[str]) -> Iterator[pa.RecordBatch]:
    with UPath(path).open("rb") as stream, pq.ParquetFile(stream) as file:
        yield from file.iter_batches(batch_size=4096, columns=columns)


def corpus_shards(job: Job) -> None:
    """The corpus: passages of papers and of the graph, mixed, a shard for each split and bucket.

    Every row carries its entities, triples, evidence and documents, and the source it comes from.
    """
    from kg.corpus_shards import LAYOUT, SPLITS, add_counts, selected_passages

    sinks = {
        split: job.writer.table(f"split={split}/bucket={job.key}/passages.parquet", CORPUS_PASSAGES, LAYOUT)
        for split in SPLITS
    }
    counts: dict[str, Any] = {}
    with TemporaryDirectory(prefix="materia-shards.") as folder:
        selection = job.dataset(SELECTED).paths(job.key)
        for rows in selected_passages(_candidates(job, job.key), selection, Path(folder)):
            add_counts(counts, rows)
            for split, sink in sinks.items():
                sink.write(rows.filter(pc.equal(rows["split"], split)))
    job.writer.summary["splits"] = counts
    job.writer.summary["tokens"] = sum(split["tokens"] for split in counts.values())


def corpus(job: Job) -> None:
    """The corpus as a whole: every shard with its counts and hash, the totals by split, kind and language, and the checks.

    Blocks what follows where a training row gives a held-out claim away, where a passage stands twice or holds a test
    document, or where the ratio of the mixture is not met. The checks read the shards themselves.
    """
    from kg.cleaning.checks import find_duplicates, find_test_documents
    from kg.corpus import SHARDS, corpus_index, ratio_met, write_index
    from kg.leaks import find_leaks

    config = job.home.config
    index = corpus_index(job.home.url, config.splits, config.corpus.mixture)
    write_index(index, job.writer.file("corpus.json"))
    job.writer.summary["totals"] = index["totals"]
    shards = job.dataset(SHARDS)
    leaks = find_leaks(job.home.url, config.splits)
    job.check("no_leak", not leaks, leaks=len(leaks), examples=leaks[:_EXAMPLES])
    cleaning, tests = config.corpus.cleaning, config.corpus.test_documents
    double = [found._asdict() for found in find_duplicates(lambda: _passages(shards), cleaning)]
    job.check("no_duplicates", not double, duplicates=len(double), examples=double[:_EXAMPLES])
    foul = [found._asdict() for found in find_test_documents(_passages(shards), tests, cleaning)] if tests else []
    job.check("no_contamination", not foul, contaminated=len(foul), examples=foul[:_EXAMPLES])
    ratio = ratio_met(index, config.corpus.mixture.graph_to_text)
    job.check("ratio_met", ratio.pop("passed"), **ratio)


def _passages(shards: Dataset) -> Iterator[pa.RecordBatch]:
    """Every passage of the shards once: copies are wanted."""
    for key in shards.manifests():
        for batch in shards.batches(key):
            yield batch.filter(pc.equal(batch["repeat"], 0))


STAGES = [
    Stage(
        "corpus_selection",
        "corpus",
        corpus_selection,
        needs=(
            Need("verbalized_corpus", "bucket"),
            Need("literature_corpus", "bucket"),
            Need("triples", "bucket"),
            Need("evidence_by_bucket", "bucket"),
            Need("live_documents"),
        ),
        settings=_rules,
        tables=(MIXTURE, SELECTION),
        kinds=("duckdb", "parquet"),
        shuffled=SELECTED,
        checks=tuple(
            Check(
                f"{column}_shares_apply",
                f"Each name in corpus.mixture.{column}_shares is that of a {column} of some passage.",
                blocking=False,
            )
            for column in ("source", "predicate")
        ),
    ),
    Stage(
        "corpus_shards",
        "corpus",
        corpus_shards,
        needs=(Need("verbalized_corpus", "same"), Need("literature_corpus", "same"), Need(SELECTED, "same")),
        partitions="bucket",
        tables=(CORPUS_PASSAGES,),
        remember=remember_shards,
        kinds=("python", "parquet"),
    ),
    Stage(
        "corpus",
        "corpus",
        corpus,
        needs=(
            Need("corpus_shards", "bucket"),
            Need("corpus_selection"),
            Need("triples", "bucket"),
            Need("vocabulary"),
        ),
        settings=lambda home: [home.config.splits.model_dump(), _rules(home)],
        version="3",
        kinds=("python", "json"),
        checks=(
            Check(
                "no_leak", "No training row may hold both ends of a held-out pair, or what entails a held-out claim."
            ),
            Check("no_duplicates", "No two passages may say the same in the same words."),
            Check("no_contamination", "No passage may hold a document of a downstream test."),
            Check("ratio_met", "The training split must have the ratio of graph to text that the mixture asks for."),
        ),
    ),
]
