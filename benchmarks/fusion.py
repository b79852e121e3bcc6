"""Rows a second and peak memory of fusion, beside Polars and a loop in Python; and that beliefs are the same bits however they are made.

python benchmarks/fusion.py [rows]      # 1,000,000 where not given; each measurement in a process of its own
pip install polars                      # to see it beside

Evidence is generated: claims of Zipf's law (a few are made thousands of times), papers that say a thing several times, four
extractors that often read the same paper, denials, hedges, directions, retractions. It is written in 64 buckets, as the shuffle
would. `shuffled` fuses the same rows in another order and on one thread; `one bucket` has all of it in one call, with 100,000
rows on one claim. Polars and Python compute the two pools only: no ids, no opposed predicates, no directions.
"""

from __future__ import annotations

import hashlib
import math
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from kg.config import FusionConfig, SplitConfig
from kg.fusion import fuse_by_bucket
from kg.tables import TRIPLES
from pipeline.duck import connect, stream
from pipeline.hashing import BUCKET_SQL
from pipeline.storage import TableSink
from pipeline.tables import EVIDENCE

BUCKETS = 64
#: Whole numbers that look random, from a row's number: the same rows on every machine.
DRAW = "(hash(i * 16 + {}) % 1000003)::BIGINT"

#: Rows from the numbers 0 to n. The claim's number is exp(uniform), which is Zipf's law.
ROWS = f"""
    WITH numbered AS (
        SELECT i, least(floor(exp(ln({{rows}} / 3) * {DRAW.format(1)} / 1000003)), {{rows}} / 3)::BIGINT AS claim,
               (floor(pow({DRAW.format(2)} / 1000003, 2) * {{rows}} / 4) + 1)::BIGINT AS paper FROM range({{rows}}) r(i)
    )
    SELECT sha256('evidence' || i) AS evidence_id, 'PMID:' || paper AS doc_id, 1::INTEGER AS version,
           sha256('PMID:' || paper) AS text_hash, 0::INTEGER AS sentence_start, 80::INTEGER AS sentence_end,
           'In paper ' || paper || ', sentence ' || i || ' says what claim ' || claim || ' is about.' AS sentence,
           'ABSTRACT' AS section, 'MESH:D' || hash(claim) % ({{rows}} // 20 + 1) AS subject,
           'biolink:ChemicalEntity' AS subject_category, 0::INTEGER AS subject_start, 9::INTEGER AS subject_end,
           ['biolink:treats', 'biolink:affects', 'biolink:causes', 'biolink:contraindicated_in'][(hash(claim, 1) % 4 + 1)::BIGINT]
               AS predicate,
           'MONDO:' || hash(claim, 2) % ({{rows}} // 20 + 1) AS object, 'biolink:Disease' AS object_category,
           20::INTEGER AS object_start, 30::INTEGER AS object_end, 'says' AS "trigger",
           CASE WHEN hash(claim, 1) % 4 = 1 THEN [NULL, 'increased', 'decreased'][{DRAW.format(3)} % 3 + 1] END AS direction,
           {DRAW.format(4)} % 10 > 0 AS polarity, [1.0, 1.0, 0.7, 0.3][{DRAW.format(5)} % 4 + 1]::DOUBLE AS certainty,
           false AS hypothetical,
           ['trigger.v2', 'materia_relations.v1', 'cooccurrence.v1', 'kgx_edges.v1'][{DRAW.format(6)} % 4 + 1] AS extractor,
           0.05 + 0.9 * {DRAW.format(7)} / 1000003 AS probability, hash(paper, 3) % 200 = 0 AS retracted
    FROM numbered
"""
#: Ways that must give the same bits.
FUSED = ("2 threads", "1 thread", "shuffled")
HOT = "SELECT * REPLACE ('MESH:D0' AS subject, 'biolink:treats' AS predicate, 'MONDO:0' AS object) FROM ({})"


def write(folder: Path, rows: int) -> None:
    """Evidence in buckets, sorted as the shuffle sorts it."""
    sql = f"SELECT {BUCKET_SQL.format('subject', BUCKETS)}::INTEGER AS bucket, * FROM ({ROWS.format(rows=rows)})"
    with connect(memory_limit="2GB") as connection, ExitStack() as sinks:
        sink: dict[int, TableSink] = {}
        for batch in stream(connection, f"{sql} ORDER BY bucket, evidence_id", 65536):
            buckets = batch["bucket"].to_numpy()
            for bucket in np.unique(buckets).tolist():
                if bucket not in sink:
                    sink[bucket] = TableSink(folder / f"{bucket:02}.parquet", EVIDENCE)
                    sinks.callback(sink[bucket].close)
                start, end = np.searchsorted(buckets, [bucket, bucket + 1]).tolist()
                sink[bucket].write(batch.slice(start, end - start).select(EVIDENCE.names).cast(EVIDENCE))


def write_shuffled(folder: Path, source: Path) -> None:
    """The same rows of each bucket, in another order and in two files."""
    for path in sorted(source.glob("*.parquet")):
        table = pq.read_table(path)
        table = table.take(pa.array(np.random.default_rng(1).permutation(table.num_rows)))
        half = table.num_rows // 2
        pq.write_table(table.slice(0, half), folder / f"{path.stem}-a.parquet", row_group_size=5000)
        pq.write_table(table.slice(half), folder / f"{path.stem}-b.parquet")


def write_hot(folder: Path, source: Path) -> None:
    """All rows and 100,000 more on one claim, as one bucket."""
    with connect(memory_limit="1GB") as connection:
        hot = HOT.format(ROWS.format(rows=100_000).replace("'evidence'", "'hot'").replace("'PMID:' ||", "'PMID:9' ||"))
        connection.execute(f"COPY ({hot}) TO '{folder}/hot.parquet' (FORMAT parquet)")
    for path in source.glob("*.parquet"):
        (folder / path.name).hardlink_to(path)


def fused(buckets: list[list[str]], threads: int | None) -> str:
    """Fuse each bucket and write its triples, as the stage does; gives a hash of all of them."""
    digest, rows = hashlib.sha256(), 0
    with connect(threads=threads) as connection, tempfile.TemporaryDirectory() as folder:
        for number, paths in enumerate(buckets):
            sink = TableSink(Path(folder) / f"{number}.parquet", TRIPLES)
            for _, batch in fuse_by_bucket(connection, paths, FusionConfig(), SplitConfig(), 1):
                sink.write(batch)
                rows += batch.num_rows
            sink.close()
            digest.update((Path(folder) / f"{number}.parquet").read_bytes())
    return f"{rows:,} triples {digest.hexdigest()[:12]}"


def polars(buckets: list[list[str]]) -> str:
    """The two pools in Polars, streaming."""
    import polars as pl

    s, triples = 0.05, 0
    for paths in buckets:
        p = (pl.col("probability") * pl.col("certainty")).clip(1e-6, 1 - 1e-6)
        claim = ["subject", "predicate", "object"]
        unit = 2.0**40
        product = (1 - s) * (-pl.col("nats") / unit).exp() + s
        triples += (
            pl.scan_parquet(paths)
            .filter(~pl.col("retracted"))
            .group_by(*claim, "polarity", "doc_id")
            .agg(p.max().alias("p"), pl.col("extractor").sort_by(p).last())
            .group_by(*claim, "polarity", "extractor")
            .agg(((-(1 - pl.col("p")).log()) * unit).round().cast(pl.Int64).sum().alias("nats"))
            .group_by(*claim, "polarity")
            .agg((-product.log() * unit).round().cast(pl.Int64).sum().alias("nats"))
            .group_by(claim)
            .agg((1 - (-pl.col("nats").filter(pl.col("polarity")).sum() / unit).exp()).round(6).alias("support"))
            .collect(engine="streaming")
            .height
        )
    return f"{triples:,} triples"


def loop(buckets: list[list[str]]) -> str:
    """The two pools in a loop over rows: the floor."""
    s, triples = 0.05, 0
    for paths in buckets:
        best: dict[Any, tuple[float, str]] = {}
        columns = [
            "subject",
            "predicate",
            "object",
            "polarity",
            "doc_id",
            "extractor",
            "probability",
            "certainty",
            "retracted",
        ]
        for row in pq.read_table(paths[0], columns=columns).to_pylist():
            if row["retracted"]:
                continue
            key = row["subject"], row["predicate"], row["object"], row["polarity"], row["doc_id"]
            best[key] = max(best.get(key, (0.0, "")), (row["probability"] * row["certainty"], row["extractor"]))
        sources: dict[Any, float] = defaultdict(float)
        for (*claim, _), (p, extractor) in sorted(best.items()):
            sources[(*claim, extractor)] += math.log(1 - p)
        pools: dict[Any, float] = defaultdict(float)
        for (*pool, _), nats in sources.items():
            pools[tuple(pool)] += math.log(s + (1 - s) * math.exp(nats))
        triples += len({pool[:3] for pool in pools})
    return f"{triples:,} triples"


def measure(name: str, folder: Path) -> None:
    """Run one of them, print what it took."""
    paths = sorted(map(str, folder.glob("*.parquet")))
    names = sorted({Path(path).name[:2] for path in paths})
    buckets = [[path for path in paths if Path(path).name.startswith(name)] for name in names]
    work: Callable[[], str] = {
        "2 threads": lambda: fused(buckets, 2),
        "1 thread": lambda: fused(buckets, 1),
        "shuffled": lambda: fused(buckets, 1),
        "one bucket": lambda: fused([paths], 2),
        "Polars": lambda: polars(buckets),
        "Polars, one": lambda: polars([paths]),
        "Python": lambda: loop(buckets),
    }[name]
    rows = sum(pq.read_metadata(path).num_rows for path in paths)
    wall, cpu = time.perf_counter(), time.process_time()
    found = work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{name:<12}{rows:>12,} rows {wall:7.1f} s ({cpu:.1f} s CPU) {rows / wall:>10,.0f} rows/s  peak {peak:,.0f} MiB  {found}",
        flush=True,
    )


def write_all(top: Path, rows: int) -> None:
    """The evidence in its three forms."""
    for name in ("buckets", "shuffled", "hot"):
        (top / name).mkdir()
    write(top / "buckets", rows)
    write_shuffled(top / "shuffled", top / "buckets")
    write_hot(top / "hot", top / "buckets")


def main(rows: int) -> None:
    """Write the evidence, measure each way in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="materia-benchmark.") as top:
        # A process of its own too: Linux counts the peak of a process that starts another as the other's.
        subprocess.run([sys.executable, __file__, "write", top, str(rows)], check=True)
        ways = dict.fromkeys(("2 threads", "1 thread", "Polars", "Python"), "buckets")
        ways |= {"shuffled": "shuffled", "one bucket": "hot", "Polars, one": "hot"}
        bits = set()
        peers = ("Polars", "Polars, one") if find_spec("polars") else ()
        if not peers:
            print("Polars is not installed: pip install 'materia[benchmarks]'")
        for name in (*FUSED, "one bucket", *peers, "Python"):
            command = [sys.executable, __file__, name, str(Path(top) / ways[name])]
            line = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
            print(line, end="", flush=True)
            bits |= {line.split()[-1]} if name in FUSED else set()
        if len(bits) > 1:
            sys.exit("Beliefs depend on threads or on the order of rows.")
        print("The same bits with one thread and two, and in another order of rows.")


if __name__ == "__main__":
    if sys.argv[1:2] == ["write"]:
        write_all(Path(sys.argv[2]), int(sys.argv[3]))
    elif len(sys.argv) > 2:
        measure(sys.argv[1], Path(sys.argv[2]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
