"""Stages that make the graph: fused claims, N-Quads, and the index that answers SPARQL."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from assets.home import Home
from assets.stage import Check, Job, Need, Stage
from kg.generations import MARKER
from kg.sparql_server import SparqlServer
from kg.tables import TRIPLES
from pipeline.hashing import hash_fields

if TYPE_CHECKING:
    from kg.graph_update import StoreUpdate
    from kg.validation import Findings

__all__ = ["STAGES", "graph_files", "index_state", "put_into_index", "store_folder", "store_of"]


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


def triples(job: Job) -> None:
    """Claims fused from evidence, with belief: two pools, for and against; one paper counts once, however often it repeats.

    Each row keeps the ids of all its evidence and documents.
    """
    from kg.fusion import fuse_in_batches
    from pipeline.duck import connect

    fusion, evidence = job.home.config.fusion, job.dataset("evidence_by_bucket")
    left_out: dict[str, int] = {}
    supporting = contradicting = named = 0
    sink = job.writer.table(f"{job.key}/triples.parquet", TRIPLES)
    for claims in fuse_in_batches(
        job.once("fusion", connect),
        evidence.paths(job.key),
        fusion,
        job.home.config.splits,
        reliabilities=fusion.learned(),
        left_out=left_out,
    ):
        sink.write(claims)
        supporting += pc.sum(claims["supporting_evidence"]).as_py()
        contradicting += pc.sum(claims["contradicting_evidence"]).as_py()
        named += len(claims["evidence_ids"].flatten())
    manifest = evidence.manifest(job.key)
    came_in = manifest.rows if manifest else 0
    job.check(
        "evidence_conserved",
        named == supporting + contradicting == came_in - sum(left_out.values()),
        evidence=came_in,
        supporting=supporting,
        contradicting=contradicting,
        named=named,
        **left_out,
    )


def knowledge_graph(job: Job) -> None:
    """The bucket's part of the graph as sorted N-Quads: concepts, fused claims, and evidence in one named graph a document.

    Claims are validated: what is malformed stops the build, what is outside of the Biolink model's domains is told.
    """
    from kg.concepts import ConceptsByBucket
    from kg.nquads import write_nquads
    from kg.validation import figures, of_severity, validate_claims
    from pipeline.duck import connect

    vocabulary, evidence = job.dataset("vocabulary").paths(), job.dataset("evidence_by_bucket").paths(job.key)
    connection, buckets = job.once("graph", connect), job.home.config.buckets
    concepts = job.once("concepts", lambda: ConceptsByBucket(connection, vocabulary, buckets))
    claims, path = job.dataset("triples").read(job.key), job.writer.file(f"{job.key}/graph.nq")
    job.writer.summary["quads"] = write_nquads(path, claims, evidence, concepts(int(job.key)), connection=connection)
    found = validate_claims(claims, evidence, vocabulary, connection=connection)
    violations, warnings = of_severity(found, "violation"), of_severity(found, "warning")
    job.check("claims_are_sound", not violations, **figures(violations))
    job.check("claims_are_plausible", not warnings, **figures(warnings))


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
    return [Path(path) for key in home.buckets for path in graph.paths(key, ".nq")]


def put_into_index(home: Home, files: Sequence[Path], beside: Sequence[Path], *, changed: int = 0) -> StoreUpdate:
    """Bring the index to the graph in `files` and the statements about it in `beside`, wherever it is."""
    from kg.graph_update import update_server, update_store

    place = store_of(home)
    if isinstance(place, Path):
        return update_store(files, place, beside=beside, changed=changed)
    return update_server([*files, *beside], index_state(home), place)


def _validate_changed(job: Job, done: StoreUpdate, most: int) -> None:
    """Run the shapes on changed claims, with their evidence and concepts, as the index holds them.

    Costs 0.7 processor seconds and 40 ms a claim; where no claim changed, nothing, and pySHACL is not imported.
    """
    from kg.validation import figures, of_severity

    found: list[Findings] = []
    claims: Sequence[str] = done.changed
    if most and (done.whole or claims):
        from kg.graph_store import open_store
        from kg.validation.subgraph import neighbourhood, smallest_claims, validate_subgraph

        dataset = open_store(store_folder(job.home))
        claims = smallest_claims(dataset, most) if done.whole else claims
        shown = validate_subgraph(neighbourhood(dataset, claims))
        found = [findings for findings in of_severity(shown, "violation") if findings.rule.about != "concept"]
    job.check("changed_claims_conform", not found, claims=len(claims), **figures(found))


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
    Stage(
        "knowledge_graph",
        "graph",
        knowledge_graph,
        needs=(Need("triples", "same"), Need("evidence_by_bucket", "same"), Need("vocabulary")),
        partitions="bucket",
        version="2",
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
        version="2",
        present=lambda home: (index_state(home) / MARKER).exists(),
        kinds=("oxigraph",),
        checks=(
            Check("some_quads", "The graph must hold at least one statement."),
            Check(
                "changed_claims_conform",
                "Some of the changed claims, read from the index, must keep the rules as SHACL states them (pySHACL).",
                blocking=False,
            ),
        ),
    ),
]
