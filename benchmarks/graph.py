"""Writing the graph, loading it, bringing it up to date, and asking it: processor seconds, wall seconds and peak memory.

python benchmarks/graph.py                  # 2 million quads; each step in a process of its own
python benchmarks/graph.py --quads 500000
python benchmarks/graph.py --home HOME      # instead: the questions of docs/graph.md, asked of the graph of a home

The graph is drawn by hash: three sentences a document, 3,000 drugs, 2,000 diseases, and 16 buckets, or as many as --buckets says.
A changed document says something else in all its sentences; one per cent of the documents is about one per cent of the
quads, taken out and put in.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from kg.config import FusionConfig, SplitConfig
from kg.fusion import fuse
from kg.graph_store import open_store
from kg.graph_update import update_store
from kg.nquads import write_nquads
from pipeline.duck import connect
from pipeline.tables import EVIDENCE, VOCABULARY

QUADS_A_SENTENCE = 26
PAGE = Path(__file__).parents[1] / "docs" / "graph.md"
#: The questions of the page: title and SPARQL.
QUESTION = re.compile(r"^### (\d+\. [^\n]+)\n.*?^```sparql\n(.*?)^```$", re.MULTILINE | re.DOTALL)

_EVIDENCE = """
    WITH numbered AS (SELECT i, hash(i, 'document') % ({rows} // 3 + 1) AS d FROM range({rows}) t(i)),
    salted AS (SELECT *, CASE WHEN hash(d, 'changed') % 1000 < {changed} * 1000 THEN 'new' ELSE '' END AS salt FROM numbered),
    drawn AS (
        SELECT *, 10000 + hash(i, 's', salt) % 3000 AS s, hash(i, salt) AS h,
               20000 + CAST(power(hash(i, 'o', salt) % 100000 / 100000.0, 2) * 2000 AS BIGINT) AS o
        FROM salted
    )
    SELECT sha256(concat(i, salt)) AS evidence_id, 'PMID:' || (d + 1000000) AS doc_id, 1 AS version,
           sha256(d::VARCHAR) AS text_hash, 0 AS sentence_start, 100 AS sentence_end,
           concat('In this randomized study of ', h % 1000, ' patients, drug ', s, ' reduced the risk of disease ', o,
                  ' "significantly" (p < 0.05).') AS sentence,
           'ABSTRACT' AS section, 'MESH:D0' || s AS subject, 'biolink:SmallMolecule' AS subject_category,
           0 AS subject_start, 9 AS subject_end,
           ['biolink:treats', 'biolink:causes', 'biolink:affects', 'biolink:associated_with'][(h % 4 + 1)::BIGINT] AS predicate,
           'MESH:D0' || o AS object, 'biolink:Disease' AS object_category, 17 AS object_start, 32 AS object_end,
           'reduced' AS "trigger", NULL AS direction, h % 20 > 0 AS polarity, 1.0 AS certainty, false AS hypothetical,
           'trigger.v1' AS extractor, 0.6 + (h % 30) / 100.0 AS probability, false AS retracted
    FROM drawn WHERE hash(s) % {buckets} = {bucket} ORDER BY evidence_id
"""


def draw(folder: Path, quads: int, buckets: int) -> None:
    """Evidence of two states of a graph, a file a bucket: as it was, and after one per cent of the documents changed."""
    for name, changed in (("old", 0), ("new", 0.01)):
        (folder / name).mkdir()
        with connect() as connection:
            for bucket in range(buckets):
                sql = _EVIDENCE.format(rows=quads // QUADS_A_SENTENCE, changed=changed, buckets=buckets, bucket=bucket)
                pq.write_table(
                    connection.sql(sql).to_arrow_table().cast(EVIDENCE), folder / name / f"{bucket:02}.parquet"
                )


def write(folder: Path, name: str) -> dict[str, Any]:
    """Claims fused beforehand, then the N-Quads of all buckets."""
    evidence = sorted((folder / name).glob("*.parquet"))
    claims = [fuse([str(path)], FusionConfig(), SplitConfig()) for path in evidence]
    none = VOCABULARY.empty_table()

    def run() -> int:
        with connect() as connection:
            return sum(
                write_nquads(path.with_suffix(".nq"), table, [str(path)], none, connection=connection)
                for path, table in zip(evidence, claims, strict=True)
            )

    return timed(run)


def write_rdflib(folder: Path, name: str) -> dict[str, Any]:
    """Rdflib's own way, Dataset.addN and serialize, with the same quads as terms in memory beforehand."""
    import pyoxigraph
    from rdflib import BNode, Dataset, Literal, URIRef

    def term(node: Any) -> Any:
        if isinstance(node, pyoxigraph.NamedNode):
            return URIRef(node.value)
        if isinstance(node, pyoxigraph.Literal):
            return Literal(
                node.value, lang=node.language, datatype=None if node.language else URIRef(node.datatype.value)
            )
        return BNode(node.value)

    dataset = Dataset()
    default = dataset.default_graph
    quads = []
    for path in sorted((folder / name).glob("*.nq")):
        for quad in pyoxigraph.parse(path=str(path)):
            named = isinstance(quad.graph_name, pyoxigraph.NamedNode)
            graph = dataset.graph(URIRef(quad.graph_name.value)) if named else default
            quads.append((term(quad.subject), term(quad.predicate), term(quad.object), graph))

    def run() -> int:
        dataset.addN(quads)
        dataset.serialize(str(folder / "rdflib.nq"), format="nquads")
        return len(quads)

    return timed(run)


def update(folder: Path, name: str) -> dict[str, Any]:
    """Bring the store to a state of the graph; the first time it is loaded whole."""
    done = None

    def run() -> int:
        nonlocal done
        done = update_store(sorted((folder / name).glob("*.nq")), folder / "store")
        return done.quads

    figures = timed(run)
    assert done is not None
    return figures | {"removed": done.removed, "added": done.added, "whole": done.whole}


def ask(home: Path) -> None:
    """Times of the questions of the page, the store opened once, through rdflib: the best of five, in milliseconds."""
    dataset = open_store(home / "graph_index" / "store")
    for title, sparql in QUESTION.findall(PAGE.read_text(encoding="utf-8")):
        spent = []
        for _ in range(5):
            processor, wall = time.process_time(), time.perf_counter()
            rows = len(list(dataset.query(sparql)))
            spent.append((time.perf_counter() - wall, time.process_time() - processor))
        wall, processor = (1000 * min(column) for column in zip(*spent, strict=True))
        print(f"{wall:7.1f} ms wall {processor:7.1f} ms processor {rows:6} rows  {title}")


def timed(run: Callable[[], int]) -> dict[str, Any]:
    processor, wall = time.process_time(), time.perf_counter()
    quads = run()
    return {
        "quads": quads,
        "processor_s": round(time.process_time() - processor, 3),
        "wall_s": round(time.perf_counter() - wall, 3),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
    }


STEPS: dict[str, Callable[[Path, str], dict[str, Any]]] = {"write": write, "rdflib": write_rdflib, "update": update}


def measure(step: str, name: str, folder: Path) -> dict[str, Any]:
    """A step in a process of its own, so that its memory is its own."""
    command = [sys.executable, __file__, "--step", step, name, str(folder)]
    figures: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    print(f"{step} {name}: {json.dumps(figures)}", flush=True)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quads", type=int, default=2_000_000)
    parser.add_argument("--buckets", type=int, default=16)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--step", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        step, name, folder = options.step
        print(json.dumps(STEPS[step](Path(folder), name)))
        return
    if options.home:
        ask(options.home)
        return
    folder = Path(tempfile.mkdtemp(prefix="materia-graph."))
    try:
        draw(folder, options.quads, options.buckets)
        ours, theirs = measure("write", "old", folder), measure("rdflib", "old", folder)
        speeds = [figures["quads"] / figures["processor_s"] for figures in (ours, theirs)]
        print(
            f"writing: {speeds[0]:,.0f} quads a processor second, rdflib {speeds[1]:,.0f}: {speeds[0] / speeds[1]:.1f} times"
        )
        measure("write", "new", folder)
        whole = measure("update", "old", folder)
        for name in ("new", "old", "new"):
            after = measure("update", name, folder)
            shares = [after[clock] / whole[clock] for clock in ("processor_s", "wall_s")]
            print(f"update: {shares[0]:.2%} of the whole load's processor time, {shares[1]:.2%} of its wall time")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
