"""Stages that make the candidates for the corpus: passages told from triples, and passages of papers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from assets.buckets import write_buckets
from assets.extraction import name_index_folder
from assets.stage import Job, Need, Stage
from kg.config import RewritingConfig
from kg.corpus_shards import SPLITS
from kg.name_reading import NameReader
from kg.rows_by_bucket import RowsByBucket
from kg.standing_rows import StandingRows
from kg.tables import CONTEXT, PASSAGES, WITHHELD_CLAIMS
from pipeline.storage import TableSink

__all__ = ["STAGES"]


def _before(job: Job, state: str, schema: pa.Schema) -> pa.Table:
    """What this partition kept of last time; empty where it must be made as a whole."""
    path = job.dataset(job.writer.dataset.asset).state(state, job.key) if job.previous else None
    return pq.read_table(path, schema=schema, partitioning=None) if path else schema.empty_table()


@contextmanager
def _shards(job: Job, changed: Collection[str]) -> Iterator[tuple[dict[str, StandingRows], dict[str, TableSink]]]:
    """The shards that change: those that stand, if there are any, and what takes their rows. The others stay as they are."""
    standing: dict[str, StandingRows] = {}
    with ExitStack() as files:
        for entry in job.previous.files if job.previous else ():
            split = entry.path.partition("/")[0].removeprefix("split=")
            if split in changed:
                path = str(job.writer.dataset.url / entry.path)
                standing[split] = files.enter_context(StandingRows(path, PASSAGES))
            elif split in SPLITS:
                job.writer.keep(entry)
        yield (
            standing,
            {
                split: job.writer.table(f"split={split}/bucket={job.key}/passages.parquet", PASSAGES)
                for split in (changed if job.previous else SPLITS)
            },
        )


def withholding(job: Job) -> None:
    """Training claims that entail a held-out claim through is_a: no training passage may make them.

    One step that writes the list of every bucket; a bucket whose list did not change keeps its data version.
    """
    from kg.withholding import withheld_claims

    triples = job.dataset("triples")
    paths = [path for key in job.home.buckets for path in triples.paths(key)]
    rows = withheld_claims(paths, job.dataset("vocabulary").paths(), job.home.config.buckets)
    write_buckets(job, "withheld_claims", WITHHELD_CLAIMS, rows)


def _withheld(job: Job, key: str) -> frozenset[str]:
    return frozenset(job.dataset("withheld_claims").read(key)["triple_id"].to_pylist())


def verbalized_corpus(job: Job) -> None:
    """What the graph says, in sentences: every believed triple told in words that fit its belief, alone and with its neighbours.

    A claim that the evidence denies is told as denied. Each row names its triples, evidence and documents. A training claim
    that entails a held-out one is not told, and counted.
    """
    from kg.concepts import ambiguous_names, concepts_named
    from kg.name_reading import name_reader
    from kg.verbalize import verbalize

    every, context = job.dataset("triples").read(job.key), job.dataset("triple_context").read(job.key)
    triples = every.filter(pc.invert(pc.is_in(every["triple_id"], pa.array(_withheld(job, job.key), pa.string()))))
    vocabulary = job.dataset("vocabulary").paths()
    named = [*triples["subject"].to_pylist(), *triples["object"].to_pylist()]
    named += [fact["object"] for fact in context["onward"].to_pylist() if fact is not None]
    counts: Counter[str] = Counter()
    read = job.once("name reader", lambda: name_reader(name_index_folder(job.home)))
    told = verbalize(
        triples,
        concepts_named(vocabulary, named),
        job.home.config.corpus,
        ambiguous=job.once("ambiguous names", lambda: ambiguous_names(vocabulary)),
        context=context,
        splits=job.home.config.splits,
        read=read,
        set_aside=job.writer.set_aside,
        counts=counts,
    )
    if job.home.config.corpus.rewriting is not None:
        told = _reworded(job, told, job.home.config.corpus.rewriting, read)
    from kg.corpus import word_counts
    with _shards(job, SPLITS) as (_, sinks):
        c=job.writer.summary.setdefault("splits",{})
        for split,sink in sinks.items():
            r=told.filter(pc.equal(told["split"],split)); sink.write(r)
            c[split]={"passages":r.num_rows,"tokens":pc.sum(word_counts(r)).as_py() or 0}
        job.writer.summary["tokens"]=sum(x["tokens"] for x in c.values())
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
    withheld, and counted. Papers whose text, mentions and claims are those of last time keep their passages.
    """
    from kg.literature import literature_passages
    from kg.literature_update import PAPERS, LiteratureUpdate

    config, literature = job.home.config, job.dataset("literature_by_bucket")
    fingerprints = job.once("fingerprints of papers", lambda: _paper_fingerprints(job))
    update = LiteratureUpdate(fingerprints.of(int(job.key)), _before(job, "papers", PAPERS), config.splits)
    withheld = _withheld(job, job.key)

    def tell(papers: Iterable[pa.RecordBatch], count: Callable[[str, int], None]) -> Iterator[pa.RecordBatch]:
        return literature_passages(papers, config.corpus, config.splits, count, withheld)

    with _shards(job, update.splits) as (standing, sinks):
        for split, rows in update.rows(literature.batches(job.key, batch_size=512), standing, tell):
            sinks[split].write(rows)
    job.writer.state("papers", PAPERS).write(update.papers())
    job.writer.summary |= update.figures()


def _paper_fingerprints(job: Job) -> RowsByBucket:
    from kg.literature_update import FINGERPRINTS, paper_fingerprints

    withheld = [(int(key), triple_id) for key in job.keys for triple_id in sorted(_withheld(job, key))]
    paths = [path for key in job.keys for path in job.dataset("literature_by_bucket").paths(key)]
    return RowsByBucket(paper_fingerprints(paths, withheld, job.home.config.buckets), FINGERPRINTS)


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
    Stage(
        "verbalized_corpus",
        "corpus",
        verbalized_corpus,
        needs=(
            Need("triples", "same"),
            Need("triple_context", "same"),
            Need("withheld_claims", "same"),
            Need("vocabulary"),
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
