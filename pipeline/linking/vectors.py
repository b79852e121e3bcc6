"""Names as sparse vectors of words and 3-grams, and the matrix that finds the names nearest to a text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pipeline.linking.keys import GRAMS, grams_of, hash_of
from pipeline.linking.statistics import load_statistics
from pipeline.linking.stems import stems

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

__all__ = ["hash_words", "vectors_of"]

# What part of the similarity of two names is that of their words; the rest is that of their 3-grams.
import os
_WORDS = float(os.environ.get('WW','0.4'))


def hash_words(forms: Sequence[tuple[str, ...]]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint64]]:
    """The words of normal forms: (place of the form, 64-bit hash of the word), every pair once."""
    cache: dict[str, int] = {}
    pairs = [
        (row, cache[word] if word in cache else cache.setdefault(word, hash_of(word)))
        for row, form in enumerate(forms)
        for word in dict.fromkeys(stem for word in form for stem in stems(word))
    ]
    rows = np.fromiter((row for row, _ in pairs), dtype=np.int64, count=len(pairs))
    return rows, np.fromiter((word for _, word in pairs), dtype=np.uint64, count=len(pairs))


def vectors_of(forms: Sequence[tuple[str, ...]], words: npt.NDArray[np.uint64]) -> csr_matrix:
    """Normal forms as rows of unit length [forms, GRAMS + words]; words that are not among `words` (sorted) only lengthen them."""
    from scipy.sparse import coo_matrix

    statistics = load_statistics()
    n = len(forms)
    gram_rows, grams = grams_of([" ".join(form) for form in forms])
    gc=float(os.environ.get('GC','3.5')); gs=float(os.environ.get('GS','0')); keepnorm=os.environ.get('KN','0')=='1'
    gw=statistics.grams[grams]
    keep=gw>gc
    gw=np.maximum(gw-gs,0)
    if keepnorm:
        gram_values = _unit(gram_rows, gw, n) * np.float32(np.sqrt(1 - _WORDS))
        gram_values,gram_rows,grams=gram_values[keep],gram_rows[keep],grams[keep]
    else:
        gram_rows,grams,gw=gram_rows[keep],grams[keep],gw[keep]
        gram_values = _unit(gram_rows, gw, n) * np.float32(np.sqrt(1 - _WORDS))
    rows, hashes = hash_words(forms)
    ww=statistics.words(hashes)
    values = _unit(rows, np.maximum(ww-float(os.environ.get('WS','0')),0.1), n) * np.float32(np.sqrt(_WORDS))
    places = np.searchsorted(words, hashes)
    known = np.zeros(len(hashes), dtype=bool)
    inside = places < len(words)
    known[inside] = words[places[inside]] == hashes[inside]
    matrix = coo_matrix(
        (
            np.concatenate([gram_values, values[known]]),
            (np.concatenate([gram_rows, rows[known]]), np.concatenate([grams.astype(np.int64), GRAMS + places[known]])),
        ),
        shape=(n, GRAMS + len(words)),
        dtype=np.float32,
    ).tocsr()
    return matrix


def _unit(rows: npt.NDArray[np.int64], values: npt.NDArray[np.float32], n: int) -> npt.NDArray[np.float32]:
    """Values of rows, each row scaled to unit length."""
    squares = np.bincount(rows, weights=values.astype(np.float64) ** 2, minlength=n)
    unit: npt.NDArray[np.float32] = (values / np.sqrt(squares)[rows]).astype(np.float32)
    return unit
