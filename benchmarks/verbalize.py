"""How fast the graph is told: passages a second and memory, on a home's own triples.

    python benchmarks/verbalize.py build/home
    python benchmarks/verbalize.py build/home --copies 60 --processes 2 --forms fact paragraph

The home's triples are repeated under other ids, so that each copy is worded and grouped anew. A copy is a bucket, told as the
stage does it: read from Parquet, written as Parquet. Processes take the buckets one after another. Printed as JSON: passages, seconds
by wall and by processor, passages a second by both, and the peak memory of the largest process after its first bucket and
after its last, which shows whether it grows.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import resource
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from assets.extraction import name_index_folder
from assets.home import Home, open_home
from kg.concepts import ambiguous_names, concepts_named
from kg.config import CorpusConfig, SplitConfig
from kg.name_reading import name_reader
from kg.verbalize import verbalize


class Told(NamedTuple):
    """What a process did: passages, processor seconds, clock at first and last, peak memory in MiB after one bucket and after all."""

    passages: int
    seconds: float
    begun: float
    ended: float
    first_peak: float
    last_peak: float


def main() -> None:
    """Make the copies, tell them, print the figures."""
    parser = argparse.ArgumentParser(
        description="Passages told a second, on a home's triples repeated under other ids."
    )
    parser.add_argument("home")
    parser.add_argument(
        "--copies", type=int, default=60, help="60 copies of 6,232 triples are about a million passages"
    )
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--forms", nargs="+", help="forms of passages; all where not given")
    options = parser.parse_args()
    home = open_home(options.home)
    config = home.config.corpus
    if options.forms:
        config = config.model_copy(update={"forms": tuple(options.forms)})
    with TemporaryDirectory(prefix="materia-benchmark.") as name:
        folder = Path(name)
        write_copies(home, folder, options.copies)
        names = name_index_folder(home)
        shares = [range(first, options.copies, options.processes) for first in range(options.processes)]
        # Each process starts afresh: a forked one would count the memory of this one as its own.
        with ProcessPoolExecutor(options.processes, mp_context=get_context("spawn")) as pool:
            jobs = [pool.submit(tell, folder, names, share, config, home.config.splits) for share in shares]
            told = [job.result() for job in jobs]
        # From the first bucket on: a process starts and opens the index of names once, however much it tells.
        wall = max(t.ended for t in told) - min(t.begun for t in told)
    passages, seconds = sum(t.passages for t in told), sum(t.seconds for t in told)
    figures = {
        "passages": passages,
        "processes": options.processes,
        "wall seconds": round(wall, 1),
        "processor seconds": round(seconds, 1),
        "passages a second by wall": round(passages / wall),
        "passages a second of two processors": round(2 * passages / seconds),
        "peak MiB after the first bucket": round(max(t.first_peak for t in told)),
        "peak MiB after the last bucket": round(max(t.last_peak for t in told)),
    }
    print(json.dumps(figures, indent=1))


def write_copies(home: Home, folder: Path, copies: int) -> None:
    """The home's triples, context and concepts; triples and context once a copy, under other ids."""
    triples, context = (
        pa.concat_tables([home.dataset(asset).read(key) for key in home.buckets]).combine_chunks()
        for asset in ("triples", "triple_context")
    )
    vocabulary = home.dataset("vocabulary").paths()
    concepts = concepts_named(vocabulary, triples["subject"].to_pylist() + triples["object"].to_pylist())
    pq.write_table(concepts, folder / "concepts.parquet")
    (folder / "ambiguous.json").write_text(json.dumps(sorted(ambiguous_names(vocabulary))))
    for copy in range(copies):
        for name, table in (("triples", triples), ("context", context)):
            ids = pa.array([_other(copy, triple_id) for triple_id in table["triple_id"].to_pylist()])
            pq.write_table(
                table.set_column(table.schema.get_field_index("triple_id"), "triple_id", ids),
                folder / f"{name}-{copy}.parquet",
            )


def _other(copy: int, triple_id: str) -> str:
    return hashlib.sha256(f"{copy}/{triple_id}".encode()).hexdigest()


def tell(folder: Path, names: str, copies: Sequence[int], config: CorpusConfig, splits: SplitConfig) -> Told:
    """Tell some copies, one after another, and write each."""
    ambiguous = frozenset(json.loads((folder / "ambiguous.json").read_text()))
    read = name_reader(names)
    begun, started, passages, first_peak = time.perf_counter(), time.process_time(), 0, 0.0
    for copy in copies:
        table = verbalize(
            pq.read_table(folder / f"triples-{copy}.parquet"),
            pq.read_table(folder / "concepts.parquet"),
            config,
            ambiguous=ambiguous,
            context=pq.read_table(folder / f"context-{copy}.parquet"),
            splits=splits,
            read=read,
        )
        pq.write_table(table, folder / f"passages-{copy}.parquet", compression="zstd")
        passages += table.num_rows
        first_peak = first_peak or _peak()
    return Told(passages, time.process_time() - started, begun, time.perf_counter(), first_peak, _peak())


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
