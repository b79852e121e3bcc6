"""Seconds and memory of cleaning a million passages, what near duplicates it finds of those that were planted, and datasketch beside it.

python benchmarks/duplicates.py [passages]   # 1,000,000 where not given; each measurement in a process of its own
pip install datasketch                       # to see it beside, on a sample

Passages are made of words of Zipf's law, as long as those of abstracts (78 words in the mean). One in fifty repeats another exactly,
one in thirty is a near duplicate: some of its words are others, scattered or at its end, its Jaccard similarity lies between
0.5 and 1. That similarity is then counted from the texts by sets of tuples, without any hash. One in a hundred is near to all
others of its kind, as a template filled in would be. Recall is the share of planted pairs of a similarity that were found;
precision the share of what was found that is as similar as asked.
"""

from __future__ import annotations

import json
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from kg.cleaning.clean import COLUMNS, clean
from kg.cleaning.config import CleaningConfig
from pipeline.hashing import hash_fields

COMMON = [
    "the",
    "of",
    "and",
    "to",
    "in",
    "a",
    "with",
    "for",
    "was",
    "were",
    "is",
    "that",
    "by",
    "on",
    "as",
    "patients",
    "or",
    "at",
    "from",
    "treatment",
]
PIECE, VOCABULARY = 50_000, 60_000
EXACT, NEAR = 50, 30
THRESHOLD = 0.8
SAMPLE = 20_000
BINS = (0.5, 0.6, 0.7, 0.75, 0.8, 0.82, 0.85, 0.9, 1.0)


def write(folder: Path, passages: int) -> None:
    """Passages as Parquet, and the planted pairs as JSON."""
    random = np.random.default_rng(7)
    frequency = 1 / np.arange(3, VOCABULARY + 3)
    chances = np.cumsum(frequency / frequency.sum())
    letters = str.maketrans("0123456789abcdef", "etaoinshrdlucmfw")
    made = [f"{i * 7919 + 4096:x}".translate(letters) for i in range(VOCABULARY)]
    names = pa.array([*COMMON, *made[len(COMMON) :]])
    template = np.searchsorted(chances, random.random(80))
    planted = []
    for number, start in enumerate(range(0, passages, PIECE)):
        count = min(PIECE, passages - start)
        lengths = np.clip(random.lognormal(4.1, 0.75, count), 5, 400).astype(int)
        texts = np.split(np.searchsorted(chances, random.random(lengths.sum())), np.cumsum(lengths)[:-1])
        for i in range(0, count, PIECE // 500):
            texts[i] = np.concatenate([template, random.integers(0, VOCABULARY, 4)])
        for i in range(1, count, EXACT):
            texts[i] = texts[i - 1] if i % (PIECE // 500) != 1 else texts[i]
        for i in range(7, count, NEAR):
            original = texts[i - 3]
            if len(original) >= 40 and (i - 3) % EXACT != 1:
                texts[i] = changed(original, random)
                planted.append([start + i - 3, start + i])
        values = names.take(pa.array(np.concatenate(texts)))
        offsets = pa.array(np.concatenate([[0], np.cumsum([len(text) for text in texts])]).astype(np.int32))
        ids = pa.array([hash_fields("passage", start + i) for i in range(count)])
        table = pa.table(
            {
                "passage_id": ids,
                "kind": pa.repeat("literature", count),
                "language": pa.repeat("en", count),
                "text": pc.binary_join(pa.ListArray.from_arrays(offsets, values), " "),
                "doc_ids": pa.array([[f"PMID:{start + i}"] for i in range(count)]),
                "split": pa.array([("test", "validation")[i % 2] if i % 50 < 2 else "train" for i in range(count)]),
            }
        )
        pq.write_table(table, folder / f"{number:04}.parquet")
    (folder / "planted.json").write_text(json.dumps(planted))


def changed(words: np.ndarray[Any, Any], random: np.random.Generator) -> np.ndarray[Any, Any]:
    """A text like another: some of its words are others, one here and there, or all at its end."""
    words = words.copy()
    share = random.random()
    if random.random() < 0.5:
        places = random.choice(len(words), max(1, int(share * len(words) / 15)), replace=False)
    else:
        places = np.arange(len(words) - max(1, int(share * len(words) / 3)), len(words))
    words[places] = random.integers(0, VOCABULARY, len(places))
    return words


def read(folder: Path) -> Iterator[pa.RecordBatch]:
    for path in sorted(folder.glob("*.parquet")):
        with pq.ParquetFile(path) as file:
            yield from file.iter_batches(4096, columns=list(COLUMNS))


def shingles(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    return {tuple(words[i : i + 5]) for i in range(len(words) - 4)}


def similarity(one: str, other: str) -> float:
    a, b = shingles(one), shingles(other)
    return len(a & b) / max(len(a | b), 1)


def ours(folder: Path, config: CleaningConfig) -> tuple[dict[str, int], dict[str, str]]:
    """Clean all passages: counts by reason, and the near duplicates with their originals."""
    counts: dict[str, int] = {}
    near: dict[str, str] = {}
    for batch in clean(read(folder), config):
        for row in batch.to_pylist():
            counts[row["reason"]] = counts.get(row["reason"], 0) + 1
            if row["reason"] == "near-duplicate":
                near[row["passage_id"]] = row["other"]
    return counts, near


def datasketch(folder: Path) -> int:
    """MinHashLSH on a sample, as its documentation has it: the number of passages with a candidate before them."""
    from datasketch import MinHash, MinHashLSH

    index, found, seen = MinHashLSH(threshold=THRESHOLD, num_perm=128), 0, 0
    for batch in read(folder):
        for passage_id, text in zip(batch["passage_id"].to_pylist(), batch["text"].to_pylist(), strict=True):
            signature = MinHash(num_perm=128)
            signature.update_batch([" ".join(shingle).encode() for shingle in shingles(text)])
            found += bool(index.query(signature))
            index.insert(passage_id, signature)
            seen += 1
            if seen == SAMPLE:
                return found
    return found


#: What is measured: the number of passages at most, and the rules that are on.
ONLY_NEAR = CleaningConfig(
    shortest=None, longest=None, letters=None, digits=None, repeated=None, damaged=None, foreign=None, common_words=None,
    boilerplate=False, duplicates=False,
)  # fmt: skip
MEASURED = {"cleaning": CleaningConfig(), "near alone": ONLY_NEAR, "datasketch": None}


def measure(name: str, folder: Path) -> None:
    """Run one of them, print what it took, and leave its cost a passage in the folder."""
    rows = sum(pq.read_metadata(path).num_rows for path in folder.glob("*.parquet"))
    start, cpu = time.perf_counter(), time.process_time()
    config, near = MEASURED[name], {}
    if config is None:
        rows = min(rows, SAMPLE)
        found: Any = {"near": datasketch(folder)}
    else:
        found, near = ours(folder, config)
    took, cpu = time.perf_counter() - start, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{name:<11}{rows:>10,} passages {took:8.1f} s ({cpu:.1f} s CPU) {1e6 * cpu / rows:6.0f} us CPU a passage  "
        f"peak {peak:,.0f} MiB  {found}",
        flush=True,
    )
    (folder / f"{name}.us").write_text(str(1e6 * cpu / rows))
    if name == "cleaning":
        quality(folder, near)


def quality(folder: Path, near: dict[str, str]) -> None:
    """Recall of the planted pairs by their similarity, and precision."""
    parts = [pq.read_table(path, columns=["passage_id", "text"]) for path in sorted(folder.glob("*.parquet"))]
    ids, texts = pa.concat_tables(parts).to_pydict().values()
    place = {passage_id: i for i, passage_id in enumerate(ids)}
    hits: dict[float, list[bool]] = {}
    for one, other in json.loads((folder / "planted.json").read_text()):
        s = similarity(texts[one], texts[other])
        bin_ = max((edge for edge in BINS if edge <= s), default=0.0)
        hits.setdefault(bin_, []).append(ids[one] in near or ids[other] in near)
    for edge, found in sorted(hits.items()):
        print(f"  similarity from {edge:.2f}: {len(found):>5} planted pairs, found {sum(found) / len(found):.4f}")
    right = sum(similarity(texts[place[i]], texts[place[other]]) >= THRESHOLD for i, other in near.items())
    print(f"  precision: {right} of {len(near)} near duplicates have a similarity of {THRESHOLD} or more")


def main() -> None:
    if sys.argv[1:2] == ["measure"]:
        measure(sys.argv[2], Path(sys.argv[3]))
        return
    passages = int(sys.argv[1].replace(",", "")) if sys.argv[1:] else 1_000_000
    sizes = sorted({min(passages, 100_000), passages})
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="materia.duplicates.") as folder:
            write(Path(folder), size)
            names = [name for name in MEASURED if name != "datasketch" or find_spec("datasketch")]
            for name in names if size == sizes[-1] else names[:1]:
                subprocess.run([sys.executable, __file__, "measure", name, folder], check=True)
            if size == sizes[-1] and "datasketch" in names:
                us = {name: float((Path(folder) / f"{name}.us").read_text()) for name in names}
                ratio = us["datasketch"] / us["near alone"]
                print(f"datasketch takes {ratio:.1f} times as long a passage, and compares no texts")


if __name__ == "__main__":
    main()
