"""How long a vocabulary of many names takes to load, and how much memory: a row for each size and format.

Usage: python benchmarks/vocabulary.py [--names N ...] [--format tsv obo]

The vocabulary is made: two concepts of five names, with a parent, a definition and cross-references. One concept in ten is
of a second vocabulary and merges with the one before it. Each load runs in a process of its own, as a build does it: the file's tables
are written and joined, and the result is streamed to a Parquet file. Beside it, the same again with the file unchanged.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from pipeline.storage import Dataset, TableSink
from pipeline.tables import VOCABULARY, VOCABULARY_MERGES
from pipeline.vocabularies import list_vocabularies
from pipeline.vocabularies.categories import load_rules
from pipeline.vocabularies.join import joined
from pipeline.vocabularies.source_tables import read_sources

NAMES_OF_TWO = 5  # a preferred name each, and three synonyms


def curie(number: int) -> str:
    """The identifier of a concept; every tenth is of the second vocabulary."""
    return f"{'MONDO' if number % 10 == 9 else 'DOID'}:{number:08d}"


def concepts(names: int) -> Iterator[tuple[str, str, list[str], str, list[str], str]]:
    """Identifier, name, synonyms, parent, cross-references and definition of each concept."""
    for number in range(2 * names // NAMES_OF_TWO):
        synonyms = [f"morbus {number}", f"syndrome {number} type {number % 7}"][: 1 + number % 2]
        same = [curie(number - 1)] if number % 10 == 9 else []
        parent = curie(number // 9) if number else ""
        definition = f"A disorder of tissue {number % 97} that is known to occur in form {number}."
        name = f"disorder {number * 7919 % 1_000_003} of tissue {number % 97}"
        yield curie(number), name, synonyms, parent, [f"UMLS:C{number:07d}", *same], definition


def write_tsv(path: Path, names: int) -> None:
    with path.open("w", encoding="utf-8") as out:
        out.write("curie\tname\tsynonyms\tparents\txrefs\tdefinition\n")
        for one, name, synonyms, parent, xrefs, definition in concepts(names):
            out.write(f"{one}\t{name}\t{'|'.join(synonyms)}\t{parent}\t{'|'.join(xrefs)}\t{definition}\n")


def write_obo(path: Path, names: int) -> None:
    with path.open("w", encoding="utf-8") as out:
        out.write("format-version: 1.2\n")
        for one, name, synonyms, parent, xrefs, definition in concepts(names):
            out.write(f'\n[Term]\nid: {one}\nname: {name}\ndef: "{definition}" []\n')
            out.writelines(f'synonym: "{synonym}" EXACT []\n' for synonym in synonyms)
            out.writelines(f"xref: {xref}\n" for xref in xrefs)
            if parent:
                out.write(f"is_a: {parent}\n")


WRITERS = {"tsv": write_tsv, "obo": write_obo}


def load(path: str, folder: Path) -> dict[str, float]:
    """One load in this process: what came out, seconds, and this process's peak memory."""
    start = time.perf_counter()
    sources = read_sources(list_vocabularies([path]), Dataset(folder, "vocabulary_sources"), lambda _: None)
    read = time.perf_counter() - start
    sink, log = TableSink(folder / "vocabulary.parquet", VOCABULARY), TableSink(folder / "merges", VOCABULARY_MERGES)
    names = merged = 0
    with joined(sources, lambda _: None, rules=load_rules()) as vocabulary:
        for rows in vocabulary.concepts:
            names += rows.num_rows + len(rows["synonyms"].flatten())
            sink.write(rows)
        for rows in vocabulary.merges:
            log.write(rows)
            merged += rows.num_rows - rows["merged_into"].null_count
    sink.close()
    log.close()
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"names": names, "rows": sink.rows, "merged": merged, "read": read, "seconds": seconds, "peak": peak}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--names", type=int, nargs="+", default=[100_000, 5_000_000])
    parser.add_argument("--format", choices=sorted(WRITERS), nargs="+", default=["tsv", "obo"])
    parser.add_argument("--load", nargs=2, metavar=("FILE", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.load:
        print(json.dumps(load(options.load[0], Path(options.load[1]))))
        return
    table = Table("names", "format", "rows", "merged", "read, s", "in all, s", "peak MiB", "unchanged, s")
    for names in options.names:
        for form in options.format:
            with tempfile.TemporaryDirectory(prefix="materia-benchmark.") as folder:
                path = Path(folder) / f"names.{form}"
                WRITERS[form](path, names)
                first, again = (
                    json.loads(subprocess.check_output([sys.executable, __file__, "--load", str(path), folder]))
                    for _ in range(2)
                )
            figures = [f"{first[key]:,}" for key in ("rows", "merged")]
            figures += [f"{first[key]:.1f}" for key in ("read", "seconds")]
            table.add_row(f"{first['names']:,}", form, *figures, f"{first['peak']:,.0f}", f"{again['read']:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
