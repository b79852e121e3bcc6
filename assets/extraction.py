"""Stages that read sentences: what they are searched for, which concepts are mentioned, which claims are made; and shuffles to buckets."""

from __future__ import annotations

from collections import Counter

import pyarrow.parquet as pq

from assets import cooccurrence
from assets.buckets import write_buckets
from assets.home import Home
from assets.name_versions import keep_version
from assets.stage import Job, Need, Stage, batches_of
from pipeline.claims import CHINESE_EXTRACTOR, EXTRACTOR
from pipeline.errors import MateriaError
from pipeline.storage import Dataset
from pipeline.tables import EVIDENCE, LITERATURE_BY_BUCKET, MENTIONS
from pipeline.usable_names import NAME_FORMS

__all__ = ["STAGES", "name_index_folder"]

_SMALL = 2000


def name_index(job: Job) -> None:
    """The names of the vocabulary as two indexes that every process opens at once: one finds names in texts, one links mentions.

    Folders of mapped arrays. The one that links is made where a recogniser is configured, for nothing else asks it. Which forms
    a name may take is kept from one version to the next, so that only new names are thought about.
    """
    from pipeline.name_senses import compile_names
    from pipeline.names import NameIndex
    from pipeline.preference import Preference
    from pipeline.vocabulary_index import LINKER, MATCHER

    keep_version(job.home)
    columns = ["curie", "name", "synonyms", "category", "parents", "xrefs", "translations"]
    table = job.dataset("vocabulary").read(columns=columns if _links(job.home) else columns[:4] + columns[5:])
    preference, folder = Preference(job.home.config.extraction.prefer), job.writer.folder("names")
    kept = job.dataset("name_index").state("forms") if job.previous else None
    names = compile_names(table, preference, pq.read_table(kept, partitioning=None) if kept else None)
    NameIndex.write(names, folder / MATCHER)
    job.writer.state("forms", NAME_FORMS).write(names.forms)
    if _links(job.home):
        from pipeline.linking.index import LinkingIndex

        LinkingIndex.build(table, folder / LINKER, preference)
    job.writer.summary["names"] = len(NameIndex.open(folder / MATCHER))
    job.writer.summary["concepts"] = len(names.curies)


def _links(home: Home) -> bool:
    """Whether spans are to be linked that no name gives a concept: those of a recogniser."""
    return home.config.extraction.ner is not None


def name_index_folder(home: Home) -> str:
    """Where the indexes of a home's vocabulary stand: what `VocabularyIndex.open` takes.

    Raises:
        MateriaError: they have not been built.
    """
    found = home.dataset("name_index").paths(suffix="/matcher/index.json")
    if not found:
        raise MateriaError("name_index has not been built yet", remedy="Run: materia build --until name_index")
    return found[0].removesuffix("/matcher/index.json")


def mentions(job: Job) -> None:
    """Where the documents of a batch mention concepts: found, linked, abbreviations expanded; negation and the like are noted.

    Names of the vocabulary are found by a compiled matcher. Where the configuration names a recogniser, its spans go first and
    are linked by likeness, context and what its training taught; one that fits no concept stays, unlinked. Runs on all cores
    where there is enough to read.
    """
    from pipeline.mentions import find_mentions, mention_workers

    names, settings = name_index_folder(job.home), job.home.config.extraction
    workers = job.once(
        "mention_workers",
        lambda: mention_workers(
            [names], _worker_count(job), ner=settings.ner, linker=settings.linker, encoder=settings.linker_encoder
        ),
    )
    sink = job.writer.table(f"{job.key}/mentions.parquet", MENTIONS)
    linked = 0
    finders: Counter[str] = Counter()
    documents = job.dataset("documents").batches(job.key)
    for rows in find_mentions(documents, workers):
        linked += rows.num_rows - rows.column("curie").null_count
        finders.update(rows.column("finder").to_pylist())
        sink.write(rows)
    job.writer.summary["linked"] = linked
    job.writer.summary["finders"] = dict(sorted(finders.items()))


def evidence(job: Job) -> None:
    """Claims made in a batch: two linked mentions, a predicate, polarity, certainty, probability.

    A lexicon of triggers, typed by the Biolink classes of both ends, in single sentences; and, where one is configured, a trained
    classifier over pairs of a document. Negation and hedging are noted, not dropped.
    """
    from pipeline.claims import evidence_workers, extract_evidence

    model = job.home.config.extraction.relations
    workers = job.once("evidence_workers", lambda: evidence_workers(_worker_count(job), model))
    sink = job.writer.table(f"{job.key}/evidence.parquet", EVIDENCE)
    documents, found = job.dataset("documents"), job.dataset("mentions")
    for rows in extract_evidence(documents.batches(job.key), found.batches(job.key), workers):
        sink.write(rows)


def _worker_count(job: Job) -> int:
    """One worker, that is this process, where there is little to read: starting others costs a thousand abstracts."""
    manifests = (job.dataset("documents").manifest(key) for key in job.keys)
    return job.workers if sum(manifest.rows for manifest in manifests if manifest) > _SMALL else 1


def _paths(dataset: Dataset, keys: list[str]) -> list[str]:
    return [path for key in keys for path in dataset.paths(key)]


def evidence_shuffle(job: Job) -> None:
    """The evidence of live documents, of graphs and of counts, sorted into buckets by its subject: one step that writes every bucket.

    Each row says whether its document is retracted. A bucket whose rows did not change keeps its data version, so that
    nothing after it is built again.
    """
    from kg.shuffle import shuffle_evidence

    batches = batches_of(job.home)
    rows = shuffle_evidence(
        _paths(job.dataset("evidence"), batches) + job.dataset("cooccurrence").paths(),
        job.dataset("live_documents").paths(),
        job.home.config.buckets,
        graphs=job.dataset("graph_evidence").paths(),
    )
    write_buckets(job, "evidence_by_bucket", EVIDENCE, rows)


def literature_shuffle(job: Job) -> None:
    """The texts of live documents with their mentions and claims, sorted into buckets by document."""
    from kg.shuffle import shuffle_literature

    batches = batches_of(job.home)
    rows = shuffle_literature(
        _paths(job.dataset("documents"), batches),
        _paths(job.dataset("mentions"), batches),
        _paths(job.dataset("evidence"), batches),
        job.dataset("live_documents").paths(),
        job.home.config.buckets,
        retracted=job.home.config.fusion.retracted,
    )
    write_buckets(job, "literature_by_bucket", LITERATURE_BY_BUCKET, rows)


STAGES = [
    Stage(
        "name_index",
        "vocabulary",
        name_index,
        needs=(Need("vocabulary"),),
        settings=lambda home: [home.config.extraction.prefer, _links(home)],
        version="3",
        kinds=("numpy",),
    ),
    Stage(
        "mentions",
        "extraction",
        mentions,
        needs=(Need("documents", "same"), Need("name_index")),
        settings=lambda home: home.config.extraction.mention_models(),
        version="3",
        partitions="batch",
        tables=(MENTIONS,),
        kinds=("python", "parquet"),
    ),
    Stage(
        "evidence",
        "extraction",
        evidence,
        version=f"{EXTRACTOR}-{CHINESE_EXTRACTOR}",
        settings=lambda home: home.config.extraction.relation_model(),
        needs=(Need("documents", "same"), Need("mentions", "same")),
        partitions="batch",
        tables=(EVIDENCE,),
        kinds=("python", "parquet"),
    ),
    *cooccurrence.STAGES,
    Stage(
        "evidence_shuffle",
        "extraction",
        evidence_shuffle,
        needs=(Need("evidence", "batch"), Need("cooccurrence"), Need("live_documents"), Need("graph_evidence")),
        settings=lambda home: home.config.buckets,
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
        kinds=("duckdb",),
        shuffled="literature_by_bucket",
    ),
]
