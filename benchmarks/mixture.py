"""Seconds and peak memory of choosing among a million candidates, and of writing the shards of one bucket.

python benchmarks/mixture.py [passages]   # 1,000,000 where not given; each mixture in a process of its own

Candidates are generated: two papers' passages for each told fact, of four folders and 40 predicates in the shares of Zipf's law,
with two to five entities each. Cleaning is not measured here (`benchmarks/duplicates.py`). Figures are of processor time on one thread.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

from kg.config import MixtureConfig
from kg.corpus_shards import LAYOUT, selected_passages, taken_passages
from kg.mixture import Candidates, Changes, select_passages
from kg.tables import CORPUS_PASSAGES, SELECTION, TRIPLES
from pipeline.duck import connect
from pipeline.storage import TableSink
from pipeline.tables import EVIDENCE, LIVE_DOCUMENTS

BUCKETS = 64
MIXTURES = {
    "everything once": {},
    "graph : text 1 : 2": {"graph_to_text": 0.5},
    "a budget of a tenth": {"tokens": 6_000_000, "graph_to_text": 0.5},
    "shares and temperatures": {
        "graph_to_text": 0.5,
        "source_shares": {"*": 0.4},
        "predicate_shares": {"*": 0.1},
        "passages_per_document": 20,
        "temperature": {"predicates": 2, "entities": 2},
    },
}

#: A number in [0, 1) from a row's number: the same rows on every machine.
DRAW = "((hash(i * 16 + {}) % 1000003)::BIGINT / 1000003.0)"
#: Zipf's law over n things.
ZIPF = "least(floor(exp(ln({n}) * " + DRAW + ")), {n} - 1)::BIGINT"
WORDS = "array_to_string(list_transform(range(({n})::BIGINT), lambda x: 'word' || hash(i, x) % 50000), ' ')"
ROWS = f"""
    SELECT sha256('passage' || i) AS passage_id, CASE WHEN told THEN 'verbalized' ELSE 'literature' END AS kind, 'en' AS language,
        CASE WHEN told THEN {WORDS.format(n=f"8 + 12 * {DRAW.format(1)}")} ELSE {WORDS.format(n=f"40 + 60 * {DRAW.format(1)}")}
            END AS text,
        [{{{{'start': 0::INTEGER, 'end': 400::INTEGER}}}}] AS sentences,
        list_transform(range((2 + 4 * {DRAW.format(2)})::BIGINT), lambda x: {{{{
            'start': 0::INTEGER, 'end': 4::INTEGER, 'curie': 'MESH:D' || floor(exp(ln(50000) * (hash(i, x, 3) % 1000003) / 1000003.0)),
            'category': 'biolink:NamedThing'}}}}) AS spans,
        []::STRUCT(subject INTEGER, predicate VARCHAR, object INTEGER, source VARCHAR)[] AS relations,
        CASE WHEN told THEN ['t' || i] ELSE []::VARCHAR[] END AS triple_ids,
        CASE WHEN told THEN ['e' || i] ELSE []::VARCHAR[] END AS evidence_ids,
        ['PMID:' || i // 20] AS doc_ids, 0.5::DOUBLE AS belief, 'train' AS split
    FROM (SELECT i, i % 3 = 0 AS told FROM range({{rows}}) r(i)) WHERE i % {BUCKETS} = {{bucket}}
"""


def generate(folder: Path, rows: int) -> None:
    """Candidates in buckets, and what stands behind them."""
    connection = duckdb.connect(config={"preserve_insertion_order": True})
    for bucket in range(BUCKETS):
        connection.execute(f"COPY ({ROWS.format(rows=rows, bucket=bucket)}) TO '{folder}/passages-{bucket:02}.parquet'")
    behind = {
        "triples": (TRIPLES, {"triple_id": "'t' || i", "predicate": f"'biolink:p' || {ZIPF.format(4, n=40)}"}),
        "evidence": (
            EVIDENCE,
            {"evidence_id": "'e' || i", "doc_id": "'PMID:' || i // 20", "extractor": "'trigger.v2'"},
        ),
        "live": (
            LIVE_DOCUMENTS,
            {"doc_id": "'PMID:' || i", "file": f"'folder' || {ZIPF.format(5, n=5)} || '/file' || i // 10000 || '.xml'"},
        ),
    }
    for name, (schema, made) in behind.items():
        columns = ", ".join(f'{made.get(column, "NULL")} AS "{column}"' for column in schema.names)
        numbers = f"range({rows} // 20 + 1)" if name == "live" else f"range(0, {rows}, 3)"
        connection.execute(f"COPY (SELECT {columns} FROM {numbers} r(i)) TO '{folder}/{name}.parquet'")


def measure(folder: Path, name: str) -> None:
    """One selection, and the shards of its first bucket."""
    start = time.process_time()
    candidates = Candidates(
        {f"{bucket:02}": [f"{folder}/passages-{bucket:02}.parquet"] for bucket in range(BUCKETS)},
        {"00": [f"{folder}/evidence.parquet"]},
        *([f"{folder}/{behind}.parquet"] for behind in ("triples", "live")),
    )
    with connect(threads=1) as connection:
        changes = Changes(connection, candidates)
        selection = select_passages(connection, changes, (), MixtureConfig.model_validate(MIXTURES[name]))
        sink = TableSink(folder / "selection.parquet", SELECTION)
        rows = 0
        for bucket, batch in selection.by_bucket():
            rows += batch.num_rows
            if bucket == "00":
                sink.write(batch)
        sink.close()
        totals = selection.mixture.group_by("kind").aggregate([("tokens", "sum")]).to_pydict()
        rejected = selection.rejected()
    chosen = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    start = time.process_time()
    sink, work = TableSink(folder / "shard.parquet", CORPUS_PASSAGES, LAYOUT), folder / name.replace(" ", "")
    work.mkdir()
    for batch in selected_passages(candidates.passages["00"], taken_passages([f"{folder}/selection.parquet"]), work):
        sink.write(batch)
    sink.close()
    written = time.process_time() - start
    tokens = dict(zip(totals["kind"], totals["tokens_sum"], strict=True))
    print(
        f"{name:<24} {chosen:6.1f} s, {peak} MiB for {rows:,} candidates; a shard of {sink.rows:,} rows in {written:.2f} s;"
        f" told {tokens['verbalized']:,}, papers {tokens['literature']:,} tokens; not taken {json.dumps(rejected)}",
        flush=True,
    )


def main() -> None:
    """Generate once, then measure each mixture in a process of its own."""
    if len(sys.argv) == 4:
        measure(Path(sys.argv[2]), sys.argv[3])
        return
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder), rows)
        for name in MIXTURES:
            subprocess.run([sys.executable, __file__, "measure", folder, name], check=True)


if __name__ == "__main__":
    main()
