"""Passages that hold a document of a downstream test: by its name, or by a run of words of its text.

By name, a passage is left out where every document behind it is a test document: the papers' own passages, and what the graph
knows from them alone. By text, where it shares `test_runs` runs of words with the tests (`downstream.py`), whatever kind it is; the test
document named is the one with most of them. A held-out split is judged like training: a model may be trained on it some day.

Each run of a passage is looked up in a table of bits first, so that what is in no test costs a few nanoseconds: 8 to 20
microseconds a passage of 78 words, by how many lengths of runs there are.
Rejected: an automaton of the tests' texts (memory as the texts), a Bloom filter alone (its mistakes would drop passages).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kg.cleaning.config import CleaningConfig
from kg.cleaning.downstream import DownstreamTests, TestRuns
from kg.cleaning.verdicts import verdicts
from kg.cleaning.words import Numbers, Words, runs_of

__all__ = ["Contamination"]

_BITS = 24
_Integers = np.ndarray[Any, np.dtype[np.int64]]
#: A row, and its reason, other and detail.
_Row = tuple[int, tuple[str, str, str]]


class Contamination:
    """The tests, ready to be looked for in passages."""

    def __init__(self, tests: DownstreamTests, config: CleaningConfig) -> None:
        self._tests = tests
        self._names = pa.array(tests.names, pa.string()) if config.test_ids else pa.array([], pa.string())
        runs = tests.runs.items() if config.test_ngram else ()
        # texts that count whole come first: where a passage holds a run too, the run is told
        self._lookups = {
            kind: _Lookup(found) for kind, found in sorted(runs, key=lambda item: (item[0][1] is not None, item[0][0]))
        }

    def verdicts(
        self, passages: pa.RecordBatch, config: CleaningConfig, normal: pa.StringArray, words: Words
    ) -> pa.RecordBatch:
        """Verdicts on the passages that hold a test document, in their order."""
        found = dict(self._by_text(config, normal, words)) | dict(self._by_name(passages))
        rows = sorted(found)
        reasons, others, details = (pa.array([found[row][k] for row in rows], pa.string()) for k in range(3))
        return verdicts(passages.column("passage_id").take(pa.array(rows, pa.int64())), reasons, details, other=others)

    def _by_name(self, passages: pa.RecordBatch) -> Iterator[_Row]:
        lists = passages.column("doc_ids")
        known = pc.is_in(lists.flatten(), self._names).to_numpy(zero_copy_only=False)
        lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
        ends = np.cumsum(lengths)
        hits = np.concatenate([[0], np.cumsum(known)])
        for row in np.flatnonzero((lengths > 0) & (hits[ends] - hits[ends - lengths] == lengths)).tolist():
            documents = lists[row].as_py()
            label = min(self._tests.names[document] for document in documents)
            yield row, ("test-document", label, f"from {', '.join(documents[:3])}")

    def _by_text(self, config: CleaningConfig, normal: pa.StringArray, words: Words) -> Iterator[_Row]:
        for (n, han), lookup in self._lookups.items():
            runs = runs_of(words, n, han)
            places, documents = lookup.hits(runs.hashes)
            rows = np.searchsorted(runs.offsets, places, side="right") - 1
            counts = np.bincount(rows, minlength=len(normal))
            # a short text of a test condemns by itself, as it is there whole
            least = 1 if han is None else config.test_runs
            for row in np.flatnonzero(counts >= least).tolist():
                here = slice(*np.searchsorted(rows, [row, row + 1]))
                others, shared = np.unique(documents[here], return_counts=True)
                document = others[shared.argmax()]
                first = places[here][documents[here] == document][0]
                start = int(runs.starts[first] - words.offsets[row])
                quoted = " ".join(normal[row].as_py().split(" ")[start : start + n])
                total = int(runs.offsets[row + 1] - runs.offsets[row])
                detail = f"{counts[row]} of {total} runs of {n} words are in tests: {quoted}"
                yield row, ("test-ngram", self._tests.labels[document], detail)


class _Lookup:
    """Sorted hashes behind a table of bits."""

    def __init__(self, runs: TestRuns) -> None:
        self._runs = runs
        self._bits = np.zeros(1 << _BITS, np.bool_)
        self._bits[_slot(runs.hashes)] = True

    def hits(self, hashes: Numbers) -> tuple[_Integers, _Integers]:
        """Places of the hashes that are known, and the document of each."""
        places = np.flatnonzero(self._bits[_slot(hashes)])
        found = np.searchsorted(self._runs.hashes, hashes[places])
        found[found == len(self._runs.hashes)] = 0
        known = self._runs.hashes[found] == hashes[places] if len(self._runs.hashes) else np.zeros(0, np.bool_)
        return places[known], self._runs.documents[found[known]].astype(np.int64)


def _slot(hashes: Numbers) -> _Integers:
    return (hashes >> np.uint64(64 - _BITS)).astype(np.int64)
