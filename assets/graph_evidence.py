"""The stage that reads graphs which others made: their edges enter as evidence, beside what papers say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from upath import UPath

from assets.home import Home
from assets.literature import file_hashes
from assets.stage import Check, Job, Need, Stage
from assets.vocabulary import MERGES
from pipeline.errors import MateriaError
from pipeline.graphs import GRAPHS
from pipeline.inventory import list_files
from pipeline.storage import file_sha256
from pipeline.tables import EVIDENCE

__all__ = ["STAGES"]


def _graph_files(home: Home, key: str) -> Mapping[str, str]:
    """Nothing where there are no graphs, so that a home without any never runs this stage twice."""
    if not home.graphs:
        return {}
    vocabulary, merges = home.dataset("vocabulary").manifest(), home.dataset(MERGES).manifest()
    if vocabulary is None or merges is None:
        raise MateriaError("vocabulary has not been built yet", remedy="Materialize vocabulary first")
    # No file can have these names, as none ends in a slash. The log of merges may change where no concept does.
    inputs = {"vocabulary/": vocabulary.data_version, "merges/": merges.data_version}
    with home.file_hashes("graphs") as hashes:
        inputs |= file_hashes(list_files(home.graphs), hashes.sha256)
    inputs |= {f"tables/{place}/": one.version for place, one in enumerate(home.tables())}
    return inputs | ({"mapping/": file_sha256(UPath(home.graph_mapping))} if home.graph_mapping else {})


def graph_evidence(job: Job) -> None:
    """Edges of graphs that others made (KGX, Hetionet's SIF, triples), each a row of evidence for each paper it names.

    Edges whose ends or relation cannot be told are set aside with the reason. Identifiers that the vocabulary joined into
    others follow. Empty where no graph is given.
    """
    from pipeline.graphs.evidence import graph_evidence as evidence_of
    from pipeline.graphs.evidence import read_categories
    from pipeline.graphs.files import open_graphs
    from pipeline.graphs.mapping import load_mapping
    from pipeline.vocabularies.merge import renames

    sink = job.writer.table("graph_evidence.parquet", EVIDENCE)
    graphs = open_graphs(list_files(job.home.graphs), job.writer.set_aside, job.home.tables())
    mapping = load_mapping(job.home.graph_mapping if graphs else None)
    concepts = (
        job.dataset("vocabulary").batches(columns=["curie", "category"], batch_size=65536) if graphs else iter(())
    )
    merged = renames(job.dataset(MERGES).read()) if graphs else {}
    categories = read_categories(concepts, graphs, job.writer.set_aside)
    found = job.writer.summary["graphs"] = {}
    counts = Counter({"edges": 0, "renamed": 0, "set_aside": 0})
    for graph in graphs:
        before, predicates = sink.rows, Counter[str]()
        job.progress(f"graph_evidence {graph.name}")
        for rows in evidence_of(graph, mapping, categories, job.writer.set_aside, merged, counts=counts):
            sink.write(rows)
            predicates.update(rows["predicate"].to_pylist())
        found[graph.name] = {
            "doc_id": graph.doc_id,
            "sha256": file_sha256(graph.path),
            "format": graph.reader.name,
            "rows": sink.rows - before,
            "predicates": dict(sorted(predicates.items())),
        }
    job.check("some_edge", sink.rows > 0 or not job.home.graphs, rows=sink.rows, files=len(found))
    job.check("edges_conserved", counts["edges"] == sink.rows + counts["set_aside"], rows=sink.rows, **counts)


STAGES = [
    Stage(
        "graph_evidence",
        "extraction",
        graph_evidence,
        version="-".join(sorted(GRAPHS)),
        needs=(Need("vocabulary"),),
        tables=(EVIDENCE,),
        kinds=("python", "parquet"),
        fingerprint=_graph_files,
        checks=(
            Check(
                "some_edge",
                "Where graphs are given, one edge at least must be usable; triples may need --graph-mapping.",
            ),
            Check(
                "edges_conserved",
                "Every edge that is read, also one whose ends the vocabulary joined, must be evidence or set aside.",
            ),
        ),
    )
]
