"""Extraction of abstracts: documents a second, by us and by scispaCy's parts, on the same documents in one run.

    python benchmarks/extraction.py [--documents N] [--peer-documents N] [--workers N] [--ner FOLDER] [--linker FOLDER]

The documents are those of `cohen2006` in MATERIA_DATA, the vocabularies doid, hp, medic and mesh_names. Each system runs in
processes of its own, twice: on one document, which gives its start-up, and on all, less the start-up.

- `names`: the default path as a build runs it: `find_mentions` (names, links, abbreviations, negation ...), then `extract_evidence`.
- `recogniser`: the same with a trained recogniser before the dictionary, where one is given.
- `scispaCy`: what its users have without downloaded weights: its tokenizer, its sentences by pysbd, its abbreviation detector, and the
  names of the same vocabularies in spaCy's PhraseMatcher, in lower case, as `nlp.pipe(n_process=...)`. It has no links of variants, no
  negation and no claims, so it does less. `tokenizer` and `pysbd` are its first parts alone.

A document a second "of a core" is one a second of processor time of all processes together, so that it holds on a busy machine.
`use` is the processor time of the whole run, start-up included, over its wall time and the workers; it is below 100 where other programs
take the processors.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

DATA = Path(os.environ.get("MATERIA_DATA", Path(__file__).parents[2] / "shared" / "data"))
VOCABULARY = ("doid_2016-03-04.obo.gz", "hp_2013-11-30.obo.gz", "medic_2012-07-06.txt.gz", "mesh_names.tsv.gz")


def prepare(folder: Path) -> None:
    """The documents and the vocabulary as a build has them, with its index; prints what the index takes."""
    from pipeline.documents import read_documents
    from pipeline.inventory import list_files, take_inventory
    from pipeline.names import NameIndex
    from pipeline.vocabularies import load_vocabulary

    files = list_files([str(DATA / "literature" / "cohen2006.jsonl.gz")])
    (row,) = take_inventory(files, set_aside=print).to_pylist()
    batches = read_documents([(files[0], row["position"], row["format"])], print)
    pq.write_table(pa.Table.from_batches(list(batches)), folder / "documents.parquet")
    vocabulary = load_vocabulary([str(DATA / "vocabulary" / name) for name in VOCABULARY], lambda _: None)
    pq.write_table(vocabulary, folder / "vocabulary.parquet")
    start = time.process_time()
    index = NameIndex.build(vocabulary, folder / "index" / "matcher")
    seconds = time.process_time() - start
    if "--ner" in sys.argv:
        from pipeline.vocabulary_index import VocabularyIndex

        VocabularyIndex.build(vocabulary, folder / "index")
    size = sum(file.stat().st_size for file in (folder / "index" / "matcher").iterdir())
    print(
        f"index of {len(index):,} names: built in {seconds:.1f} s of one core, {size / 2**20:.0f} MiB on disk",
        flush=True,
    )


def ours(folder: Path, documents: pa.Table, workers: int, models: dict[str, str]) -> tuple[int, int]:
    """Mentions and claims, as the two stages of a build find them."""
    from pipeline.claims import evidence_workers, extract_evidence
    from pipeline.mentions import find_mentions, mention_workers

    with mention_workers([str(folder / "index")], workers, **models) as pool:
        mentions = list(find_mentions(documents.to_batches(), pool))
    with evidence_workers(workers) as pool:
        claims = list(extract_evidence(documents.to_batches(), mentions, pool))
    return sum(rows.num_rows for rows in mentions), sum(rows.num_rows for rows in claims)


def peer(folder: Path, documents: pa.Table, workers: int, parts: Iterable[str]) -> tuple[int, int]:
    """Names and abbreviations that a pipeline of scispaCy's parts finds."""
    warnings.simplefilter("ignore")
    import spacy
    from scispacy.abbreviation import AbbreviationDetector  # noqa: F401  registers the component
    from scispacy.custom_sentence_segmenter import pysbd_sentencizer  # noqa: F401
    from scispacy.custom_tokenizer import combined_rule_tokenizer
    from spacy.language import Language
    from spacy.matcher import PhraseMatcher

    nlp = spacy.blank("en")
    nlp.tokenizer = combined_rule_tokenizer(nlp)
    if "sentences" in parts:
        nlp.add_pipe("pysbd_sentencizer")
    if "abbreviations" in parts:
        nlp.add_pipe("abbreviation_detector", config={"make_serializable": True})
    if "names" in parts:
        table = pq.read_table(folder / "vocabulary.parquet", columns=["curie", "name", "synonyms"]).to_pylist()
        matcher = PhraseMatcher(nlp.vocab, attr="LOWER")
        for row in table:
            names = [row["name"], *(synonym["name"] for synonym in row["synonyms"] or ())]
            matcher.add(row["curie"], [*nlp.tokenizer.pipe(names)])

        @Language.component("names")
        def names_of(doc):  # type: ignore[no-untyped-def]
            doc.set_ents(spacy.util.filter_spans(matcher(doc, as_spans=True)))
            return doc

        nlp.add_pipe("names")
    found = short = 0
    for doc in nlp.pipe(documents.column("text").to_pylist(), n_process=workers, batch_size=64):
        found += len(doc.ents)
        short += len(doc._.abbreviations) if "abbreviations" in parts else 0
    return found, short


SYSTEMS = {
    "names": None,
    "recogniser": None,
    "scispaCy": ("sentences", "abbreviations", "names"),
    "tokenizer": (),
    "pysbd": ("sentences",),
}


def run(system: str, folder: Path, count: int, workers: int, models: dict[str, str]) -> None:
    """In a process of its own: read documents, print what it took as JSON."""
    wall = time.perf_counter()
    documents = pq.read_table(folder / "documents.parquet").slice(0, count)
    parts = SYSTEMS[system]
    if parts is None:
        found = ours(folder, documents, workers, models if system == "recogniser" else {})
    else:
        # nlp.pipe starts its processes by fork, so that the matcher is built once; with one process it runs in this one.
        found = peer(folder, documents, workers if count > 1 else 1, parts)
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    figures = {
        "found": found,
        "wall": time.perf_counter() - wall,
        "cpu": sum(u.ru_utime + u.ru_stime for u in usage),
        "peak": max(u.ru_maxrss for u in usage) / 1024,
    }
    print(json.dumps(figures))


def measure(system: str, folder: Path, count: int, options: argparse.Namespace) -> float:
    """Run a system on one document and on all; print its row; documents a second of a core."""
    rows = []
    for number in (1, count):
        command = [sys.executable, __file__, "--run", system, "--folder", str(folder), "--documents", str(number)]
        command += ["--workers", str(options.workers)]
        command += [
            word
            for name in ("ner", "linker")
            if getattr(options, name)
            for word in (f"--{name}", getattr(options, name))
        ]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        rows.append(json.loads(output.splitlines()[-1]))
    start, all_ = rows
    wall, cpu = all_["wall"] - start["wall"], all_["cpu"] - start["cpu"]
    speed = (count - 1) / cpu
    print(
        f"{system:<12}{count:>8,}{speed:>10.0f}{(count - 1) / wall:>10.0f}{100 * all_['cpu'] / all_['wall'] / options.workers:>7.0f}%"
        f"{start['wall']:>9.1f} s{all_['peak']:>8.0f} MiB   found {all_['found']}",
        flush=True,
    )
    return speed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=10_733)
    parser.add_argument("--peer-documents", type=int, default=1000, help="documents for scispaCy, and for a recogniser")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--ner")
    parser.add_argument("--linker")
    parser.add_argument("--run", choices=SYSTEMS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    models = {name: getattr(options, name) for name in ("ner", "linker") if getattr(options, name)}
    if options.run:
        run(options.run, options.folder, options.documents, options.workers, models)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder)
        print(f"{'':<12}{'docs':>8}{'docs/s of':>10}{'docs/s':>10}{'use':>8}{'start':>11}{'peak of a':>12}")
        print(f"{'':<12}{'':>8}{'a core':>10}{'':>10}{'':>8}{'':>11}{'process':>12}")
        speeds = {}
        for system in SYSTEMS:
            if system == "recogniser" and not options.ner:
                continue
            count = options.documents if system == "names" else options.peer_documents
            speeds[system] = measure(system, folder, count, options)
        for system in [s for s in speeds if s != "names"]:
            print(f"names / {system}: {speeds['names'] / speeds[system]:.1f} times the documents a second of a core")


if __name__ == "__main__":
    main()
