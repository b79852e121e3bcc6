"""The graph as one file of N-Quads, sorted by bytes: all that there is, with evidence in a named graph for each document.

The files of the buckets are sorted, and no line is in two of them, so they are merged: one line of each is in memory. Where claims
are left out, each bucket is written again without them, by the function that wrote it first (`kg.nquads`). Concepts are all there
in either case.

Cost: merging 64 files, 1.2 million quads a second on one core. Rejected: sorting again in DuckDB (twice the time).

Format: https://www.w3.org/TR/n-quads/.
"""

from __future__ import annotations

import heapq
import re
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Final

from kg.concepts import ConceptsByBucket
from kg.export.base import Evidence
from kg.export.graph import Graph
from kg.export.text import open_output, sum_of_matches
from kg.nquads import write_nquads
from pipeline.curies import expand

__all__ = ["NQuads", "merge_buckets"]


def _pattern(curie: str, value: bytes = b"") -> bytes:
    """A quote inside a literal has a backslash before it, so this matches between predicate and object only."""
    return b" <" + re.escape(expand(curie).encode()) + b'> "' + value


#: What a graph in N-Quads says of its own size.
_COUNTS: Final = {
    "claims": _pattern("materia:support"),
    "for": _pattern("materia:supporting_evidence", rb'(\d+)"'),
    "against": _pattern("materia:contradicting_evidence", rb'(\d+)"'),
    "rows": _pattern("materia:probability"),
}


class NQuads:
    """Exporter of N-Quads."""

    name = "nquads.v1"
    needs = ("triples", "evidence_by_bucket", "vocabulary", "knowledge_graph")
    single_file = True
    evidence: Evidence = "always"
    believed_only = False

    def write(self, graph: Graph, target: Path) -> dict[str, int]:
        """Merge the files of the buckets."""
        with open_output(target) as output:
            merge_buckets(graph, target, output)
        return {}

    def recount(self, target: Path) -> dict[str, int]:
        """Claims, what they count, and the evidence rows, which must be as many."""
        found = sum_of_matches(target, **_COUNTS)
        return {"claims": found["claims"], "evidence": found["for"] + found["against"], "evidence_rows": found["rows"]}


def merge_buckets(graph: Graph, target: Path, output: IO[bytes]) -> None:
    """The quads of all buckets in one order. `target` is what is being written; room is taken beside it."""
    files = _bucket_files(graph, target.parent / "buckets")
    graph.progress("merging", 0, 1)
    with ExitStack() as opened:
        output.writelines(heapq.merge(*(opened.enter_context(file.open("rb")) for file in files)))


def _bucket_files(graph: Graph, folder: Path) -> list[Path]:
    """N-Quads of the wanted claims, one sorted file a bucket: those of the home, or where claims are left out, new ones."""
    buckets = graph.paths["knowledge_graph"]
    if not graph.selection.filters:
        return [Path(path) for paths in buckets.values() for path in paths]
    folder.mkdir()
    files, connection = [], graph.connection
    concepts = ConceptsByBucket(connection, graph.paths["vocabulary"]["all"], len(buckets))
    for number, key in enumerate(buckets):
        graph.progress("buckets", number, len(buckets))
        triples = graph.connection.sql(f"SELECT * FROM {graph.claims_of(key)} ORDER BY triple_id").to_arrow_table()  # noqa: S608
        evidence = graph.paths["evidence_by_bucket"][key]
        write_nquads(folder / f"{key}.nq", triples, evidence, concepts(number), connection=connection)
        files.append(folder / f"{key}.nq")
    return files
