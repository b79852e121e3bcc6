"""Prints of passages, by which a finished corpus is searched for duplicates: all that is compared before any text is.

Two texts that are equal but for case and white space have one `form`. Two passages that are similar share the smallest of their
shingles: of two sets of which one holds n, and whose Jaccard similarity is at least t, each of the k smallest common ones is among the
n - ceil(t n) + k smallest of that set (prefix filtering, Chaudhuri et al., ICDE 2006; with k above one, Wang, Li and Feng, SIGMOD
2012). So a tenth of a set suffices to find every such pair, by counting and not by chance: 40 bytes a passage. Rejected: the whole
sets (ten times the size, read at each build), signatures and bands (what is to be checked was found by these).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kg.cleaning.config import CleaningConfig
from kg.cleaning.words import Shingles, normal_form, shingles_of, words_of
from pipeline.duck import one_array

__all__ = ["PRINTS", "Pair", "least_similarity", "prints_of", "sets_of", "similar_pairs"]

#: key: number from the split and a hash of the id, held-out passages before those of training; form: number from a hash of the text
#: but for case and white space; size: of the set of shingles, 0 where it is not compared; prefix: its smallest, sorted.
PRINTS = pa.schema({"key": pa.uint64(), "form": pa.uint64(), "size": pa.int32(), "prefix": pa.list_(pa.uint32())})

_Numbers = np.ndarray[Any, np.dtype[Any]]
#: How many common shingles of two prefixes make a pair, so that two passages with one phrase in common do not.
_COMMON = 4
#: Bits of a shingle that the table of those looked for leaves out.
_SHIFT = 8
_HASHED_SQL = r"""
SELECT (CASE split WHEN 'train' THEN 1::UBIGINT << 63 ELSE 0 END) | (md5_number_lower(passage_id) >> 1) AS key,
    md5_number_lower(trim(regexp_replace(lower(text), '\s+', ' ', 'g'))) AS form
FROM given ORDER BY row
"""


class Pair(NamedTuple):
    """Two passages that may be similar: place among those looked for, and part and row where it was met."""

    wanted: int
    part: str
    row: int


def least_similarity(config: CleaningConfig) -> float:
    """The similarity from which a pair in a finished corpus is a mistake: halfway between the threshold and 1."""
    return (1 + (config.near_duplicates or 1)) / 2


def sets_of(passages: pa.RecordBatch, config: CleaningConfig) -> tuple[Shingles, _Numbers]:
    """The sets of shingles of passages, one after another, and where each begins; short and told ones have an empty one."""
    words = words_of(normal_form(passages.column("text")))
    literature = pc.equal(passages.column("kind"), "literature").to_numpy(zero_copy_only=False)
    return shingles_of(words, config.shingle, literature & (np.diff(words.offsets) >= config.near_shortest))


def prints_of(connection: Any, passages: Iterable[pa.RecordBatch], config: CleaningConfig) -> Iterator[pa.RecordBatch]:
    """PRINTS of batches of PASSAGES (passage_id, kind, split and text at least), row by row.

    Args:
        connection: DuckDB's.
    """
    least = least_similarity(config)
    for batch in passages:
        names = ("passage_id", "split", "text")
        numbered = {name: batch.column(name) for name in names} | {"row": np.arange(batch.num_rows)}
        connection.register("given", pa.table(numbered))
        hashed = connection.sql(_HASHED_SQL).to_arrow_table()
        connection.unregister("given")
        if config.near_duplicates:
            sets, offsets = sets_of(batch, config)
        else:
            sets, offsets = np.empty(0, np.uint32), np.zeros(batch.num_rows + 1, np.int64)
        sizes = np.diff(offsets)
        lengths = np.minimum(sizes, sizes - np.ceil(least * sizes - 1e-9).astype(np.int64) + _COMMON)
        within = np.arange(len(sets)) - np.repeat(offsets[:-1], sizes) < np.repeat(lengths, sizes)
        ends = np.concatenate([[0], np.cumsum(lengths)])
        prefix = pa.ListArray.from_arrays(pa.array(ends, pa.int32()), pa.array(sets[within]))
        columns = [*(one_array(hashed[name]) for name in ("key", "form")), pa.array(sizes, pa.int32()), prefix]
        yield pa.RecordBatch.from_arrays(columns, schema=PRINTS)


def similar_pairs(wanted: pa.Table, prints: Iterable[tuple[str, pa.Table]], config: CleaningConfig) -> Iterator[Pair]:
    """Pairs of passages that may be as similar as `least_similarity`: every pair that is, and hardly any other.

    A passage that is among those wanted is met as itself too.

    Args:
        wanted: PRINTS of the passages that are looked for.
        prints: PRINTS of those that are looked through, part by part.
    """
    least, sizes, prefix = least_similarity(config), wanted["size"].to_numpy(), one_array(wanted["prefix"])
    lengths = pc.list_value_length(prefix).to_numpy(zero_copy_only=False)
    shingles = prefix.flatten().to_numpy()
    order = np.argsort(shingles, kind="stable")
    shingles, owners = shingles[order], np.repeat(np.arange(len(wanted)), lengths)[order]
    there = np.zeros(1 << (32 - _SHIFT), np.bool_)
    there[shingles >> _SHIFT] = True
    for part, table in prints:
        lists = one_array(table["prefix"])
        values, counted = lists.flatten().to_numpy(), pc.list_value_length(lists).to_numpy(zero_copy_only=False)
        shared = np.flatnonzero(there[values >> _SHIFT])  # most of what none wanted has is passed over
        first = np.searchsorted(shingles, values[shared], side="left")
        counts = np.searchsorted(shingles, values[shared], side="right") - first
        # every pair with a shingle in common, once for each such shingle
        places = np.repeat(first - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
        rows = np.repeat(np.searchsorted(np.cumsum(counted), shared, side="right"), counts)
        pairs, common = np.unique(rows * max(len(wanted), 1) + owners[places], return_counts=True)
        row, place = np.divmod(pairs, max(len(wanted), 1))
        size = table["size"].to_numpy()[row]
        largest = np.maximum(size, sizes[place])
        enough = np.minimum(_COMMON, np.ceil(least * largest - 1e-9))
        fits = (common >= enough) & (np.minimum(size, sizes[place]) >= least * largest)
        for one, met in zip(place[fits].tolist(), row[fits].tolist(), strict=True):
            yield Pair(one, part, met)
