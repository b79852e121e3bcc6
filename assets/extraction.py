"""Stages that read sentences: what they are searched for, which concepts are mentioned, and which claims are made."""

from __future__ import annotations

from collections import Counter
from functools import partial
from itertools import compress

import pyarrow.parquet as pq

from assets import cooccurrence
from assets.home import Home
from assets.stage import Job, Need, Stage
from pipeline.claims import CHINESE_EXTRACTOR, EXTRACTOR
from pipeline.errors import MateriaError
from pipeline.tables import EVIDENCE, MENTIONS
from pipeline.usable_names import NAME_FORMS

__all__ = ["STAGES", "name_index_folder"]


def name_index(job: Job) -> None:
    """The names of the vocabulary as two indexes that every process opens at once: one finds names in texts, one links mentions.

    Folders of mapped arrays. The one that links is made where a recogniser is configured, for nothing else asks it. Which forms
    a name may take is kept from one version to the next, so that only new names are thought about.
    """
    from assets.name_versions import keep_version
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
    found = home.dataset("name_index").folders()
    if not found:
        raise MateriaError("name_index has not been built yet", remedy="Run: materia build --until name_index")
    return str(found[0])


def mentions(job: Job) -> None:
    """Where the documents of a batch mention concepts: found, linked, abbreviations expanded; negation and the like are noted.

    Names of the vocabulary are found by a compiled matcher. Where the configuration names a recogniser, its spans go first and
    are linked by likeness, context and what its training taught; one that fits no concept stays, unlinked. Runs on all cores
    where there is enough to read.
    """
    from assets.name_versions import INPUT
    from assets.reuse import cached_mentions, found_spans, noted, remembered, standing_mentions
    from pipeline.document_rows import documents_with_text, renewed, text_fingerprint
    from pipeline.mentions import SPANS, mention_workers, of_documents, read_texts

    names, settings = name_index_folder(job.home), job.home.config.extraction
    workers = job.once(
        "mention_workers",
        lambda: mention_workers(
            [names], job.workers, ner=settings.ner, linker=settings.linker, encoder=settings.linker_encoder
        ),
    )
    documents = partial(documents_with_text, job.dataset("documents"), job.key)
    named = [*documents(["doc_id", "version"])]
    texts = [text_fingerprint(text_hash) for batch in named for text_hash in batch.column("text_hash").to_pylist()]
    standing = standing_mentions(job, documents, texts, SPANS.names)
    if job.previous and job.changed_inputs() == {INPUT} and all(text in standing for text in texts):
        job.writer.summary |= job.previous.summary
        for entry in job.previous.files:
            job.writer.keep(entry)
        return
    cached = cached_mentions(job, documents, texts, standing)
    unread = [text not in standing and text not in cached for text in texts]
    found = found_spans(job, documents, texts, unread, workers) if settings.ner else None
    read = read_texts(documents(["text"], unread), workers, found)
    read = remembered(job, [*compress(texts, unread)], read, names=job.inputs[INPUT])
    made = noted(job, texts, renewed(texts, [standing, cached], read))
    sink = job.writer.table(f"{job.key}/mentions.parquet", MENTIONS)
    linked = 0
    finders: Counter[str] = Counter()
    for rows in of_documents(made, named):
        linked += rows.num_rows - rows.column("curie").null_count
        finders.update({c["values"]: c["counts"] for c in rows.column("finder").value_counts().to_pylist()})
        sink.write(rows)
    job.writer.summary["linked"] = linked
    job.writer.summary["finders"] = dict(sorted(finders.items()))


def evidence(job: Job) -> None:
    """Claims made in a batch: two linked mentions, a predicate, polarity, certainty, probability.

    A lexicon of triggers, typed by the Biolink classes of both ends, in single sentences; and, where one is configured, a trained
    classifier over pairs of a document. Negation and hedging are noted, not dropped.
    """
    from assets.reuse import cached_rows, earlier_rows, noted, remembered
    from pipeline.claims import MENTION_COLUMNS, document_fingerprints, evidence_workers, read_claims, with_mentions
    from pipeline.document_rows import EarlierRows, documents_with_text, renewed

    model = job.home.config.extraction.relations
    workers = job.once("evidence_workers", lambda: evidence_workers(job.workers, model))
    documents = partial(documents_with_text, job.dataset("documents"), job.key)
    mentions = EarlierRows.of(job.dataset("mentions"), job.key, MENTION_COLUMNS)
    sources = [*document_fingerprints(documents(["doc_id", "version", "sections"]), mentions.told)]
    claiming = [source for source in sources if source is not None]
    standing = earlier_rows(job)
    cached = cached_rows(job, [source for source in claiming if source not in standing])
    missing = [source for source in claiming if source not in standing and source not in cached]
    unread = [source is not None and source not in standing and source not in cached for source in sources]
    some = documents(["doc_id", "version", "text", "sections"], unread, batch_size=512)
    read = remembered(job, missing, read_claims(with_mentions(some, mentions), workers))
    sink = job.writer.table(f"{job.key}/evidence.parquet", EVIDENCE)
    for batches, _ in noted(job, claiming, renewed(claiming, [standing, cached], read)):
        for rows in batches:
            sink.write(rows)


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
        version="4",
        partitions="batch",
        tables=(MENTIONS,),
        kinds=("python", "parquet"),
    ),
    Stage(
        "evidence",
        "extraction",
        evidence,
        version=f"2-{EXTRACTOR}-{CHINESE_EXTRACTOR}",
        settings=lambda home: home.config.extraction.relation_model(),
        needs=(Need("documents", "same"), Need("mentions", "same")),
        partitions="batch",
        tables=(EVIDENCE,),
        kinds=("python", "parquet"),
    ),
    *cooccurrence.STAGES,
]
