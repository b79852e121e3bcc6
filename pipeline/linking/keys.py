"""What a name is compared by: its normal words, its character 3-grams, and 64-bit hashes of whole names.

A 3-gram is a number of 18 bits, six a character: a to z, 0 to 9, a space, and 27 codes that all other characters share. So the
3-grams of many names are three shifts over one array, and no table of 3-grams is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

__all__ = ["GRAMS", "grams_of", "hash_of"]

#: How many 3-grams there are.
GRAMS = 1 << 18

_ASCII = np.zeros(128, dtype=np.uint32)
_ASCII[ord("a") : ord("z") + 1] = np.arange(1, 27)
_ASCII[ord("0") : ord("9") + 1] = np.arange(27, 37)


def hash_of(text: str) -> int:
    """A 64-bit hash of a text, the same in every process."""
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def grams_of(texts: Sequence[str]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint32]]:
    """The 3-grams of lower-case texts, with a space before and after each: (place of the text, 3-gram), every pair once, sorted."""
    joined = "".join([f" {text} " for text in texts])
    points = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    plain = points < 128
    codes = np.where(plain, _ASCII[points * plain], 37 + (points * np.uint32(2654435761) >> np.uint32(8)) % 27)
    rows = np.repeat(np.arange(len(texts)), [len(text) + 2 for text in texts])
    if len(codes) < 3:
        return rows[:0], codes[:0].astype(np.uint32)
    grams = codes[:-2] << 12 | codes[1:-1] << 6 | codes[2:]
    inside = rows[:-2] == rows[2:]
    pairs = np.unique(rows[:-2][inside] * GRAMS + grams[inside])
    return pairs // GRAMS, (pairs % GRAMS).astype(np.uint32)
