"""Which entity pairs are held out: a hash of the pair, so that new data never moves one.

The pair is unordered. So a triple, its inverse, and every other predicate between the same two entities fall into the same
split, and no inverse of a test triple can be in train (the leak of FB15k that made FB15k-237 necessary: Toutanova and
Chen 2015, https://aclanthology.org/W15-4007/). Rejected: a random draw (moves when rows are added), a hash of the triple
(lets inverses leak).

The Python and the SQL form compare whole numbers, not floating-point numbers, so they cannot disagree.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil

from kg.config import SplitConfig
from pipeline.hashing import hash_fields

__all__ = ["held_out_by", "split_of", "split_sql"]

#: Hexadecimal digits of the hash that are used: 52 bits, which a DuckDB BIGINT and a Python float both hold exactly.
_DIGITS = 13


def _bounds(config: SplitConfig) -> tuple[int, int]:
    """Hash values below the first bound are test, below the second validation, the others train."""
    space = 16**_DIGITS
    return ceil(config.test * space), ceil((config.test + config.validation) * space)


def split_of(a: str, b: str, config: SplitConfig) -> str:
    """The split of an unordered pair of CURIEs: `test`, `validation` or `train`.

    >>> split_of("MESH:D008687", "MESH:D003924", SplitConfig()) == split_of("MESH:D003924", "MESH:D008687", SplitConfig())
    True
    """
    test, validation = _bounds(config)
    value = int(hash_fields("split", *sorted((a, b)))[:_DIGITS], 16)
    return "test" if value < test else "validation" if value < validation else "train"


def held_out_by(config: SplitConfig) -> Callable[[str, str], bool]:
    """Whether the split of a pair, given in order, is another than `train`: the same as `split_of`, for many pairs."""
    bound = _bounds(config)[1]
    return lambda a, b: int(hash_fields("split", a, b)[:_DIGITS], 16) < bound


def split_sql(a: str, b: str, config: SplitConfig) -> str:
    """The same as a DuckDB expression over two string columns (or expressions) without nulls.

    DuckDB compares strings by their UTF-8 bytes, which is the order of code points that Python sorts by.
    """
    test, validation = _bounds(config)
    pair = f"'split' || chr(31) || least({a}, {b}) || chr(31) || greatest({a}, {b})"
    value = f"('0x' || sha256({pair})[1:{_DIGITS}])::BIGINT"
    return f"CASE WHEN {value} < {test} THEN 'test' WHEN {value} < {validation} THEN 'validation' ELSE 'train' END"
