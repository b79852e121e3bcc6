"""The category of a MeSH concept from its name alone, where the file gives nothing else.

A list of MeSH identifiers and names does not say that Ketoprofen is a drug and Sick Leave is none, yet the endings and
words of names nearly do. The model is linear over hashed features of the name: its characters in runs of two to
six, its words and word pairs, its first and last word, the head before a comma, and the shape of each word (capitals,
digits). It was trained as a linear support vector machine (Fan et al. 2008, LIBLINEAR) on the places of the MeSH 2015
descriptors in the tree, by `benchmarks/train_mesh_categories.py`, which prints the figures below. Weights are stored in
five bits each, as signed square roots, in a 200 kB file without pickle; only weights are shipped, no names.

On 4,455 held-out names (precision, recall): accuracy 0.842; ChemicalEntity 0.924, 0.883; Protein 0.933, 0.963;
OrganismTaxon 0.871, 0.925; AnatomicalEntity 0.862, 0.756; Procedure 0.795, 0.765; BiologicalProcess 0.768, 0.627;
ChemicalRole 0.890, 0.761; InformationContentEntity, which is everything else, 0.762, 0.799. On the 22,129 names it was
fitted on, nine in ten of those a build asks it for, the accuracy is 0.996.

The shipped weights are fitted with the same settings on all descriptors. A tree number, a file's own category, and a
rule all go before this model. A large language model or a name embedding was rejected: a thousand times the cost for a
question that suffixes answer.

Cost: about 25,000 names a second on one core.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt

__all__ = ["BUCKETS", "VERSION", "WEIGHTS", "classify", "name_features"]

#: Name and version of the model: part of what the vocabulary depends on.
VERSION: Final = "mesh_name_categories.v1"
#: Number of hashed features.
BUCKETS: Final = 1 << 15
#: File of the shipped weights, beside this module.
WEIGHTS: Final = "mesh_name_categories.npz"

_RUNS = (2, 3, 4, 5, 6)
_CHUNK = 4096
_WORD = re.compile(r"[^\W_]+")
_SHAPES = ((re.compile("[0-9]+"), "0"), (re.compile("[a-z]+"), "a"), (re.compile("[A-Z]+"), "A"))

Integers = npt.NDArray[np.int64]


def name_features(names: Sequence[str]) -> tuple[Integers, Integers]:
    """The features of each name as two arrays of one length: row (place of the name) and feature; sorted, each once."""
    rows, features = _run_features(names)
    word_rows, word_features = _word_features(names)
    key = np.unique(np.concatenate([rows, word_rows]) * BUCKETS + np.concatenate([features, word_features]))
    return key // BUCKETS, key % BUCKETS


def _run_features(names: Sequence[str]) -> tuple[Integers, Integers]:
    """Runs of UTF-8 bytes of the lower-cased name between two marks, hashed as FNV-1a does (32 bits)."""
    encoded = [b"^" + name.lower().encode() + b"$" for name in names]
    flat = np.frombuffer(b"".join(encoded), np.uint8).astype(np.uint32)
    owner = np.repeat(np.arange(len(encoded), dtype=np.int64), [len(one) for one in encoded])
    rows, features = [], []
    for length in _RUNS:
        count = max(0, len(flat) - length + 1)
        value = np.full(count, (0x9E3779B1 * length) & 0xFFFFFFFF, np.uint32)
        for place in range(length):
            value = (value ^ flat[place : place + count]) * np.uint32(0x01000193)
        value ^= value >> np.uint32(15)
        whole = owner[:count] == owner[length - 1 :][:count]
        rows.append(owner[:count][whole])
        features.append((value[whole] % BUCKETS).astype(np.int64))
    return np.concatenate(rows), np.concatenate(features)


def _word_features(names: Sequence[str]) -> tuple[Integers, Integers]:
    rows: list[int] = []
    features: list[int] = []
    for row, name in enumerate(names):
        words = _WORD.findall(name.lower())
        if not words:
            continue
        head = _WORD.findall(name.split(", ")[0].lower()) or words
        texts = [f"word {word}" for word in words]
        texts += [f"pair {one} {two}" for one, two in pairwise(words)]
        texts += [f"first {words[0]}", f"last {words[-1]}", f"head {head[-1]}", f"length {min(len(words), 5)}"]
        texts += [f"shape {_shape(word)}" for word in name.split()]
        if ", " in name:
            texts.append("comma")
        rows += [row] * len(texts)
        features += [zlib.crc32(text.encode()) % BUCKETS for text in texts]
    return np.array(rows, np.int64), np.array(features, np.int64)


def _shape(word: str) -> str:
    for pattern, sign in _SHAPES:
        word = pattern.sub(sign, word)
    return word[:6]


@lru_cache(maxsize=1)
def _model() -> tuple[list[str], npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Classes, weights (features x classes) and intercepts, from the shipped file."""
    path: Any = files("pipeline.vocabularies") / WEIGHTS
    with path.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
        levels = stored["levels"].astype(np.float32)
        weights = np.sign(levels) * levels**2 * stored["scale"].astype(np.float32)[:, None]
        classes = [str(label) for label in stored["classes"]]
        return classes, np.ascontiguousarray(weights.T), stored["intercept"].astype(np.float32)


def classify(names: Sequence[str]) -> list[str]:
    """The most likely Biolink class of each name, as a CURIE. Names are thought of as MeSH writes them."""
    classes, weights, intercept = _model()
    found: list[str] = []
    for start in range(0, len(names), _CHUNK):
        chunk = names[start : start + _CHUNK]
        rows, features = name_features(chunk)
        # Every name has at least one run of characters (its two marks), so no row is empty and reduceat is sound.
        first = np.searchsorted(rows, np.arange(len(chunk)))
        counts = np.diff(np.append(first, len(rows)))
        scores = np.add.reduceat(weights[features], first, axis=0) / np.sqrt(counts)[:, None] + intercept
        found += [classes[best] for best in scores.argmax(axis=1)]
    return found
