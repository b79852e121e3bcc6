"""Exports of a generated graph: claims a second and peak memory of each format.

    python benchmarks/export.py [--claims 1000000] [--formats kgx parquet ...] [--keep FOLDER]

Each claim has two pieces of evidence, and there are a tenth as many concepts. The formats made from the N-Quads (nquads, turtle) are
measured on real homes instead: `materia export --home HOME --format nquads`. Each format runs in a process of its own.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

from kg.tables import TRIPLES
from pipeline.storage import Dataset
from pipeline.tables import EVIDENCE, VOCABULARY

FORMATS = ("parquet", "kgx", "graphml", "neo4j", "pykeen")
BUCKETS = 64


def make_home(home: Path, claims: int) -> None:
    """Write the three tables that these formats are made from."""
    rows = f"SELECT i, sha256(i::VARCHAR) AS id FROM range($from, {claims}, {BUCKETS}) r(i)"
    triples = f"""SELECT id AS triple_id, 'MESH:C' || i % {claims // 10} AS subject, 'biolink:Drug' AS subject_category,
        'biolink:treats' AS predicate, 'DOID:' || i // 10 AS object, 'biolink:Disease' AS object_category, 0.8 AS belief, 0.8 AS support,
        0 AS contradiction, false AS contested, 2 AS supporting_evidence, 0 AS contradicting_evidence, 2 AS supporting_documents,
        0 AS contradicting_documents, [sha256(id || 'a'), sha256(id || 'b')] AS evidence_ids, ['PMID:' || i, 'PMID:1' || i] AS doc_ids,
        ['trigger.v2'] AS extractors, 'train' AS split, i FROM ({rows})"""
    given = [
        "evidence_id",
        "doc_id",
        "sentence",
        "subject",
        "object",
        "predicate",
        "polarity",
        "extractor",
        "section",
        "probability",
    ]
    nothing = ", ".join(f"NULL AS {name}" for name in EVIDENCE.names if name not in given)
    evidence = f"""SELECT *, {nothing} FROM (SELECT unnest(evidence_ids) AS evidence_id, unnest(doc_ids) AS doc_id, subject, object,
        predicate, true AS polarity, 'trigger.v2' AS extractor, 'ABSTRACT' AS section, 0.8 AS probability,
        repeat('Metformin treats type 2 diabetes. ', 4) AS sentence, i FROM ({triples}))"""
    concepts = f"""SELECT curie, 'name of ' || curie AS name, [{{'name': 'other name', 'scope': 'exact'}}] AS synonyms,
        'biolink:Disease' AS category, 'A disease.' AS definition, [] AS parents, ['UMLS:C1'] AS xrefs, ['v'] AS sources,
        [] AS translations, [] AS matches
        FROM (SELECT 'DOID:' || i AS curie FROM range({claims // 10}) r(i)) ORDER BY curie"""
    connection = duckdb.connect(config={"memory_limit": "2GB"})
    jobs = [("vocabulary", "all", VOCABULARY, concepts)]
    for number in range(BUCKETS):
        for asset, schema, sql in (("triples", TRIPLES, triples), ("evidence_by_bucket", EVIDENCE, evidence)):
            own = sql.replace("$from", str(number))
            jobs.append((asset, f"{number:02}", schema, f"SELECT * FROM ({own}) ORDER BY {schema.names[0]}"))
    for asset, key, schema, sql in jobs:
        with Dataset(home, asset).writer(key) as writer:
            sink = writer.table(f"{key}/{asset}.parquet", schema)
            for batch in connection.sql(sql).to_arrow_reader(16_384):
                sink.write(batch)
            writer.commit(skip_key="benchmark", code_version="1", inputs={})


def measure(home: Path, format_: str) -> None:
    """Export once, in this process."""
    from kg.export.base import Selection
    from kg.export.export import export_graph

    word, _, evidence = format_.partition("+")
    start, used = time.perf_counter(), time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        manifest = export_graph(home, word, Path(folder) / "out", Selection(with_evidence=bool(evidence)))
    seconds, used = time.perf_counter() - start, time.process_time() - used
    figures = {
        "claims": manifest["counts"]["claims"],
        "seconds": round(seconds, 1),
        "processor_seconds": round(used, 1),
        "claims_per_processor_second": round(manifest["counts"]["claims"] / used),
        "mib": round(sum(file["bytes"] for file in manifest["files"].values()) / 2**20),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    print(format_, json.dumps(figures), flush=True)


def main() -> None:
    """Make the graph, then export it in each format."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--claims", type=int, default=1_000_000)
    parser.add_argument("--formats", nargs="+", default=[*FORMATS, "kgx+evidence"])
    parser.add_argument("--keep", type=Path, help="folder of the generated home, kept and used again")
    parser.add_argument("--measure", nargs=2, metavar=("HOME", "FORMAT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(Path(options.measure[0]), options.measure[1])
        return
    with tempfile.TemporaryDirectory() as folder:
        home = options.keep or Path(folder) / "home"
        if not (home / "evidence_by_bucket").exists():
            make_home(home, options.claims)
        for format_ in options.formats:
            subprocess.run([sys.executable, __file__, "--measure", str(home), format_], check=True)


if __name__ == "__main__":
    main()
