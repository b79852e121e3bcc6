"""What should not be left in a finished corpus, looked for by other means than those that took it out.

Nothing here uses signatures, bands, the order of originals or the lookup of hashes, so a mistake there is caught here; and each check
asks for less than the rules do, so that what it finds is a mistake and no matter of taste.

**Exact duplicates**: texts equal but for case and white space, by DuckDB. **Near duplicates**: probes are the held-out passages and, up
to 20,000 in all, those with the smallest ids, which are a random sample; every passage is compared with each probe that it shares a
shingle with, by counting, not by chance. A pair is named halfway between the threshold and 1, where bands miss one in millions. **Tests**: all
their texts are read again and compared as runs of words between white space (of Chinese characters), as Python sees them.

A passage that the mixture repeats stands under one id and is no duplicate of itself. Cost: 60 microseconds of processor time a passage for
duplicates, 50 for tests.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from heapq import nsmallest
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kg.cleaning.config import CleaningConfig
from kg.cleaning.downstream_files import DownstreamDocument, read_downstream_file
from kg.cleaning.words import normal_form, runs_of, words_of
from pipeline.duck import connect

__all__ = ["Found", "find_duplicates", "find_test_documents"]

_PROBES = 20_000
_SHOWN = 200
_HAN_RUN = re.compile("[\u4e00-\u9fff]+")
_BETWEEN_HAN = re.compile(r"[\s，。、；：？！（）《》“”,.;:()]+")
_Numbers = np.ndarray[Any, np.dtype[Any]]


class Found(NamedTuple):
    """A passage that should not be there; the fields are those of VERDICTS, and the beginning of its text."""

    passage_id: str
    reason: str
    other: str
    detail: str
    text: str


def find_duplicates(
    read: Callable[[], Iterable[pa.RecordBatch]], config: CleaningConfig, limit: int = 20
) -> list[Found]:
    """Passages of a finished corpus that repeat another of it; the first `limit` of them by id.

    Args:
        read: gives batches of PASSAGES (passage_id, kind, split and text at least), each time it is called.
    """
    exact = _equal(read(), limit) if config.duplicates else []
    near = _near(read, config, limit) if config.near_duplicates else []
    return sorted(chain(exact, near))[:limit]


def _equal(passages: Iterable[pa.RecordBatch], limit: int) -> list[Found]:
    with connect() as connection:
        connection.execute("CREATE TABLE texts (passage_id VARCHAR, form VARCHAR)")
        for batch in passages:
            connection.register("given", pa.table({name: batch.column(name) for name in ("passage_id", "text")}))
            connection.execute(
                r"INSERT INTO texts SELECT passage_id, md5(trim(regexp_replace(lower(text), '\s+', ' ', 'g'))) FROM given"
            )
        return [
            Found(*row, "")
            for row in connection.execute(
                """
                WITH different AS (SELECT DISTINCT passage_id, form FROM texts)
                SELECT passage_id, 'duplicate', min(passage_id) OVER (PARTITION BY form) AS other, 'equal texts'
                FROM different QUALIFY passage_id <> other ORDER BY passage_id LIMIT $limit
                """,
                {"limit": limit},
            ).fetchall()
        ]


class _Probes(NamedTuple):
    """Shingles of the probes: sorted hashes, the probe of each; ids and sizes of the probes."""

    hashes: _Numbers
    owners: _Numbers
    ids: _Numbers
    sizes: _Numbers


def _near(read: Callable[[], Iterable[pa.RecordBatch]], config: CleaningConfig, limit: int) -> list[Found]:
    probes = _probes(read(), config)
    least = (1 + (config.near_duplicates or 1)) / 2
    found: dict[str, Found] = {}
    for batch in read():
        for row, ids, hashes in _long_passages(batch, config):
            first = np.searchsorted(probes.hashes, hashes, side="left")
            last = np.searchsorted(probes.hashes, hashes, side="right")
            owners = np.concatenate([probes.owners[a:b] for a, b in zip(first, last, strict=True) if b > a] or [[]])
            common = np.bincount(owners.astype(np.int64), minlength=len(probes.ids))
            similarity = common / (len(hashes) + probes.sizes - common)
            for probe in np.flatnonzero((similarity >= least) & (probes.ids != ids)).tolist():
                one, other = sorted((ids, str(probes.ids[probe])), reverse=True)
                detail = f"Jaccard similarity {similarity[probe]:.3f}"
                text = batch.column("text")[row].as_py()[:_SHOWN]
                found.setdefault(one, Found(one, "near-duplicate", other, detail, text))
    return nsmallest(limit, found.values())


def _probes(passages: Iterable[pa.RecordBatch], config: CleaningConfig) -> _Probes:
    chosen: dict[tuple[bool, str], _Numbers] = {}
    for batch in passages:
        train = pc.equal(batch.column("split"), "train").to_pylist()
        chosen |= {(train[row], name): hashes for row, name, hashes in _long_passages(batch, config)}
        if len(chosen) > 2 * _PROBES:
            chosen = dict(nsmallest(_PROBES, chosen.items(), key=lambda item: item[0]))
    kept = nsmallest(_PROBES, chosen.items(), key=lambda item: item[0])
    sizes = np.array([len(hashes) for _, hashes in kept], np.int64)
    hashes = np.concatenate([hashes for _, hashes in kept]) if kept else np.empty(0, np.uint64)
    owners = np.repeat(np.arange(len(kept)), sizes)
    order = np.argsort(hashes, kind="stable")
    return _Probes(hashes[order], owners[order], np.array([name for (_, name), _ in kept], object), sizes)


def _long_passages(batch: pa.RecordBatch, config: CleaningConfig) -> Iterator[tuple[int, str, _Numbers]]:
    """Row, id and different shingles of each literature passage that is long enough to be compared."""
    words = words_of(normal_form(batch.column("text")))
    runs = runs_of(words, config.shingle)
    literature = pc.equal(batch.column("kind"), "literature").to_numpy(zero_copy_only=False)
    names = batch.column("passage_id").to_pylist()
    for row in np.flatnonzero(literature & (np.diff(words.offsets) >= config.near_shortest)).tolist():
        yield row, names[row], np.unique(runs.hashes[runs.offsets[row] : runs.offsets[row + 1]])


def find_test_documents(
    passages: Iterable[pa.RecordBatch], files: Sequence[str], config: CleaningConfig, limit: int = 20
) -> list[Found]:
    """Passages of a finished corpus that hold a document of downstream tests; the first `limit` of them as they come.

    Args:
        passages: batches of PASSAGES (passage_id, doc_ids and text at least).
        files: what `read_downstream_tests` was given.

    Raises:
        MateriaError: a file cannot be read.
    """
    names: dict[str, str] = {}
    runs: dict[int, str] = {}
    for document in chain.from_iterable(map(read_downstream_file, files)):
        if isinstance(document, DownstreamDocument):
            names |= dict.fromkeys(document.names, document.label) if config.test_ids else {}
            runs |= {run: document.label for text in document.texts for run in _runs(text, config)}
    found: list[Found] = []
    for batch in passages if names or runs else ():
        for name, doc_ids, text in zip(
            *(batch.column(c).to_pylist() for c in ("passage_id", "doc_ids", "text")), strict=True
        ):
            if doc_ids and all(doc_id in names for doc_id in doc_ids):
                found.append(Found(name, "test-document", names[doc_ids[0]], f"from {doc_ids[0]}", text[:_SHOWN]))
            elif shared := [run for run in _runs(text, config) if run in runs]:
                if len(shared) >= config.test_runs:
                    found.append(Found(name, "test-ngram", runs[shared[0]], f"{len(shared)} runs", text[:_SHOWN]))
            if len(found) == limit:
                return found
    return found


def _runs(text: str, config: CleaningConfig) -> Iterator[int]:
    """Hashes (of this process) of the runs of words between white space, or of neighbouring Chinese characters."""
    if config.test_ngram is None:
        return
    n = config.test_ngram
    words = [word for word in text.lower().split() if not all(unicodedata.category(sign)[0] == "P" for sign in word)]
    for i in range(len(words) - n + 1):
        yield hash(" ".join(words[i : i + n]))
    if not text.isascii():
        n = config.test_ngram_han
        for piece in _HAN_RUN.findall(_BETWEEN_HAN.sub("", text)):
            for i in range(len(piece) - n + 1):
                yield hash(piece[i : i + n])
