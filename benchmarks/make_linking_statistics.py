"""Count how rare words and 3-grams are among the names of medicine, into the snapshot that linking weighs them by.

Usage: python benchmarks/make_linking_statistics.py VOCABULARY ... --out pipeline/linking/statistics.npz

The snapshot in the package was made once, from MEDIC, the names of MeSH and the Disease Ontology. Making it anew changes the score of
every link, and with it the version of the index.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

import numpy as np

from pipeline.linking.keys import GRAMS, grams_of, hash_of
from pipeline.linking.statistics import STEP
from pipeline.linking.stems import stems
from pipeline.name_forms import normal_form
from pipeline.vocabularies import load_vocabulary


def weight(n: np.ndarray, names: int) -> np.ndarray:
    """16 ln(1 + N / (1 + n)) of counts n among N names, rounded."""
    return np.rint(STEP * np.log(1 + names / (1 + n))).astype(np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("vocabulary", nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    table = load_vocabulary(options.vocabulary, lambda _: None)
    synonyms = table.column("synonyms").combine_chunks().flatten().field("name").to_pylist()
    forms = sorted({normal_form(name) for name in [*table.column("name").to_pylist(), *synonyms]} - {()})
    words = Counter(
        hash_of(word) & 0xFFFFFFFF for form in forms for word in {stem for word in form for stem in stems(word)}
    )
    kept = sorted(word for word, n in words.items() if n > 1)
    counts = np.array([words[word] for word in kept])
    _, grams = grams_of([" ".join(form) for form in forms])
    np.savez_compressed(
        options.out,
        words=np.array(kept, dtype=np.uint32),
        word_weights=np.append(weight(counts, len(forms)), weight(np.array([1]), len(forms))),
        gram_weights=weight(np.bincount(grams, minlength=GRAMS), len(forms)),
    )
    print(f"{len(forms):,} names, {len(kept):,} words, {options.out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
