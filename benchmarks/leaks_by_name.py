"""What the leak check cannot see: training sentences that name both ends of a held-out claim in words that no link was made from.

The check of the build goes by linked names. Here each sentence of each training row is searched for all names of the held-out
claims' entities as plain words. A name inside a longer linked one ("pain" in "back pain") names another thing and is left out.

    python benchmarks/leaks_by_name.py build/home
"""

from __future__ import annotations

import argparse
import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pyarrow.compute as pc

from kg.corpus import SHARDS
from pipeline.storage import Dataset

SHORTEST = 4


def held_out_pairs(home: str) -> set[tuple[str, str]]:
    """Pairs of concepts, in order, of the claims that are not in training."""
    triples = Dataset(home, "triples")
    pairs: set[tuple[str, str]] = set()
    for key in triples.manifests():
        rows = triples.read(key, columns=["subject", "object", "split"])
        held = rows.filter(pc.not_equal(rows["split"], "train"))
        pairs |= {
            (min(a, b), max(a, b)) for a, b in zip(held["subject"].to_pylist(), held["object"].to_pylist(), strict=True)
        }
    return pairs


def names_of(home: str, curies: set[str]) -> dict[str, set[str]]:
    """Names and exact synonyms in small letters, with a plural, and the concepts they name."""
    found: dict[str, set[str]] = defaultdict(set)
    for batch in Dataset(home, "vocabulary").batches(columns=["curie", "name", "synonyms"]):
        for row in batch.to_pylist():
            if row["curie"] not in curies:
                continue
            exact = [synonym["name"] for synonym in row["synonyms"] or [] if synonym["scope"] == "exact"]
            for name in filter(None, [row["name"], *exact]):
                lowered = name.lower().strip()
                if len(lowered) >= SHORTEST and lowered.isascii():
                    found[lowered].add(row["curie"])
                    found[lowered + "s"].add(row["curie"])
    return found


def sentences(home: str) -> Iterator[tuple[dict[str, Any], int, int]]:
    """Each sentence of each English training row, once."""
    shards = Dataset(home, SHARDS)
    for key in shards.manifests():
        for batch in shards.batches(key, containing="split=train/"):
            for row in batch.to_pylist():
                if row["language"] == "en" and row["repeat"] == 0:
                    for sentence in row["sentences"]:
                        yield row, sentence["start"], sentence["end"]


def main() -> None:
    """Print the number of sentences read and each one found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", help="a home with a corpus")
    home = parser.parse_args().home
    pairs = held_out_pairs(home)
    names = names_of(home, {curie for pair in pairs for curie in pair})
    pattern = re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, sorted(names, key=len, reverse=True)))})(?![\w-])")
    read = 0
    hits: dict[str, int] = defaultdict(int)
    for row, start, end in sentences(home):
        read += 1
        text = row["text"].lower()
        longer = [(s["start"], s["end"]) for s in row["spans"]]
        named: set[str] = set()
        for match in pattern.finditer(text, start, end):
            at, to = match.span()
            if not any(a <= at and to <= b and b - a > to - at for a, b in longer):
                named |= names[match.group()]
        for one, other in combinations(sorted(named), 2):
            if (one, other) in pairs:
                hits[row["kind"]] += 1
                print(f"{row['kind']}  {one} {other}  {row['text'][start:end][:200]}")
    told = ", ".join(f"{kind} {count}" for kind, count in sorted(hits.items())) or "none"
    print(f"{read:,} sentences, {len(pairs):,} held-out pairs that are claimed; named by words alone: {told}")


if __name__ == "__main__":
    main()
