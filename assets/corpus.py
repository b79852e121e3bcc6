"""Stages that choose among the candidates, write the shards, and prove what the corpus must not hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from assets.buckets import write_buckets
from assets.home import Home
from assets.memory import remember_corpus
from assets.stage import Check, Job, Need, Stage, batches_of
from kg.tables import CORPUS_PASSAGES, MIXTURE, SELECTION
from pipeline.storage import FileEntry, Layout, Manifest, TableSink, read_table

if TYPE_CHECKING:
    from kg.corpus_checks import Proven
    from kg.mixture import Known, Selection

__all__ = ["CANDIDATES", "SELECTED", "STAGES"]

#: The assets that the corpus is chosen from, a partition a bucket, and the kind of passage that each holds.
CANDIDATES = {"verbalized_corpus": "verbalized", "literature_corpus": "literature"}
#: The files of candidates that a choice was made from, below the home.
_FILES = pa.schema({"path": pa.string()})
#: What the choice is written to, a partition a bucket.
SELECTED = "selected_passages"

_EXAMPLES = 5


def _candidates(job: Job, key: str) -> dict[str, str]:
    """Full paths of the candidates of a bucket, by their paths below the home."""
    manifests = {asset: job.dataset(asset).manifest(key) for asset in CANDIDATES}
    found: dict[str, str] = {}
    for asset, manifest in manifests.items():
        entries = [entry for entry in (manifest.files if manifest else ()) if entry.path.startswith("split=")]
        paths = job.dataset(asset).fetch(entries)
        found |= {f"{asset}/{entry.path}": path for entry, path in zip(entries, paths, strict=True)}
    return found


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
    from kg.cleaning.clean import clean
    from kg.cleaning.downstream import read_downstream_tests
    from kg.mixture import Candidates, Changes, select_passages, taken_in_words
    from pipeline.duck import connect

    config, keys = job.home.config.corpus, job.home.buckets
    tests = None
    if config.test_documents:
        papers = job.dataset("documents").paths_of(batches_of(job.home))
        tests = read_downstream_tests(config.test_documents, config.cleaning, job.writer.set_aside, papers)
    files = {key: _candidates(job, key) for key in keys}
    candidates = Candidates(
        passages={key: list(some.values()) for key, some in files.items()},
        evidence={key: job.dataset("evidence_by_bucket").paths(key) for key in keys},
        triples=job.dataset("triples").paths_of(keys),
        live=job.dataset("live_documents").paths(),
    )
    state = job.state_files()
    known = _known(job, state, files) if state else None
    with connect(threads=None if known is None else 1) as connection:  # more threads wait longer than little takes
        changes = Changes(connection, candidates, known)
        verdicts = clean(changes.batches(), config.cleaning, tests, changes.signed, connection)
        selection = select_passages(connection, changes, verdicts, config.mixture)
        mixture = selection.mixture
        job.writer.table("mixture.parquet", MIXTURE).write(mixture)
        number = {key: i for i, key in enumerate(keys)}
        write_buckets(
            job,
            SELECTED,
            SELECTION,
            ((number[key], rows) for key, rows in selection.by_bucket()),
            only=None if known is None else [number[key] for key in selection.buckets],
        )
        _keep_known(job, selection, known, state)
        paths = sorted(path for some in files.values() for path in some)
        job.writer.state("files", _FILES).write(pa.table([pa.array(paths, pa.string())], schema=_FILES))
        job.writer.summary["rejected"] = selection.rejected()
    for column, shares in (("source", config.mixture.source_shares), ("predicate", config.mixture.predicate_shares)):
        unknown = sorted(set(shares) - {"*", *mixture[column].to_pylist()})
        job.check(f"{column}_shares_apply", not unknown, unknown=", ".join(unknown) or "none")
    job.writer.summary["candidates"] = pc.sum(mixture["candidates"]).as_py() or 0
    job.writer.summary["table_of_what_was_taken"] = taken_in_words(mixture)


def _known(job: Job, state: Mapping[str, FileEntry], files: Mapping[str, Mapping[str, str]]) -> Known:
    """What the last choice kept, and what changed since.

    Args:
        files: what `_candidates` gives, by bucket.
    """
    from kg.mixture import Known

    changed = job.changed_inputs()
    paths = dict(zip(state, job.writer.dataset.fetch(state.values()), strict=True))

    def buckets(*assets: str) -> list[str]:
        return sorted({key for asset, _, key in (name.partition("/") for name in changed) if asset in assets})

    before = set(read_table(paths["files"])["path"].to_pylist())
    some = {key: files[key] for key in buckets(*CANDIDATES)}
    return Known(
        passages={key: paths[f"known-{key}"] for key in job.home.buckets},
        taken=paths["taken"],
        located=paths["located"],
        asserted={key: paths[f"asserted-{key}"] for key in job.home.buckets if f"asserted-{key}" in paths},
        changed_passages={
            key: [full for path, full in of_bucket.items() if path not in before] for key, of_bucket in some.items()
        },
        standing=[
            (key, *_kind_and_split(path)) for key, of_bucket in some.items() for path in of_bucket if path in before
        ],
        changed_evidence=buckets("evidence_by_bucket"),
        live_changed="live_documents/all" in changed,
    )


def _kind_and_split(path: str) -> tuple[str, str]:
    """The kind and split of the candidates of a file."""
    asset, split, _ = path.split("/", 2)
    return CANDIDATES[asset], split.removeprefix("split=")


def _keep_known(job: Job, selection: Selection, known: Known | None, state: Mapping[str, FileEntry]) -> None:
    """Keep what the next choice need not find again."""
    from kg.mixture.changes import ASSERTED, KNOWN, KNOWN_LAYOUT, LOCATED, TAKEN

    _keep_buckets(
        job, "known", (KNOWN, KNOWN_LAYOUT), selection.known(), changed=selection.touched, state=state, always=True
    )
    evidence = job.home.buckets if known is None else known.changed_evidence
    _keep_buckets(
        job, "asserted", (ASSERTED, Layout()), selection.asserted(evidence), changed=evidence, state=state, always=False
    )
    job.writer.state("taken", TAKEN).write(selection.taken())
    if known is None or known.live_changed:
        job.writer.state("located", LOCATED).write(selection.located())
    else:
        job.writer.keep(state["located"])


def _keep_buckets(
    job: Job,
    name: str,
    table: tuple[pa.Schema, Layout],
    rows: Iterator[tuple[str, pa.RecordBatch]],
    *,
    changed: Sequence[str],
    state: Mapping[str, FileEntry],
    always: bool,
) -> None:
    """Keep a table for each bucket: that of before where nothing changed.

    Args:
        rows: of the changed buckets, in their order.
        state: what was kept before.
        always: whether a bucket without rows has a table too.
    """
    pending = next(rows, None)
    for key in sorted(changed):
        sink = job.writer.state(f"{name}-{key}", *table) if always or (pending and pending[0] == key) else None
        while sink and pending and pending[0] == key:
            sink.write(pending[1])
            pending = next(rows, None)
        if sink:
            sink.close()  # and not only when all are written: what is pending would add up
    for kept, entry in state.items():
        if kept.rpartition("-")[0] == name and kept.rpartition("-")[2] not in changed:
            job.writer.keep(entry)


def corpus_shards(job: Job) -> None:
    """The corpus: passages of papers and of the graph, mixed, a shard for each split and bucket.

    Every row carries its entities, triples, evidence and documents, and the source it comes from. A shard is written where
    its candidates, or what was taken of them, are other than those it was made from.
    """
    from kg.corpus_shards import LAYOUT, SPLITS, add_counts, made_from, selected_passages, taken_passages

    folder = job.once("folder to sort in", lambda: TemporaryDirectory(prefix="materia-shards."))
    taken = taken_passages(job.dataset(SELECTED).paths(job.key))
    before = job.previous.summary if job.previous else {"made_from": {}}
    counts: dict[str, Any] = {}
    made: dict[str, str] = {}
    for split in SPLITS:
        candidates = [
            (dataset, entry)
            for dataset in map(job.dataset, CANDIDATES)
            for entry in _of_split(dataset.manifest(job.key), split)
        ]
        chosen = taken.filter(pc.equal(taken["split"], split))
        made[split] = made_from([entry.sha256 for _, entry in candidates], chosen)
        if made[split] == before["made_from"].get(split):
            for entry in _of_split(job.previous, split):
                job.writer.keep(entry)
            counts |= {split: before["splits"][split]} if split in before["splits"] else {}
            continue
        sink = job.writer.table(f"split={split}/bucket={job.key}/passages.parquet", CORPUS_PASSAGES, LAYOUT)
        paths = [path for dataset, entry in candidates for path in dataset.fetch([entry])]
        for rows in selected_passages(paths, chosen, Path(folder)):
            add_counts(counts, rows)
            sink.write(rows)
    job.writer.summary["splits"] = counts
    job.writer.summary["tokens"] = sum(split["tokens"] for split in counts.values())
    job.writer.summary["made_from"] = made


def _of_split(manifest: Manifest | None, split: str) -> list[FileEntry]:
    """The files of a split in a partition."""
    return [entry for entry in manifest.files if entry.path.startswith(f"split={split}/")] if manifest else []


def corpus(job: Job) -> None:
    """The corpus as a whole: every shard with its counts and hash, the totals by split, kind and language, and the checks.

    Blocks what follows where a training row gives a held-out claim away, where a passage stands twice or holds a test
    document, or where the ratio of the mixture is not met. The checks read the shards themselves.
    """
    from kg.corpus import corpus_index, ratio_met, write_index
    from kg.corpus_checks import check_corpus

    config = job.home.config
    index = corpus_index(job.home.url, config.splits, config.corpus.mixture)
    write_index(index, job.writer.file("corpus.json"))
    job.writer.summary["totals"] = index["totals"]
    state = job.state_files()
    made: set[str] = set()

    def keep(name: str, schema: pa.Schema, layout: Layout) -> TableSink:
        made.add(name)
        return job.writer.state(name, schema, layout)

    tests, proven = config.corpus.test_documents, _proven(job, state) if state else None
    found = check_corpus(job.home.url, config.splits, config.corpus.cleaning, tests, keep=keep, proven=proven)
    for name, entry in state.items():
        if name not in made:
            job.writer.keep(entry)
    job.check("no_leak", not found.leaks, leaks=len(found.leaks), examples=found.leaks[:_EXAMPLES])
    double, foul = ([one._asdict() for one in some] for some in (found.duplicates, found.tests))
    job.check("no_duplicates", not double, duplicates=len(double), examples=double[:_EXAMPLES])
    job.check("no_contamination", not foul, contaminated=len(foul), examples=foul[:_EXAMPLES])
    ratio = ratio_met(index, config.corpus.mixture.graph_to_text)
    job.check("ratio_met", ratio.pop("passed"), **ratio)


def _proven(job: Job, state: Mapping[str, FileEntry]) -> Proven:
    """What the last check of the corpus kept, and what changed since."""
    from kg.corpus_checks import Proven

    changed = job.changed_inputs()
    return Proven(
        dict(zip(state, job.writer.dataset.fetch(state.values()), strict=True)),
        [key for key in job.home.buckets if f"corpus_shards/{key}" in changed],
        "vocabulary/all" in changed,
    )


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
        version="4",
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
        version="2",
        tables=(CORPUS_PASSAGES,),
        remember=remember_corpus,
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
        settings=lambda home: [home.config.splits.model_dump(), _rules(home), version("duckdb")],
        version="5",
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
