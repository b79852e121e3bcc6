"""Stages that make the candidates for the corpus: passages told from triples, and passages of papers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from assets import concepts as concept_stages
from assets.buckets import write_buckets
from assets.extraction import name_index_folder
from assets.name_versions import INPUT, changed_since
from assets.shards import changed_shards, state_before, take_over
from assets.stage import Job, Need, Stage
from kg.changed_documents import keys_by_bucket, merge_buckets
from kg.config import RewritingConfig
from kg.corpus_shards import SPLITS
from kg.name_reading import NameReader
from kg.passage_rows import Span
from kg.rows_by_bucket import RowsByBucket
from kg.tables import CONTEXT, PASSAGES, WITHHELD_CLAIMS
from pipeline.duck import one_array, one_batch
from pipeline.errors import SetAside
from pipeline.storage import read_table

if TYPE_CHECKING:
    from kg.context_shuffle import ContextSince
    from kg.telling_units import Verbalized
    from kg.verbalized_update import VerbalizedUpdate
    from pipeline.name_changes import NameChanges

__all__ = ["STAGES"]


def withholding(job: Job) -> None:
    """Training claims that entail a held-out claim through is_a: no training passage may make them.

    One step that writes the list of every bucket; a bucket whose list did not change keeps its data version.
    """
    from kg.shuffle import by_bucket
    from kg.withholding import WITHHELD_BY_BUCKET, changed_buckets, withheld_claims

    triples = [path for paths in _bucket_paths(job, "triples").values() for path in paths]
    found = withheld_claims(triples, [_kinds(job)], job.home.config.buckets)
    claims = pa.Table.from_batches(found, WITHHELD_BY_BUCKET)
    job.writer.state("claims", WITHHELD_BY_BUCKET).write(claims)
    before = job.writer.dataset.state("claims") if job.previous else None
    only = changed_buckets(read_table(before), claims) if before else None
    rows = by_bucket(one_batch(claims), WITHHELD_CLAIMS)
    write_buckets(
        job, "withheld_claims", WITHHELD_CLAIMS, (part for part in rows if only is None or part[0] in only), only
    )


def _kinds(job: Job) -> str:
    """The table of which concept is a kind of which: that of the build before where the vocabulary is the same."""
    from kg.withholding import KINDS, kinds_of

    kept = job.writer.dataset.state("kinds")
    if job.previous and kept and not any(name.startswith("vocabulary/") for name in job.changed_inputs()):
        job.writer.keep(next(entry for entry in job.previous.files if kept.endswith(entry.path)))
        return kept
    sink = job.writer.state("kinds", KINDS)
    for rows in kinds_of(job.dataset("vocabulary").paths()):
        sink.write(rows)
    sink.close()
    return str(sink.path)


def verbalized_corpus(job: Job) -> None:
    """What the graph says, in sentences: every believed triple told in words that fit its belief, alone and with its neighbours.

    A claim that the evidence denies is told as denied. Each row names its triples, evidence and documents. A training claim
    that entails a held-out one is not told, and counted. Only subjects whose triples or names changed are told anew.
    """
    from kg.verbalized_update import UNITS, VerbalizedUpdate

    config = job.home.config.corpus
    only_names = not config.rewriting and _only_names_changed(job, job.key)
    if only_names and not _may_be_read_otherwise(job):
        take_over(job)
        for record in job.dataset("verbalized_corpus").set_aside(job.key).to_pylist():
            job.writer.set_aside(SetAside(**record))
        job.writer.summary = dict(job.previous.summary) if job.previous else {}
        return
    if only_names:
        found = _unit_fingerprints(job, [job.key])
    else:
        others = [key for key in job.keys if config.rewriting or not _only_names_changed(job, key)]
        found = job.once("fingerprints of units", lambda: _unit_fingerprints(job, others))
    now = found.of(int(job.key))
    before = UNITS.empty_table() if config.rewriting else state_before(job, "units", UNITS)
    update = VerbalizedUpdate(now, before, _read_otherwise(job), entities="entity" in config.forms)
    if job.previous and not update.splits and not config.rewriting:
        take_over(job)
    else:
        _tell(job, update, config.rewriting)
    job.writer.summary = update.figures() | job.writer.summary
    for record in update.set_aside():
        job.writer.set_aside(record)


#: What a bucket's passages are told from, beside the index of names.
_TOLD_FROM = ("triples", "triple_context", "withheld_claims", "told_concepts")


def _only_names_changed(job: Job, key: str) -> bool:
    """Whether a bucket is told from what it was told from, but for the index of names."""
    standing = job.standing.get(key)
    if standing is None:
        return False
    now = {
        f"{asset}/{key}": manifest.data_version
        for asset in _TOLD_FROM
        if (manifest := job.dataset(asset).manifest(key))
    }
    return all(standing.inputs.get(name) == version for name, version in now.items())


def _may_be_read_otherwise(job: Job) -> bool:
    """Whether a text of this bucket in which names are looked for may hold one that changed."""
    from kg.verbalized_update import UNITS

    otherwise, state = _read_otherwise(job), job.writer.dataset.state("units", job.key)
    if otherwise is None or state is None:
        return state is None
    texts = read_table(state, ["opening"])["opening"].cast(UNITS.field("opening").type)
    return bool(pc.any(otherwise(pc.list_flatten(one_array(texts)))).as_py())


def _tell(job: Job, update: VerbalizedUpdate, rewriting: RewritingConfig | None) -> None:
    """Write the shards that change, and what the next build compares with."""
    from kg.verbalized_update import UNITS

    told = _told(job, update)
    with changed_shards(job, SPLITS if rewriting else update.splits) as (standing, sinks):
        shards = dict(update.merge(told, standing))
        if rewriting:
            shards = _reworded(job, told.passages, rewriting)
        for split, rows in shards.items():
            sinks[split].write(rows)
    if not rewriting:
        job.writer.state("units", UNITS).write(update.units)


def _told(job: Job, update: VerbalizedUpdate) -> Verbalized:
    """What is told anew."""
    from kg.verbalize import verbalize_units

    every, context, concepts = (
        job.dataset(asset).read(job.key) for asset in ("triples", "triple_context", "told_concepts")
    )
    withheld = pc.is_in(every["triple_id"], pa.array(_withheld(job, job.key), pa.string()))
    triples = update.triples(every.filter(pc.invert(withheld)))
    beside = context.filter(pc.is_in(context["triple_id"], one_array(triples["triple_id"])))
    onward = pc.struct_field(one_array(beside["onward"]), "object")
    named = pa.concat_arrays(
        [*map(one_array, triples.select(["subject", "object"])), onward, pa.array(update.subjects, pa.string())]
    )
    known = concepts.filter(pc.is_in(concepts["curie"], named))
    return verbalize_units(
        triples,
        known,
        job.home.config.corpus,
        ambiguous=frozenset(pc.list_flatten(known["ambiguous"]).to_pylist()),
        context=beside,
        splits=job.home.config.splits,
        read=_name_reader(job),
        about=update.subjects,
    )


def _unit_fingerprints(job: Job, keys: Sequence[str]) -> RowsByBucket:
    from kg.verbalized_update import FINGERPRINTS, unit_fingerprints

    triples, context, known = (_paths(job, asset, keys) for asset in ("triples", "triple_context", "told_concepts"))
    withheld, buckets = _all_withheld(job, keys), job.home.config.buckets
    return RowsByBucket(unit_fingerprints(triples, context, known, withheld, buckets), FINGERPRINTS)


def _name_reader(job: Job) -> NameReader:
    """What finds names in definitions; the index is opened when the first text is read."""

    def read(texts: Sequence[str]) -> list[list[Span]]:
        from kg.name_reading import name_reader

        reader: NameReader = job.once("name reader", lambda: name_reader(name_index_folder(job.home)))
        return reader(texts)

    return read


def _read_otherwise(job: Job) -> Callable[[pa.Array], pa.Array] | None:
    """Tells which texts may name something else than last time; None where no names changed."""
    if INPUT not in job.changed_inputs() or job.previous is None:
        return None
    version = job.previous.inputs[INPUT]
    changes: NameChanges | None = job.once(f"names changed since {version}", lambda: changed_since(job.home, version))
    return changes.may_hold if changes is not None else pc.is_valid


def _reworded(job: Job, told: pa.Table, config: RewritingConfig) -> dict[str, pa.Table]:
    """What was told, reworded by a model, by split. What it wrote is kept in the home, so that only new texts go to it."""
    from kg.corpus import word_counts
    from kg.rewriting import rewrite_bucket
    from kg.rewriting_model import RewritingModel

    done = 0

    def progress(texts: int) -> None:
        nonlocal done
        done += texts
        job.progress(f"verbalized_corpus {job.key}: {done:,} texts reworded")

    counts: Counter[str] = Counter()
    model = job.once("rewriting_model", lambda: RewritingModel(config))
    kept, read = job.dataset("rewrites"), _name_reader(job)
    reworded = rewrite_bucket(told, config, model, kept, job.key, read=read, counts=counts, progress=progress)
    shards = {split: reworded.filter(pc.equal(reworded["split"], split)) for split in SPLITS}
    tokens = {split: pc.sum(word_counts(rows)).as_py() or 0 for split, rows in shards.items()}
    job.writer.summary |= {
        "splits": {split: {"passages": rows.num_rows, "tokens": tokens[split]} for split, rows in shards.items()},
        "tokens": sum(tokens.values()),
        "rewriting": {"model": config.identity()["model"], **dict(sorted(counts.items()))},
    }
    return shards


def triple_context_shuffle(job: Job) -> None:
    """What stands beside each triple elsewhere: a triple that goes on where it ends, and a sentence of a paper that says it.

    One step that writes every bucket, so that a bucket can be told without reading another.
    """
    from kg.context_shuffle import STATE, context_keys, shuffle_context

    config, since = job.home.config, _context_since(job)
    assets = ("triples", "evidence_by_bucket", "literature_by_bucket", "withheld_claims")
    with shuffle_context(
        *(_bucket_paths(job, asset) for asset in assets),
        minimum_belief=config.corpus.minimum_belief,
        chains="chain" in config.corpus.forms,
        quotations="quotation" in config.corpus.forms,
        since=since,
    ) as shuffle:
        for name, schema in STATE.items():
            sink = job.writer.state(name, schema)
            for rows in shuffle.states[name]:
                sink.write(rows)
        if since is None:
            write_buckets(job, "triple_context", CONTEXT, shuffle.rows)
            return
        keyed = pa.table([shuffle.changed["bucket"], context_keys(shuffle.changed)], ["bucket", "key"])
        changed = keys_by_bucket(keyed, "key")

        def kept(bucket: int) -> pa.Table:
            rows = job.dataset("triple_context").read(job.home.buckets[bucket])
            return rows.filter(pc.invert(pc.is_in(context_keys(rows), changed[bucket])))

        merged = merge_buckets(shuffle.rows, changed, kept, lambda rows: pc.sort_indices(context_keys(rows)))
        write_buckets(job, "triple_context", CONTEXT, merged, only=changed)


def _context_since(job: Job) -> ContextSince | None:
    """What the buckets of the context were made from as they stand, where they may be brought up to date."""
    from kg.context_shuffle import STATE, ContextSince

    kept = {name: [path] for name in STATE if (path := job.writer.dataset.state(name))}
    if job.previous is None or len(kept) < len(STATE):
        return None
    numbers = {key: number for number, key in enumerate(job.home.buckets)}
    changed = [name.partition("/")[::2] for name in job.changed_inputs()]
    papers = {numbers[key] for asset, key in changed if asset == "literature_by_bucket"}
    return ContextSince(kept, {numbers[key] for asset, key in changed if asset != "literature_by_bucket"}, papers)


def _bucket_paths(job: Job, asset: str) -> dict[int, list[str]]:
    return {number: job.dataset(asset).paths(key) for number, key in enumerate(job.home.buckets)}


def literature_corpus(job: Job) -> None:
    """Passages of live papers with their linked entities and claims.

    Sentences of training papers that mention both ends of a held-out pair, or make a claim that entails a held-out one, are
    withheld, and counted. Papers whose text, mentions and claims did not change keep their passages.
    """
    from kg.literature import literature_passages
    from kg.literature_update import PAPERS, LiteratureUpdate, paper_fingerprints

    config, withheld = job.home.config, _withheld(job, job.key)
    now = paper_fingerprints(job.dataset("literature_by_bucket").paths(job.key), withheld)
    update = LiteratureUpdate(now, state_before(job, "papers", PAPERS), config.splits)

    def tell(papers: Iterable[pa.RecordBatch], count: Callable[[str, int], None]) -> Iterator[pa.RecordBatch]:
        return literature_passages(papers, config.corpus, config.splits, count, withheld)

    literature = job.dataset("literature_by_bucket").batches(job.key, batch_size=512)
    with changed_shards(job, update.splits) as (standing, sinks):
        for split, rows in update.rows(literature, standing, tell):
            sinks[split].write(rows)
    job.writer.state("papers", PAPERS).write(update.papers())
    job.writer.summary |= update.figures()


def _withheld(job: Job, key: str) -> list[str]:
    withheld: list[str] = job.dataset("withheld_claims").read(key)["triple_id"].to_pylist()
    return withheld


def _all_withheld(job: Job, keys: Iterable[str]) -> list[tuple[int, str]]:
    """Bucket and id of the claims that are withheld in some buckets."""
    return [(int(key), triple_id) for key in keys for triple_id in _withheld(job, key)]


def _paths(job: Job, asset: str, keys: Iterable[str]) -> list[str]:
    """The files of an asset in some buckets."""
    return [path for key in keys for path in job.dataset(asset).paths(key)]


STAGES = [
    Stage(
        "withholding",
        "corpus",
        withholding,
        version="4",
        needs=(Need("triples", "bucket"), Need("vocabulary")),
        settings=lambda home: home.config.buckets,
        kinds=("duckdb",),
        shuffled="withheld_claims",
    ),
    Stage(
        "triple_context_shuffle",
        "corpus",
        triple_context_shuffle,
        version="2",
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
    *concept_stages.TELLING_STAGES,
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
        version="3",
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
        version="4",
        settings=lambda home: [home.config.corpus.passage_sentences, home.config.splits.model_dump()],
        tables=(PASSAGES,),
        kinds=("python", "parquet"),
    ),
]
