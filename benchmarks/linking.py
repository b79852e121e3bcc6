"""Candidates for mentions: our index and scispaCy's `CandidateGenerator` on the same names, each side in a process of its own.

Usage: python benchmarks/linking.py --vocabulary FILE ... --gold FILE [--unseen FILE ...] [--scispacy-index FOLDER]
       python benchmarks/linking.py --names 500000

Two sets of mentions are searched for: those of `--gold` as they come, and the distinct mentions of `--unseen` that `--gold` lacks, once.
Seconds are those of the search alone, by one process. Recall is of the index alone, no re-ranking: the right concept is the
first, or among the first thirty. scispaCy's index takes minutes to make; it is made once and kept in `--scispacy-index`,
with the seconds that it took. scispaCy refuses to make one with the SciPy it installs with; its vectors are kept in 32 bits
instead of 16, and nothing else is changed. With `--names` the index of a generated vocabulary of as many names is built instead.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from pipeline.tables import VOCABULARY

K = 30
Search = Callable[[Sequence[str]], list[list[str]]]


def mentions(gold: Sequence[str], unseen: Sequence[str], vocabulary: pa.Table) -> dict[str, list[Any]]:
    """The texts, types and right concepts of the gold's linked mentions, and the distinct texts of others that the gold lacks."""
    from pipeline.gold_corpus import read_gold_corpus
    from pipeline.linking.gold import concept_of_identifier, gold_documents

    concepts = concept_of_identifier(vocabulary)

    def of(paths: Sequence[str]) -> list[tuple[str, str, list[str]]]:
        return [
            (query.text, query.type or "", sorted(right))
            for path in paths  # each alone: files of several corpora have the same name
            for document in gold_documents(read_gold_corpus([path]).documents, concepts)
            for query, right in zip(document.queries, document.right, strict=True)
            if query.type in ("Disease", "Chemical")
        ]

    found = of(gold)
    known = {text for text, _, _ in found}
    other = {text for text, _, _ in of(unseen)} if unseen else set()
    texts, types, right = (list(column) for column in zip(*found, strict=True))
    return {"texts": texts, "types": types, "right": right, "unseen": sorted(other - known)}


def ours(vocabulary: Path, folder: Path) -> tuple[Search, float]:
    """A search of our index, and the seconds that it took to build."""
    from pipeline.linking.index import LinkingIndex

    table = pq.read_table(vocabulary, columns=["curie", "name", "synonyms", "category", "parents"])
    started = time.perf_counter()
    index = LinkingIndex.build(table, folder)
    seconds = time.perf_counter() - started

    def search(texts: Sequence[str]) -> list[list[str]]:
        found = index.search(texts, K)
        curies = {number: index.concept(number) for number in set(found.concepts.ravel().tolist()) if number >= 0}
        return [[curies[number] for number in row if number >= 0] for row in found.concepts.tolist()]

    return search, seconds


def scispacys(vocabulary: Path, folder: Path) -> tuple[Search, float]:
    """A search by scispaCy's generator, and the seconds that its index took to make."""
    from scispacy import candidate_generation
    from scispacy.linking_utils import Entity, KnowledgeBase

    rows = pq.read_table(vocabulary, columns=["curie", "name", "synonyms"])
    knowledge = KnowledgeBase(
        Entity(curie, name, [synonym["name"] for synonym in synonyms or ()])
        for curie, name, synonyms in zip(*(rows[column].to_pylist() for column in rows.column_names), strict=True)
    )
    paths = candidate_generation.LinkerPaths.from_directory(folder)
    if not (folder / "seconds.json").exists():
        import scipy.sparse

        candidate_generation.scipy_supports_sparse_float16 = lambda: True
        started = time.perf_counter()
        aliases, vectorizer, index = candidate_generation.create_tfidf_ann_index(None, knowledge)
        seconds = time.perf_counter() - started
        Path(paths.concept_aliases_list).write_text(json.dumps(aliases))
        candidate_generation.joblib.dump(vectorizer, paths.tfidf_vectorizer)
        scipy.sparse.save_npz(paths.tfidf_vectors, vectorizer.transform(aliases))
        index.saveIndex(paths.ann_index)
        (folder / "seconds.json").write_text(json.dumps([seconds, peak()]))
    aliases, vectorizer, index = paths.load()
    generator = candidate_generation.CandidateGenerator(index, vectorizer, aliases, knowledge)

    def search(texts: Sequence[str]) -> list[list[str]]:
        return [
            [one.concept_id for one in sorted(found, key=lambda one: -max(one.similarities))]
            for found in generator(list(texts), K)
        ]

    return search, json.loads((folder / "seconds.json").read_text())[0]


def peak() -> float:
    """The peak memory of the process in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(side: str, vocabulary: Path, asked: dict[str, list[Any]], folder: Path) -> dict[str, float]:
    """The figures of one side, in this process."""
    make = ours if side == "ours" else scispacys
    search, seconds = make(vocabulary, folder)
    figures = {"index, s": seconds}
    search(["fever"])  # what is loaded at the first search is no part of a second one
    for name, texts in (("mentions/s", asked["texts"]), ("distinct unseen/s", asked["unseen"])):
        started = time.perf_counter()
        found = search(texts)
        figures[name] = len(texts) / (time.perf_counter() - started)
        if name == "mentions/s":
            hits = [
                (kind, [any(curie in right for curie in row[:depth]) for depth in (1, K)])
                for row, right, kind in zip(found, asked["right"], asked["types"], strict=True)
            ]
    figures["peak, MiB"] = peak()
    for kind in sorted(set(asked["types"])):
        for place, depth in enumerate((1, K)):
            of_kind = [hit[place] for one, hit in hits if one == kind]
            figures[f"R@{depth} {kind}"] = sum(of_kind) / len(of_kind)
    return figures


def generated(names: int) -> pa.Table:
    """A vocabulary [VOCABULARY] of as many names: two and a half to a concept, of words that come again."""
    from vocabulary import concepts

    columns = ("curie", "name", "synonyms", "category", "parents")
    schema = pa.schema([VOCABULARY.field(column) for column in columns])
    batches = []
    rows: list[dict[str, Any]] = []
    for curie, name, synonyms, parent, _, _ in concepts(names):
        exact = [{"name": synonym, "scope": "exact"} for synonym in synonyms]
        row = (curie, name, exact, "biolink:Disease", [parent] if parent else [])
        rows.append(dict(zip(columns, row, strict=True)))
        if len(rows) == 100_000:
            batches.append(pa.RecordBatch.from_pylist(rows, schema=schema))
            rows = []
    batches.append(pa.RecordBatch.from_pylist(rows, schema=schema))
    return pa.Table.from_batches(batches)


def build_generated(names: int) -> None:
    """Build the index of a generated vocabulary, and print its seconds and the peak memory of building it."""
    with tempfile.TemporaryDirectory(prefix="materia-benchmark.") as folder:
        vocabulary = Path(folder) / "vocabulary.parquet"
        pq.write_table(generated(names), vocabulary)
        code = [sys.executable, __file__, "--side", "build", str(vocabulary), "-", str(Path(folder) / "index")]
        figures = json.loads(subprocess.check_output(code))
    Console().print(f"{names:,} names: index {figures['seconds']:.1f} s, peak {figures['peak']:,.0f} MiB")


def run_side(side: str, vocabulary: Path, asked: str, folder: Path) -> None:
    """The work of a process of its own; its last line is JSON."""
    if side == "build":
        _, seconds = ours(vocabulary, folder)
        print(json.dumps({"seconds": seconds, "peak": peak()}))
        return
    figures = measure(side, vocabulary, json.loads(Path(asked).read_text()), folder)
    print("\n" + json.dumps(figures))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vocabulary", nargs="+", default=[])
    parser.add_argument("--gold", nargs="+", default=[])
    parser.add_argument("--unseen", nargs="+", default=[])
    parser.add_argument(
        "--scispacy-index", type=Path, help="where scispaCy's index is kept; without it, only ours is measured"
    )
    parser.add_argument("--names", type=int)
    parser.add_argument("--side", nargs=4, metavar=("SIDE", "VOCABULARY", "MENTIONS", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        side, vocabulary, asked, folder = options.side
        run_side(side, Path(vocabulary), asked, Path(folder))
        return
    if options.names:
        build_generated(options.names)
        return
    from pipeline.vocabularies import load_vocabulary

    with tempfile.TemporaryDirectory(prefix="materia-benchmark.") as scratch:
        table = load_vocabulary(options.vocabulary, lambda _: None)
        vocabulary, asked = Path(scratch) / "vocabulary.parquet", Path(scratch) / "mentions.json"
        pq.write_table(table, vocabulary)
        asked.write_text(json.dumps(mentions(options.gold, options.unseen, table)))
        sides = {"ours": Path(scratch) / "index"}
        if options.scispacy_index:
            options.scispacy_index.mkdir(parents=True, exist_ok=True)
            sides["scispaCy"] = options.scispacy_index
        figures = {
            side: json.loads(
                subprocess.check_output([sys.executable, __file__, "--side", side, str(vocabulary), str(asked), str(folder)])
                .decode().strip().splitlines()[-1]
            )
            for side, folder in sides.items()
        }  # fmt: skip
    report = Table("", *figures, *(["ratio"] if len(figures) == 2 else []))
    for name in figures["ours"]:
        values = [one[name] for one in figures.values()]
        shown = [f"{value:.4f}" if value <= 1 else f"{value:,.1f}" for value in values]
        report.add_row(
            name,
            *shown,
            *(
                [f"{values[0] / values[1]:.3g}"]
                if len(values) == 2 and values[1]
                else ["-"]
                if len(values) == 2
                else []
            ),
        )
    Console().print(report)


if __name__ == "__main__":
    main()
