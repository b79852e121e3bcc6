"""Edges a second and peak memory of graph files read as evidence: Hetionet's SIF and KGX in its three forms, generated.

python benchmarks/graph_evidence.py [edges]      # 1,000,000 where not given; each form in a process of its own
"""

from __future__ import annotations

import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from pipeline.graphs.evidence import graph_evidence, read_categories
from pipeline.graphs.files import open_graphs
from pipeline.graphs.mapping import GraphMapping
from pipeline.inventory import list_files
from pipeline.storage import Dataset
from pipeline.tables import EVIDENCE

FORMS = ("edges.sif", "edges.tsv", "edges.jsonl", "edges.json")
METAEDGES = {"CtD": "CD", "CbG": "CG", "DaG": "DG", "AeG": "AG", "GiG": "GG", "CcSE": "CS"}
PREDICATES = ("treats", "affects", "interacts_with", "gene_associated_with_condition")


def write(path: Path, edges: int) -> None:
    """A file with as many edges, as varied as Hetionet's."""
    draw = random.Random(1)
    kinds = {
        "A": lambda: f"Anatomy::UBERON:{draw.randrange(400):07d}",
        "C": lambda: f"Compound::DB{draw.randrange(1500):05d}",
        "D": lambda: f"Disease::DOID:{draw.randrange(137)}",
        "G": lambda: f"Gene::{draw.randrange(21_000)}",
        "S": lambda: f"Side Effect::C{draw.randrange(5_700):07d}",
    }
    columns = ("subject", "predicate", "object", "knowledge_level", "publications")
    with path.open("w") as target:
        target.write({".sif": "source\tmetaedge\ttarget\n", ".tsv": "\t".join(columns) + "\n"}.get(path.suffix, ""))
        target.write('{"nodes": [], "edges": [\n' if path.suffix == ".json" else "")
        for number in range(edges):
            if path.suffix == ".sif":
                metaedge = draw.choice(list(METAEDGES))
                source, end = METAEDGES[metaedge]
                target.write(f"{kinds[source]()}\t{metaedge}\t{kinds[end]()}\n")
                continue
            ends = f"NCBIGene:{draw.randrange(21_000)}", f"MONDO:{draw.randrange(20_000):07d}"
            paper = f"PMID:{draw.randrange(1, 30_000_000)}"
            row = (ends[0], f"biolink:{draw.choice(PREDICATES)}", ends[1], "knowledge_assertion", paper)
            if path.suffix == ".tsv":
                target.write("\t".join(row) + "\n")
            else:
                last = "" if path.suffix == ".jsonl" or number == edges - 1 else ","
                target.write(json.dumps(dict(zip(columns, row, strict=True)) | {"publications": [paper]}) + last + "\n")
        target.write("]}\n" if path.suffix == ".json" else "")


def measure(form: str, edges: int) -> None:
    """Write a file, read it into a Parquet table, print what that took."""
    aside: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / form
        write(path, edges)
        wall, cpu = time.perf_counter(), time.process_time()
        graphs = open_graphs(list_files([str(path)]), print)
        categories = read_categories([], graphs, print)
        with Dataset(folder, "graph_evidence").writer() as writer:
            sink = writer.table("graph_evidence.parquet", EVIDENCE)
            for rows in graph_evidence(
                graphs[0], GraphMapping(), categories, lambda record: aside.update([record.reason])
            ):
                sink.write(rows)
            writer.commit(skip_key="", code_version="", inputs={})
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"{form:<12}{edges:>10,} edges {sink.rows:>10,} rows {dict(aside)} {wall:6.1f} s ({cpu:.1f} s CPU)"
            f" {edges / cpu:>8,.0f} edges/s of CPU  peak {peak:,.0f} MiB",
            flush=True,
        )


if __name__ == "__main__":
    if len(sys.argv) > 2:
        measure(sys.argv[2], int(sys.argv[1]))
    else:
        for name in FORMS:
            subprocess.run([sys.executable, __file__, *(sys.argv[1:] or ["1000000"]), name], check=True)
