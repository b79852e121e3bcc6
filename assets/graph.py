"""Stages that make the graph: fused claims, N-Quads, and the index that answers SPARQL."""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from assets import concepts
from assets.home import Home
from assets.stage import Check, Job, Need, Stage
from assets.together import ByBucket, together
from kg.generations import MARKER
from kg.sparql_server import SparqlServer
from kg.tables import CONCEPTS_BY_BUCKET, TRIPLES
from pipeline.files import is_local, write_atomically
from pipeline.hashing import hash_fields, hash_json
from pipeline.storage import Dataset
from pipeline.tables import VOCABULARY

if TYPE_CHECKING:
    from kg.graph_update import StoreUpdate
    from kg.validation import Findings

__all__ = ["STAGES", "asked_store", "graph_files", "index_state", "put_into_index", "store_folder", "store_of"]

#: Rows of evidence, and concepts, that one query is asked about: enough to make planning cheap, and memory stays flat.
_EVIDENCE_TOGETHER = 50_000
_CONCEPTS_TOGETHER = 20_000


def store_folder(home: Home) -> Path:
    """Where the index of the graph stands in a home."""
    return home.path / "graph_index" / "store"


def index_state(home: Home) -> Path:
    """Where the N-Quads are kept that are in the index, or in the server."""
    place = store_of(home)
    if isinstance(place, Path):
        return place
    return store_folder(home).with_name(f"server-{hash_fields(place.update_url)[:12]}")


def store_of(home: Home) -> Path | SparqlServer:
    """Where questions about the graph are asked: the index in the home, or the server that the configuration names."""
    graph = home.config.graph
    if graph.store is None or graph.update is None:
        return store_folder(home)
    return SparqlServer(graph.store, graph.update, graph.timeout)


def asked_store(home: Home, progress: Callable[[str], None] = lambda _: None) -> Path | SparqlServer:
    """As `store_of`, for whoever asks: of a home in an object store the index is made on this machine first, or brought up to date."""
    place = store_of(home)
    if is_local(home.url) or not isinstance(place, Path):
        return place
    if home.dataset("graph_index").manifest() is not None and not _index_is_here(home):
        progress(f"making the index of the graph on this machine ({place})")
        put_into_index(home, graph_files(home), [Path(p) for p in home.dataset("provenance").paths(suffix=".nq")])
    return place


def _index_is_here(home: Home) -> bool:
    """Whether there is an index; of a home in an object store, whether it is of the graph that is in force, which others may replace."""
    state = index_state(home)
    if not (state / MARKER).exists() or is_local(home.url):
        return (state / MARKER).exists()
    with suppress(OSError):
        return _made_from(state).read_text(encoding="utf-8") == _graph_version(home)
    return False


def _made_from(state: Path) -> Path:
    return state.with_name(f"{state.name}-made-from")


def _graph_version(home: Home) -> str:
    """What the index on a machine is held against."""
    return hash_json({key: one.data_version for key, one in home.dataset("knowledge_graph").manifests().items()})


def triples(job: Job) -> None:
    """Claims fused from evidence, with belief: two pools, for and against; one paper counts once, however often it repeats.

    Each row keeps the ids of all its evidence and documents.
    """
    from kg.fusion import fuse_by_bucket
    from pipeline.duck import connect

    home, evidence, retracted = job.home, job.dataset("evidence_by_bucket"), job.once("retracted", dict)

    def fuse(keys: list[str]) -> ByBucket[pa.RecordBatch]:
        paths = _paths(job, "evidence_by_bucket", keys)
        fusion, connection = home.config.fusion, job.once("fusion", connect)
        known, buckets = fusion.learned(), home.config.buckets
        return ByBucket(
            fuse_by_bucket(
                connection, paths, fusion, home.config.splits, buckets, reliabilities=known, retracted=retracted
            )
        )

    came_in = partial(_rows, evidence)
    fused = together(job, "claims", fuse, job.keys, size=came_in, most=_EVIDENCE_TOGETHER)
    supporting = contradicting = named = 0
    sink = job.writer.table(f"{job.key}/triples.parquet", TRIPLES)
    for claims in fused(int(job.key)):
        sink.write(claims)
        supporting += pc.sum(claims["supporting_evidence"]).as_py()
        contradicting += pc.sum(claims["contradicting_evidence"]).as_py()
        named += len(claims["evidence_ids"].flatten())
    left_out = retracted.get(int(job.key), 0) if home.config.fusion.retracted == "exclude" else 0
    job.check(
        "evidence_conserved",
        named == supporting + contradicting == came_in(job.key) - left_out,
        evidence=came_in(job.key),
        supporting=supporting,
        contradicting=contradicting,
        named=named,
        retracted=left_out,
    )


def _rows(dataset: Dataset, key: str) -> int:
    manifest = dataset.manifest(key)
    return manifest.rows if manifest else 0


def knowledge_graph(job: Job) -> None:
    """The bucket's part of the graph as sorted N-Quads, in two files: its concepts; its fused claims, and the evidence for them.

    Evidence stands in one named graph a document. Claims are validated: what is malformed stops the build, what is outside of
    the Biolink model's domains is told.
    """
    from kg.nquads import write_lines
    from kg.validation import figures, of_severity

    bucket, size = int(job.key), partial(_rows, job.dataset("evidence_by_bucket"))
    lines, found = together(job, "claims", partial(_claims_of, job), job.keys, size=size, most=_EVIDENCE_TOGETHER)
    quads = write_lines(job.writer.file(f"{job.key}/claims.nq"), lines(bucket))
    if job.key in (others := job.once("other concepts", lambda: _with_other_concepts(job))):
        size = partial(_rows, job.dataset("concepts_by_bucket"))
        of_concepts = together(job, "concepts", partial(_concepts_of, job), others, size=size, most=_CONCEPTS_TOGETHER)
        quads_of_concepts = write_lines(job.writer.file(f"{job.key}/concepts.nq"), of_concepts(bucket))
    else:
        assert job.previous is not None
        job.writer.keep(next(e for e in job.previous.files if e.path.startswith(f"{job.key}/concepts-")))
        quads_of_concepts = job.previous.summary["quads_of_concepts"]
    job.writer.summary |= {
        "quads": quads + quads_of_concepts,
        "quads_of_concepts": quads_of_concepts,
        "concepts": _own_concepts(job, job.key),
    }
    violations, warnings = (of_severity(found.get(bucket, []), severity) for severity in ("violation", "warning"))
    job.check("claims_are_sound", not violations, **figures(violations))
    job.check("claims_are_plausible", not warnings, **figures(warnings))


def _own_concepts(job: Job, key: str) -> str:
    """What stands for the concepts of a bucket, without those that its claims only name."""
    manifest = job.dataset("concepts_by_bucket").manifest(key)
    assert manifest is not None
    return str(manifest.summary["own"])


def _with_other_concepts(job: Job) -> list[str]:
    """The partitions of this run whose own concepts are not those that they were made from."""
    standing = job.standing
    return [k for k in job.keys if k not in standing or standing[k].summary["concepts"] != _own_concepts(job, k)]


def _claims_of(job: Job, keys: list[str]) -> tuple[ByBucket[memoryview], dict[int, list[Findings]]]:
    """The lines of the claims of some buckets, and what validation finds in each."""
    from kg.nquads import nquads_by_bucket
    from kg.validation import validate_by_bucket
    from pipeline.duck import connect, read_tables

    connection, buckets = job.once("graph", connect), job.home.config.buckets
    claims = read_tables(connection, _paths(job, "triples", keys), TRIPLES)
    evidence = _paths(job, "evidence_by_bucket", keys)
    found = validate_by_bucket(connection, claims, evidence, _paths(job, "concepts_by_bucket", keys), buckets)
    return ByBucket(nquads_by_bucket(connection, claims, evidence, VOCABULARY.empty_table(), buckets)), found


def _concepts_of(job: Job, keys: list[str]) -> ByBucket[memoryview]:
    """The lines of the concepts of some buckets."""
    from kg.nquads import nquads_by_bucket
    from pipeline.duck import connect, read_tables

    # Not the claims' connection, which is in the midst of its own lines.
    connection, buckets = job.once("graph of concepts", connect), job.home.config.buckets
    known = read_tables(connection, _paths(job, "concepts_by_bucket", keys), CONCEPTS_BY_BUCKET)
    own = known.filter(known["own"]).select(VOCABULARY.names)
    return ByBucket(nquads_by_bucket(connection, TRIPLES.empty_table(), [], own, buckets))


def _paths(job: Job, asset: str, keys: list[str]) -> list[str]:
    dataset = job.dataset(asset)
    return dataset.paths_of(keys)


def graph_index(job: Job) -> None:
    """The index of the whole graph that SPARQL is asked of: Oxigraph's in the home, or a server by configuration.

    After a small change only the difference is applied. An index is made from the N-Quads and holds no facts of its own.
    """
    most, provenance = job.home.config.graph.shacl_claims, job.dataset("provenance")
    beside, manifest = [Path(path) for path in provenance.paths(suffix=".nq")], provenance.manifest()
    done = put_into_index(job.home, graph_files(job.home), beside, changed=most)
    if isinstance(store_of(job.home), Path):
        _validate_changed(job, done, most)
    quads = done.quads - (manifest.summary["quads"] if manifest else 0)
    job.writer.summary["quads"] = quads
    job.check("some_quads", quads > 0, quads=quads)


def graph_files(home: Home) -> list[Path]:
    """The N-Quads of the graph, bucket by bucket."""
    graph = home.dataset("knowledge_graph")
    return [Path(path) for path in graph.paths_of(home.buckets, ".nq")]


def put_into_index(home: Home, files: Sequence[Path], beside: Sequence[Path], *, changed: int = 0) -> StoreUpdate:
    """Bring the index to the graph in `files` and the statements about it in `beside`, wherever it is."""
    from filelock import FileLock

    from kg.graph_update import update_server, update_store

    place, state = store_of(home), index_state(home)
    state.parent.mkdir(parents=True, exist_ok=True)
    with nullcontext() if is_local(home.url) else FileLock(_made_from(state).with_suffix(".lock")):
        if isinstance(place, Path):
            done = update_store(files, place, beside=beside, changed=changed)
        else:
            done = update_server([*files, *beside], state, place, home=_name_of(home))
        if not is_local(home.url):
            write_atomically(_made_from(state), _graph_version(home))
    return done


def _name_of(home: Home) -> str:
    """What names a home on every machine: the URL of one in an object store; a folder is known by its machine's name too."""
    return f"{platform.node()}:{home.url}" if is_local(home.url) else str(home.url)


def _validate_changed(job: Job, done: StoreUpdate, most: int) -> None:
    """Run the shapes on some claims of a large change, or of a whole load, with their evidence and concepts, as the index holds them.

    pySHACL costs 0.7 processor seconds and 40 ms a claim, more than all the rest of what a few papers change; the tables of
    every change are asked the same (`claims_are_sound`). How many claims are looked at depends on what stood in the index before,
    so it is told and not kept: a manifest is the same however the graph came about.
    """
    from kg.validation import figures, of_severity

    found: list[Findings] = []
    if most and (done.whole or done.claims >= job.home.config.graph.shacl_from):
        from kg.graph_store import open_store
        from kg.validation.subgraph import neighbourhood, smallest_claims, validate_subgraph

        dataset = open_store(store_folder(job.home))
        claims = smallest_claims(dataset, most) if done.whole else done.changed
        job.progress(f"{len(claims)} claims of the index validated by SHACL")
        shown = validate_subgraph(neighbourhood(dataset, claims))
        found = [findings for findings in of_severity(shown, "violation") if findings.rule.about != "concept"]
    job.check("changed_claims_conform", not found, **figures(found))


STAGES = [
    Stage(
        "triples",
        "graph",
        triples,
        needs=(Need("evidence_by_bucket", "same"),),
        partitions="bucket",
        settings=lambda home: [home.config.fusion.identity(), home.config.splits.model_dump()],
        version="2",
        tables=(TRIPLES,),
        kinds=("duckdb", "parquet"),
        checks=(
            Check(
                "evidence_conserved",
                "All evidence that comes in must speak for or against a claim and be named by it, or be left out by policy.",
            ),
        ),
    ),
    *concepts.GRAPH_STAGES,
    Stage(
        "knowledge_graph",
        "graph",
        knowledge_graph,
        needs=(Need("triples", "same"), Need("evidence_by_bucket", "same"), Need("concepts_by_bucket", "same")),
        partitions="bucket",
        version="3",
        kinds=("rdf",),
        checks=(
            Check("claims_are_sound", "Claims and evidence must be well-formed; `materia validate` tells the rules."),
            Check(
                "claims_are_plausible",
                "Subject and object are of a class in the predicate's domain and range (Biolink), and not the same.",
                blocking=False,
            ),
        ),
    ),
    Stage(
        "graph_index",
        "graph",
        graph_index,
        needs=(Need("knowledge_graph", "bucket"),),
        settings=lambda home: [home.config.graph.store, home.config.graph.update],
        version="3",
        present=_index_is_here,
        kinds=("oxigraph",),
        checks=(
            Check("some_quads", "The graph must hold at least one statement."),
            Check(
                "changed_claims_conform",
                "Of a large change some claims, read from the index, must keep the rules as SHACL states them (pySHACL).",
                blocking=False,
            ),
        ),
    ),
]
