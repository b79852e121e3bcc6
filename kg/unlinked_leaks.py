"""Held-out pairs that a sentence without any linked name gives away in plain words.

`kg.leaks` goes by linked names, so it sees nothing where no linker read: shards from elsewhere, a sentence that somebody put in.
These sentences (of a row without sentences, the passage) are searched for the names of the held-out claims' entities, as whole words
without case and punctuation; one that names both ends leaks. Where there are links, they decide: a name in plain words
beside them is mostly another thing (`pain` in `back pain`). 50 microseconds a passage.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kg.cleaning.words import normal_form
from kg.leaks import Leak

__all__ = ["UnlinkedLeaks"]

_LONGEST = 1 << 32
_Integers = np.ndarray[Any, np.dtype[np.int64]]


class UnlinkedLeaks:
    """The held-out pairs, ready to be looked for in plain words.

    Args:
        pairs: the two ends of each held-out claim, in any order.
        names: what the entities are called, by CURIE.
    """

    def __init__(self, pairs: Iterable[tuple[str, str]], names: Mapping[str, str]) -> None:
        self._pairs = {(min(pair), max(pair)) for pair in pairs}
        curies = sorted({curie for pair in self._pairs for curie in pair if curie in names})
        self._called: dict[tuple[str, ...], list[str]] = defaultdict(list)
        for curie, name in zip(curies, _words([names[curie] for curie in curies]), strict=True):
            if name:
                self._called[name].append(curie)
        self._lengths = sorted({len(name) for name in self._called})

    def among(self, passages: pa.RecordBatch) -> list[tuple[int, Leak]]:
        """Rows of PASSAGES that leak, with what they give away: each pair of a row once."""
        if not self._called:
            return []
        rows, starts, ends = _unlinked_sentences(passages)
        texts = passages.column("text").take(pa.array(rows)).to_pylist()
        told = _words([text[start:end] for text, start, end in zip(texts, starts.tolist(), ends.tolist(), strict=True)])
        leaks = {(row, pair) for row, words in zip(rows.tolist(), told, strict=True) for pair in self._pairs_in(words)}
        columns = [passages.column(name) for name in ("passage_id", "kind", "text")]
        found = []
        for row, pair in sorted(leaks):
            passage_id, kind, text = (column[row].as_py() for column in columns)
            found.append((row, Leak("pair-in-words", passage_id, kind, *pair, text)))
        return found

    def _pairs_in(self, words: tuple[str, ...]) -> set[tuple[str, str]]:
        named: set[str] = set()
        for length in self._lengths:
            for start in range(len(words) - length + 1):
                named.update(self._called.get(words[start : start + length], ()))
        return self._pairs & set(combinations(sorted(named), 2))


def _unlinked_sentences(passages: pa.RecordBatch) -> tuple[_Integers, _Integers, _Integers]:
    """Row, start and end of each sentence that no linked name touches; of a row without sentences, of its text."""
    rows, starts, ends = _ranges(passages.column("sentences"))
    lengths = pc.utf8_length(passages.column("text")).to_numpy(zero_copy_only=False).astype(np.int64)
    whole = np.setdiff1d(np.arange(len(lengths)), rows)
    rows, starts, ends = (
        np.concatenate(parts) for parts in ((rows, whole), (starts, np.zeros_like(whole)), (ends, lengths[whole]))
    )
    of_span, begin, until = _ranges(passages.column("spans"))
    # Names that begin before the end of a sentence, less those that are over before it begins; of earlier rows, both are all.
    begun = np.searchsorted(np.sort(of_span * _LONGEST + begin), rows * _LONGEST + ends, "left")
    over = np.searchsorted(np.sort(of_span * _LONGEST + until), rows * _LONGEST + starts, "right")
    unlinked = begun == over
    return rows[unlinked], starts[unlinked], ends[unlinked]


def _ranges(lists: pa.ListArray) -> tuple[_Integers, _Integers, _Integers]:
    """Row, start and end of each member of lists of ranges."""
    members = pc.list_flatten(lists)
    columns = (pc.list_parent_indices(lists), pc.struct_field(members, "start"), pc.struct_field(members, "end"))
    rows, starts, ends = (column.to_numpy(zero_copy_only=False).astype(np.int64) for column in columns)
    return rows, starts, ends


def _words(texts: list[str]) -> list[tuple[str, ...]]:
    return [tuple(text.split()) for text in normal_form(pa.array(texts, pa.string())).to_pylist()]
