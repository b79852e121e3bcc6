"""Stages that make the candidates for the corpus: passages told from triples, and passages of papers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from assets import concepts as concept_stages
from assets.buckets import write_buckets
from assets.extraction import name_index_folder
from assets.name_versions import INPUT, changed_since
from assets.shards import changed_shards, state_before, take_over
from assets.stage import Job, Need, Stage
from assets.together import together
from kg.changed_documents import keys_by_bucket, merge_buckets
from kg.config import RewritingConfig
from kg.corpus_shards import SPLITS
from kg.name_reading import NameReader
from kg.passage_rows import Span
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
    from kg.verbalized_update import UNITS

    rewriting = job.home.config.corpus.rewriting
    otherwise = job.once(
        "buckets told otherwise", lambda: [key for key in job.keys if _may_be_told_otherwise(job, key)]
    )
    if job.key not in otherwise:
        assert job.previous is not None
        take_over(job)
        for record in job.dataset("verbalized_corpus").set_aside(job.key).to_pylist():
            job.writer.set_aside(SetAside(**record))
        job.writer.summary = dict(job.previous.summary)
        return
    told = together(job, "told", partial(_tell, job), otherwise, size=partial(_triples, job), most=_TOLD_TOGETHER)
    update, anew = told.pop(job.key)
    if job.previous and not update.splits and not rewriting:
        take_over(job)
    else:
        with changed_shards(job, SPLITS if rewriting else update.splits) as (standing, sinks):
            shards = dict(update.merge(anew, standing))
            if rewriting:
                shards = _reworded(job, anew.passages, rewriting)
            for split, rows in shards.items():
                sinks[split].write(rows)
        if not rewriting:
            job.writer.state("units", UNITS).write(update.units)
    job.writer.summary = update.figures() | job.writer.summary
    for record in update.set_aside():
        job.writer.set_aside(record)


#: What a bucket's passages are told from, beside the index of names.
_TOLD_FROM = ("triples", "triple_context", "told_concepts", "withheld_claims")
#: Triples of the buckets that are told together: planning is cheap then, and some tens of megabytes hold their passages.
_TOLD_TOGETHER = 10_000


def _may_be_told_otherwise(job: Job, key: str) -> bool:
    """Whether anything but the index of names changed for a bucket, or one of its texts may hold a name that did."""
    from kg.verbalized_update import UNITS

    standing, state = job.standing.get(key), job.writer.dataset.state("units", key)
    if standing is None or state is None:
        return True
    if any(_version(job, asset, key) != standing.inputs.get(f"{asset}/{key}") for asset in _TOLD_FROM):
        return True
    texts = read_table(state, ["opening"])["opening"].cast(UNITS.field("opening").type)
    otherwise = _read_otherwise(job, key)
    return otherwise is not None and bool(pc.any(otherwise(pc.list_flatten(one_array(texts)))).as_py())


def _version(job: Job, asset: str, key: str) -> str | None:
    manifest = job.dataset(asset).manifest(key)
    return manifest.data_version if manifest else None


def _triples(job: Job, key: str) -> int:
    manifest = job.dataset("triples").manifest(key)
    return manifest.rows if manifest else 0


def _tell(job: Job, keys: Sequence[str]) -> dict[str, tuple[VerbalizedUpdate, Verbalized]]:
    """How the passages of some buckets come up to date, and those that are told anew."""
    from kg.telling_units import ENTITY, UnitPassages
    from kg.told_from import FINGERPRINTS, ToldFrom
    from kg.verbalize import verbalize_units
    from kg.verbalized_update import UNITS, VerbalizedUpdate
    from pipeline.duck import connect

    home, dataset = job.home, job.writer.dataset
    config = home.config.corpus
    with connect() as connection:
        files = ({key: job.dataset(asset).paths(key) for key in keys} for asset in _TOLD_FROM)
        told_from = ToldFrom(connection, *files, buckets=home.config.buckets)
        now, updates = told_from.fingerprints(), {}
        for key in keys:
            kept = dataset.state("units", key) if key in job.standing and not config.rewriting else None
            updates[key] = VerbalizedUpdate(
                now.get(int(key), FINGERPRINTS.empty_table()),
                read_table(kept).cast(UNITS) if kept else UNITS.empty_table(),
                _read_otherwise(job, key) if kept else None,
                entities="entity" in config.forms,
            )
        made = frozenset().union(*(update.made for update in updates.values()))
        triples, context, concepts = told_from.rows(made)
    told = verbalize_units(
        triples,
        concepts,
        config,
        ambiguous=frozenset(pc.list_flatten(concepts["ambiguous"]).to_pylist()),
        context=context,
        splits=home.config.splits,
        read=_name_reader(job),
        about=[subject for subject, part in made if part == ENTITY],
    ).by_bucket(home.config.buckets)
    return {key: (update, told.get(int(key)) or UnitPassages().sorted()) for key, update in updates.items()}


def _name_reader(job: Job) -> NameReader:
    """What finds names in definitions; the index is opened when the first text is read."""

    def read(texts: Sequence[str]) -> list[list[Span]]:
        from kg.name_reading import name_reader

        reader: NameReader = job.once("name reader", lambda: name_reader(name_index_folder(job.home)))
        return reader(texts)

    return read


def _read_otherwise(job: Job, key: str) -> Callable[[pa.Array], pa.Array] | None:
    """Tells which texts of a bucket may name something else than last time; None where no names changed."""
    version = job.standing[key].inputs[INPUT]
    if version == job.inputs[INPUT]:
        return None
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
    return job.dataset(asset).paths_of(keys)


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
        version="4",
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
