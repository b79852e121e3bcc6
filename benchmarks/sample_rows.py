"""Rows of the verbalized corpus to read and judge, each with the triples behind it.

The passages are made anew from a home's triples and vocabulary by the code as it stands, and chosen by the hash of a seed and
the passage's id: another seed gives a fresh sample, and anyone can draw the same one.

    python benchmarks/sample_rows.py build/home --rows 200 --seed first
    python benchmarks/sample_rows.py build/home --form fact --language en
"""

from __future__ import annotations

import argparse
import heapq
from typing import Any

import pyarrow as pa

from assets.extraction import name_index_folder
from assets.home import open_home
from kg.concepts import ambiguous_names, concepts_named
from kg.name_reading import name_reader
from kg.tables import TRIPLES
from kg.verbalize import verbalize
from pipeline.hashing import hash_fields
from pipeline.storage import Dataset


def main() -> None:
    """Print the sample: number, form, text, and one line a triple."""
    parser = argparse.ArgumentParser(description="Rows of the verbalized corpus to read, with the triples behind them.")
    parser.add_argument("home")
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--form", help="only passages of this form")
    parser.add_argument("--language", help="only passages in this language")
    options = parser.parse_args()
    home = open_home(options.home)
    dataset = home.dataset("triples")
    triples = pa.concat_tables([dataset.read(key) for key in dataset.manifests()]).select(TRIPLES.names)
    named = triples["subject"].to_pylist() + triples["object"].to_pylist()
    vocabulary = home.dataset("vocabulary").paths()
    concepts = concepts_named(vocabulary, named)
    context = pa.concat_tables([home.dataset("triple_context").read(key) for key in home.buckets])
    passages = verbalize(
        triples,
        concepts,
        home.config.corpus,
        ambiguous=ambiguous_names(vocabulary),
        context=context,
        splits=home.config.splits,
        read=name_reader(name_index_folder(home)),
    ).to_pylist()
    wanted = [
        row for row in passages if options.form in (None, row["form"]) and options.language in (None, row["language"])
    ]
    names = dict(zip(concepts["curie"].to_pylist(), concepts["name"].to_pylist(), strict=True))
    by_id = {row["triple_id"]: row for row in triples.to_pylist()}
    sample = heapq.nsmallest(options.rows, wanted, key=lambda row: hash_fields(options.seed, row["passage_id"]))
    for number, row in enumerate(sample, start=1):
        print(f"{number}. [{row['form']}] {row['text']}")
        for triple_id in row["triple_ids"]:
            print(f"      {_line(by_id[triple_id], names)}")


def _paths(dataset: Dataset) -> list[str]:
    return [path for key in dataset.manifests() for path in dataset.paths(key)]


def _line(triple: dict[str, Any], names: dict[str, str]) -> str:
    direction = f" ({triple['direction']})" if triple["direction"] else ""
    figures = f"+{triple['support']:.2f} -{triple['contradiction']:.2f}"
    predicate = triple["predicate"].removeprefix("biolink:")
    return f"{names[triple['subject']]} | {predicate}{direction} | {names[triple['object']]} | {figures}"


if __name__ == "__main__":
    main()
