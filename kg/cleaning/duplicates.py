"""Duplicates: passages that say in the same words what another says, each with the one it duplicates.

**Exact**: passages whose normal form (`words.py`) has one MD5. **Near**, for literature alone: the Jaccard similarity of their sets
of shingles (runs of `shingle` words) is at least `near_duplicates`, and neither is a short title (`near_shortest`). Candidates are found
by MinHash and locality-sensitive hashing (Broder 1997; Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, ch. 3):
128 minimal hashes, cut into bands of r, the largest r that finds a pair at the threshold in 99 of 100 cases. Every candidate is
then compared by its sets, so nothing is dropped on an estimate. Sentences told from the graph are alike by nature, and
compared exactly only.

**Which one stays** depends on the set of passages and on nothing else: they are taken in the order test, validation, train, then by
id, and a passage is a duplicate where one that *stays* before it is as similar. So what is named as the original stands in
the corpus, a held-out passage is never dropped for a training one, and no chain of small changes drops what is unlike.

Memory is flat but for 8 bytes a passage: keys lie in DuckDB, which spills beyond 500 MB, sets of shingles in a temporary file (4 bytes a
word, mapped); Python sees those passages alone that share a band with another. All of cleaning takes 1 million passages 110 seconds of
one core and 1.1 GB at its peak, a third of both for duplicates (`benchmarks/duplicates.py`). One new passage may free or drop others:
`neighbours.py` finds which, and they are taken here again, with all that can be duplicates of them.

Signatures come from rensa (Rust), made from the hashes that are there already. Rejected: datasketch (363 microseconds a passage of 78
words in Python and NumPy, 4.4 times as long as all of this, and no text compared); gaoya (51, in Rust, but words are its own, without
Chinese, its index is held in memory, and its answers are estimates); text-dedup and datatrove (numpy 2); semhash (embeddings, to
which two facts in similar words are the same); clusters by connected components (they chain).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from types import TracebackType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kg.cleaning.config import CleaningConfig
from kg.cleaning.verdicts import verdicts
from kg.cleaning.words import Numbers, Places, Shingles, Words, shingles_of
from pipeline.duck import connect, stream

__all__ = ["SIGNS", "Duplicates", "band_rows", "jaccard"]

#: What tells whether passages can be duplicates of each other (`neighbours.py`).
SIGNS = pa.schema({"passage_id": pa.string(), "signs": pa.list_(pa.uint64())})

_SIGNATURE = 128
_FOUND = 0.99
_SEED = 42
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_EQUAL = "equal but for case, width, spaces and punctuation"

#: Its tables have a schema of their own, as the database may be another's.
_SCHEMA = "duplicates"
_TABLES = """
CREATE TABLE passages (row INTEGER, passage_id VARCHAR, rank TINYINT, form UHUGEINT);
CREATE TABLE bands (key UBIGINT, row INTEGER);
CREATE TABLE near (passage_id VARCHAR, other VARCHAR, detail VARCHAR);
"""
_ORIGINALS = """
CREATE TABLE originals AS SELECT form, min({'rank': rank, 'passage_id': passage_id}) AS original FROM passages GROUP BY form;
CREATE TABLE staying AS SELECT row, rank, passage_id FROM passages
SEMI JOIN originals ON originals.form = passages.form AND originals.original.passage_id = passages.passage_id;
"""
# What equals a passage that is dropped as a near duplicate is near to the same original.
_DUPLICATES = """
SELECT p.passage_id, o.original.passage_id AS other FROM passages p JOIN originals o ON o.form = p.form
WHERE o.original.passage_id <> p.passage_id AND o.original.passage_id NOT IN (SELECT passage_id FROM near)
"""
_NEAR = """
SELECT p.passage_id, near.other, near.detail
FROM passages p JOIN originals o ON o.form = p.form JOIN near ON near.passage_id = o.original.passage_id
"""
# Passages that share a band with another that is no exact duplicate, in the order in which they are taken.
_CANDIDATES = """
WITH present AS (SELECT b.key, s.* FROM bands b JOIN staying s ON s.row = b.row),
     shared AS (SELECT key FROM present GROUP BY key HAVING count(*) > 1)
SELECT row, any_value(passage_id) AS passage_id, list(key ORDER BY key) AS keys
FROM present SEMI JOIN shared USING (key) GROUP BY row ORDER BY any_value(rank), any_value(passage_id)
"""


def band_rows(threshold: float) -> int:
    """How many minimal hashes make a band: the most with which 128 of them find a pair at the threshold in 99 of 100 cases.

    Bands of r find a pair of similarity s with probability 1 - (1 - s^r)^(128 // r).
    """
    rows = [r for r in range(1, _SIGNATURE + 1) if 1 - (1 - threshold**r) ** (_SIGNATURE // r) >= _FOUND]
    return max(rows, default=1)


def jaccard(one: Shingles, other: Shingles) -> float:
    """Size of the intersection of two sets over that of their union; sets are sorted and without repetition."""
    common = len(np.intersect1d(one, other, assume_unique=True))
    return common / (len(one) + len(other) - common)


class Duplicates:
    """Takes passages batch by batch, then tells which of them are duplicates. A context manager: what it spills goes away.

    Args:
        database: a connection to the DuckDB database to use; one of its own where None. It costs 25 milliseconds to make one.
    """

    def __init__(self, config: CleaningConfig, database: Any = None) -> None:
        self._config = config
        self._database = database
        self._band_rows = band_rows(config.near_duplicates) if config.near_duplicates else 0
        self._rows = 0
        self._offsets = [np.zeros(1, np.int64)]
        self._stack = ExitStack()

    def __enter__(self) -> Duplicates:
        if self._database is None:
            self._connection = self._stack.enter_context(connect(memory_limit="500MB"))
        else:
            self._connection = self._stack.enter_context(self._database.cursor())
        self._connection.execute(f"CREATE SCHEMA {_SCHEMA}; USE {_SCHEMA}")
        self._connection.execute(_TABLES)
        self._sets = self._stack.enter_context(tempfile.TemporaryFile(prefix="materia.shingles."))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def add(self, passages: pa.RecordBatch, normal: pa.StringArray, words: Words) -> pa.RecordBatch:
        """Take passages with their normal forms and words; only literature is looked at for near duplicates.

        Returns:
            SIGNS of the passages: those that can be duplicates of each other share a sign.
        """
        own = _word_signs(words)
        if not passages.num_rows:
            return _signs(passages, own, np.empty(0, np.int64), np.empty((0, 0), np.uint64))
        rows = np.arange(self._rows, self._rows + passages.num_rows, dtype=np.int32)
        split = passages.column("split")
        rank = pc.case_when(
            pc.make_struct(pc.equal(split, "test"), pc.equal(split, "validation")),
            pa.scalar(0, pa.int8()),
            pa.scalar(1, pa.int8()),
            pa.scalar(2, pa.int8()),
        )
        form = normal if self._config.duplicates else passages.column("passage_id")
        named = {"row": rows, "passage_id": passages.column("passage_id"), "rank": rank, "form": form}
        self._insert("INSERT INTO passages SELECT row, passage_id, rank, md5_number(form) FROM given", named)
        filled, keys = np.empty(0, np.int64), np.empty((0, 0), np.uint64)
        if self._band_rows:
            literature = pc.equal(passages.column("kind"), "literature").to_numpy(zero_copy_only=False)
            compared = literature & (np.diff(words.offsets) >= self._config.near_shortest)
            filled, keys = self._sign(rows, compared, words)
        self._rows += passages.num_rows
        return _signs(passages, own, filled, keys)

    def _insert(self, sql: str, columns: dict[str, Any]) -> None:
        self._connection.register("given", pa.table(columns))
        self._connection.execute(sql)
        self._connection.unregister("given")

    def _sign(
        self, rows: np.ndarray[Any, Any], compared: np.ndarray[Any, Any], words: Words
    ) -> tuple[Places, np.ndarray[Any, np.dtype[np.uint64]]]:
        """Write the sets of shingles to the file, and the keys of their bands to the table; which passages have any, and theirs."""
        sets, offsets = shingles_of(words, self._config.shingle, compared)
        self._sets.write(sets.tobytes())
        self._offsets.append(self._offsets[-1][-1] + offsets[1:])
        filled = np.flatnonzero(np.diff(offsets))
        if not len(filled):
            return filled, np.empty((0, 0), np.uint64)
        keys = _band_keys(sets, np.append(offsets[filled], offsets[-1]), self._band_rows)
        repeated = np.repeat(rows[filled], keys.shape[1])
        self._insert("INSERT INTO bands SELECT key, row FROM given", {"key": keys.ravel(), "row": repeated})
        return filled, keys

    def verdicts(self) -> Iterator[pa.RecordBatch]:
        """Every duplicate among the passages taken, as batches of VERDICTS: the near ones first."""
        self._connection.execute(_ORIGINALS)
        if self._band_rows:
            self._find_near()
        for batch in stream(self._connection, _NEAR):
            yield verdicts(batch.column(0), "near-duplicate", batch.column(2), other=batch.column(1))
        for batch in stream(self._connection, _DUPLICATES):
            yield verdicts(batch.column(0), "duplicate", _EQUAL, other=batch.column(1))

    def _find_near(self) -> None:
        """Take the passages that share a band in their order; each is like one that stays, or stays itself."""
        self._sets.flush()
        offsets = np.concatenate(self._offsets)
        sets: Shingles = np.memmap(self._sets, np.uint32, "r") if offsets[-1] else np.empty(0, np.uint32)
        staying: dict[int, list[int]] = {}
        names: dict[int, str] = {}

        def shingles(row: int) -> Shingles:
            return sets[offsets[row] : offsets[row + 1]]

        cursor = self._connection.cursor()  # reads while the connection writes
        cursor.execute(f"USE {_SCHEMA}")
        for batch in stream(cursor, _CANDIDATES):
            found: list[tuple[str, str, str]] = []
            for row, passage_id, keys in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                others = {other for key in keys for other in staying.get(key, ())}
                similarity, original = self._most_similar(
                    shingles(row), {names[other]: shingles(other) for other in others}
                )
                if original is not None:
                    found.append((passage_id, original, f"Jaccard similarity {similarity:.3f}"))
                    continue
                names[row] = passage_id
                for key in keys:
                    staying.setdefault(key, []).append(row)
            if found:
                columns = zip(("passage_id", "other", "detail"), zip(*found, strict=True), strict=True)
                self._insert("INSERT INTO near FROM given", dict(columns))

    def _most_similar(self, one: Shingles, others: dict[str, Shingles]) -> tuple[float, str | None]:
        """The greatest similarity and whose it is, the smallest id's of equals; None where none reaches the threshold."""
        threshold = self._config.near_duplicates or 1.0
        best, name = threshold, None
        for other_name, other in sorted(others.items()):
            if min(len(one), len(other)) < best * max(len(one), len(other)):
                continue  # sets of such different size cannot be that similar
            similarity = jaccard(one, other)
            if similarity > best or (name is None and similarity == best):
                best, name = similarity, other_name
        return best, name


def _word_signs(words: Words) -> Numbers:
    """A number for each text, the same for texts of the same words in the same order."""
    lengths = np.diff(words.offsets)
    places = np.arange(len(words.hashes)) - np.repeat(words.offsets[:-1], lengths)
    placed = words.hashes * (2 * places + 1).astype(np.uint64)
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(placed, dtype=np.uint64)])
    return np.asarray((sums[words.offsets[1:]] - sums[words.offsets[:-1]]) * _SPREAD)


def _signs(passages: pa.RecordBatch, own: Numbers, banded: Places, keys: Numbers) -> pa.RecordBatch:
    """SIGNS: of every passage that of its words, of some those of their bands after it."""
    counts = np.ones(len(own), np.int64)
    counts[banded] += keys.shape[1]
    offsets = np.concatenate([[0], np.cumsum(counts)])
    signs = np.empty(offsets[-1], np.uint64)
    first = np.zeros(len(signs), np.bool_)
    first[offsets[:-1]] = True
    signs[first], signs[~first] = own, keys.ravel()
    lists = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(signs))
    return pa.RecordBatch.from_arrays([passages.column("passage_id"), lists], schema=SIGNS)


def _band_keys(sets: Shingles, offsets: Places, band: int) -> Numbers:
    """One key a band and text; texts whose signatures agree in a band, and as a rule no others, have its key in common."""
    from rensa import RMinHash

    spread = sets.astype(np.uint64) * _SPREAD
    matrix = RMinHash.digest_matrix_from_flat_token_hashes(spread, offsets.astype(np.uint64), _SIGNATURE, _SEED)
    signatures = np.array(matrix.to_rows(), np.uint64)
    bands = _SIGNATURE // band
    grouped = signatures[:, : bands * band].reshape(len(signatures), bands, band)
    keys = np.broadcast_to(np.arange(bands, dtype=np.uint64), grouped.shape[:2]).copy()
    for k in range(band):
        keys ^= keys >> np.uint64(29)
        keys = (keys + grouped[:, :, k]) * _SPREAD
    return keys ^ keys >> np.uint64(32)
