"""The form in which texts are compared: words without case, width, punctuation and spacing, and the runs they make, as numbers.

Text is brought to Unicode NFKC and lower case; punctuation is dropped, but no sign that carries meaning (`<`, `+`, `%`, a minus
before a number or in brackets); each Chinese character is a word. A word is the first 64 bits of its BLAKE2b hash, a run of n
words is one 64-bit number made from theirs, so everything after this module is arithmetic on flat NumPy arrays. Hashes are
taken once a different word of a batch, and no Python code runs once a text or once a word: 25 microseconds a passage of 78
words. Rejected: regular expressions in Python (slower), DuckDB's `hash` (it may change with its version, and results with it).
"""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["Runs", "Shingles", "Words", "normal_form", "runs_of", "shingles_of", "words_of"]

Numbers = np.ndarray[Any, np.dtype[np.uint64]]
Places = np.ndarray[Any, np.dtype[np.int64]]
Shingles = np.ndarray[Any, np.dtype[np.uint32]]
Flags = np.ndarray[Any, np.dtype[np.bool_]]

# A minus before a number or alone in brackets: r = -0.4, (-)-amphetamine. As U+2212 it is a sign, and stays.
_MINUS, _AS_SIGN = r"(^|[\s(\[=<>])[-\x{2010}-\x{2013}]([\d).])", "\\1\u2212\\2"
_NO_WORD = r"[^\p{L}\p{M}\p{N}\p{S}%]+"
_FACTOR = 0x9E3779B97F4A7C15
_MIXER = np.uint64(0xFF51AFD7ED558CCD)


class Words(NamedTuple):
    """The words of several texts, one after another.

    Attributes:
        hashes: 64 bits of each word.
        han: whether the word is a Chinese character.
        offsets: where each text's words begin; one more than there are texts.
    """

    hashes: Numbers
    han: Flags
    offsets: Places

    def of(self, texts: Flags) -> Words:
        """The words of the chosen texts."""
        lengths = np.diff(self.offsets)
        words = np.repeat(texts, lengths)
        return Words(self.hashes[words], self.han[words], np.concatenate([[0], np.cumsum(lengths[texts])]))

    def sums(self, flags: Flags) -> Places:
        """How many words of each text are flagged."""
        before = np.concatenate([[0], np.cumsum(flags)])
        return np.asarray(before[self.offsets[1:]] - before[self.offsets[:-1]])


class Runs(NamedTuple):
    """Runs of words of several texts, one after another.

    Attributes:
        hashes: 64 bits of each run.
        starts: place of its first word among all words.
        offsets: where each text's runs begin; one more than there are texts.
    """

    hashes: Numbers
    starts: Places
    offsets: Places


def normal_form(texts: pa.StringArray) -> pa.StringArray:
    """The words of each text with one space between them, as they are compared. Null is read as the empty text."""
    form = pc.utf8_lower(pc.utf8_normalize(pc.fill_null(texts, ""), form="NFKC"))
    form = pc.replace_substring_regex(form, _MINUS, _AS_SIGN)
    form = pc.replace_substring_regex(form, _NO_WORD, " ")
    if pc.any(pc.match_substring_regex(form, r"\p{Han}")).as_py():
        form = pc.replace_substring_regex(form, r"(\p{Han})", " \\1 ")
        form = pc.replace_substring_regex(form, " +", " ")
    return pc.utf8_trim(form, " ")


def words_of(normal: pa.StringArray) -> Words:
    """The words of texts in normal form."""
    lists = pc.split_pattern(normal, " ")
    coded = pc.dictionary_encode(pc.list_flatten(lists))
    different = coded.dictionary.to_pylist()
    hashed = b"".join(hashlib.blake2b(word.encode(), digest_size=8).digest() for word in different)
    han = pc.match_substring_regex(coded.dictionary, r"^\p{Han}$")
    codes = coded.indices.to_numpy()
    offsets = np.concatenate([[0], np.cumsum(pc.list_value_length(lists).to_numpy())]).astype(np.int64)
    words = Words(np.frombuffer(hashed, "<u8")[codes], han.to_numpy(zero_copy_only=False)[codes], offsets)
    return _without(words, codes == different.index("")) if "" in different else words


def _without(words: Words, dropped: Flags) -> Words:
    before = np.concatenate([[0], np.cumsum(dropped)])
    return Words(words.hashes[~dropped], words.han[~dropped], words.offsets - before[words.offsets])


def runs_of(words: Words, n: int, han: bool | None = None) -> Runs:
    """Every run of n neighbouring words of one text.

    Args:
        han: where given, those runs alone that are (or are not) Chinese characters by half or more.
    """
    total = len(words.hashes)
    if total < n:
        return Runs(np.empty(0, np.uint64), np.empty(0, np.int64), np.zeros_like(words.offsets))
    runs = total - n + 1
    hashes = np.full(runs, n, np.uint64)
    for k in range(n):
        hashes *= np.uint64(_FACTOR)
        hashes += words.hashes[k : k + runs]
    hashes ^= hashes >> np.uint64(33)
    hashes *= _MIXER
    hashes ^= hashes >> np.uint64(33)
    ends = np.repeat(words.offsets[1:], np.diff(words.offsets))[:runs]
    kept = np.arange(runs) + n <= ends
    if han is not None:
        before = np.concatenate([[0], np.cumsum(words.han)])
        kept &= (2 * (before[n:] - before[:runs]) >= n) == han
    before_text = np.concatenate([[0], np.cumsum(kept)])
    return Runs(hashes[kept], np.flatnonzero(kept), before_text[np.minimum(words.offsets, runs)])


def shingles_of(words: Words, n: int, wanted: Flags) -> tuple[Shingles, Places]:
    """The set of runs of n words of each wanted text (an empty one for the others), sorted, and where each begins.

    Half a hash is kept of a run: in a pair of abstracts two different ones are taken for the same once in 200,000 pairs.
    """
    runs = runs_of(words, n)
    text = np.repeat(np.arange(len(wanted)), np.diff(runs.offsets))
    chosen = wanted[text]
    # the half hash under the number of its text: sorting brings equal ones together
    keys = np.unique(text[chosen].astype(np.uint64) << np.uint64(32) | runs.hashes[chosen] >> np.uint64(32))
    offsets = np.searchsorted(keys, np.arange(len(wanted) + 1, dtype=np.uint64) << np.uint64(32))
    return keys.astype(np.uint32), offsets
