"""Rows a second and memory of the loaders of Rich Release Format, on generated files of the shape of a UMLS release.

    python benchmarks/rrf.py --rows 2000000

Prints a table: file, loader, rows, seconds of one core, rows a second, peak memory. Files are made from a fixed seed: 4.4
names a concept, three in ten in other languages, one in ten suppressed; one relationship in two a hierarchy.
"""

from __future__ import annotations

import argparse
import random
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from pipeline.vocabularies import recognise

WORDS = [
    "disease",
    "syndrome",
    "acute",
    "chronic",
    "kinase",
    "receptor",
    "of",
    "the",
    "left",
    "structure",
    "phosphate",
    "tablet",
    "neoplasm",
]
LANGUAGES = ["ENG"] * 7 + ["SPA", "JPN", "CZE"]
SOURCES = ["MSH", "SNOMEDCT_US", "NCI", "MDR", "LNC", "RXNORM", "CHV", "ICD10CM"]
HIERARCHY = [("PAR", ""), ("CHD", ""), ("PAR", "inverse_isa"), ("CHD", "isa")]
OTHER = [("RO", "has_ingredient"), ("SY", ""), ("SIB", ""), ("RQ", "mapped_to")]


def names(rows: int, rng: random.Random) -> Iterator[str]:
    row = cui = 0
    while row < rows:
        cui += 1
        name = f"{' '.join(rng.choices(WORDS, k=rng.randint(1, 6)))} {cui}"
        for place in range(min(rng.choice((1, 1, 2, 3, 4, 6, 8, 10)), rows - row)):
            language, code = rng.choice(LANGUAGES), rng.choice((f"D{cui % 999999:06d}", str(cui), f"C{cui}"))
            text = f"疾患症候群{cui}" if language == "JPN" else name + rng.choice(("", " NOS", ", left", " síndrome"))
            yield (
                f"C{cui:07d}|{language}|{'S' if place else 'P'}|L{cui:07d}|PF|S{row:07d}|{'N' if place else 'Y'}|A{row:08d}||"
                f"M{cui:07d}|D{cui:06d}|{rng.choice(SOURCES)}|PT|{code}|{text}|0|{'O' if rng.random() < 0.1 else 'N'}||\n"
            )
            row += 1


def relations(rows: int, rng: random.Random) -> Iterator[str]:
    for row in range(rows):
        rel, rela = rng.choice(HIERARCHY + OTHER)
        other = rng.randint(1, max(1, rows // 5))
        yield f"C{row // 6 + 1:07d}|A{row:08d}|AUI|{rel}|C{other:07d}|A{row:08d}|AUI|{rela}|R{row:08d}||MSH|MSH|||N||\n"


def types(rows: int, rng: random.Random) -> Iterator[str]:
    for row in range(rows):
        yield f"C{row * 2 // 3:07d}|T{rng.randint(1, 204):03d}|B2.2.1.2.1|Disease or Syndrome|AT{row:08d}|256|\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000)
    rows = parser.parse_args().rows
    print("| file | loader | rows | seconds | rows a second | peak MiB |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name, make in (("MRCONSO.RRF", names), ("MRREL.RRF", relations), ("MRSTY.RRF", types)):
            path = Path(folder) / name
            with path.open("w", encoding="utf-8") as out:
                out.writelines(make(rows, random.Random(1)))
            with path.open("rb") as stream:
                loader = recognise(stream.peek(65_536), name)
                assert loader is not None
                start = time.process_time()
                for _ in loader.load(stream, name, lambda record: None):
                    pass
                seconds = time.process_time() - start
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
            print(f"| {name} | {loader.name} | {rows:,} | {seconds:.1f} | {rows / seconds:,.0f} | {peak} |")


if __name__ == "__main__":
    main()
