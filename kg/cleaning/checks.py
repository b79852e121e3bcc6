"""What should not be left in a finished corpus, looked for by other means than those that took it out.

Nothing here uses signatures, bands, the order of originals or the lookup of hashes, so a mistake there is caught here; and each check
asks for less than the rules do, so that what it finds is a mistake and no matter of taste.

**Exact duplicates**: texts equal but for case and white space, by DuckDB. **Near duplicates**: probes are the held-out passages
and, up to 20,000 in all, those with the smallest ids, which are a random sample; every passage is compared with each probe that
it shares a shingle with, by counting, not by chance. A pair is named halfway between the threshold and 1, where bands miss one
in millions. **Tests**: all their texts are read again and compared as runs of words between white space, or of Chinese characters.

Copies that the mixture asks for are left out by who calls; any other row that stands twice is named, under one id too. Cost:
110 microseconds of processor time a passage for duplicates, 100 for tests.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from heapq import nsmallest
from itertools import chain, compress
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kg.cleaning.config import CleaningConfig
from kg.cleaning.downstream_files import DownstreamDocument, read_downstream_file
from kg.cleaning.words import Shingles, normal_form, shingles_of, words_of
from pipeline.duck import connect

__all__ = ["Found", "find_duplicates", "find_test_documents"]

_PROBES = 20_000
_SHOWN = 200
#: Bits of a shingle that the table of those of the probes leaves out.
_SHIFT = 8
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
    """Passages of a finished corpus that repeat another of it; at most `limit` of them, by id.

    Args:
        read: gives batches of PASSAGES (passage_id, kind, split and text at least), each time it is called, without the copies that
            the mixture asks for.
    """
    near = _near(read, config, limit) if config.near_duplicates else []
    exact = _equal(read(), limit) if config.duplicates else []
    return sorted({found.passage_id: found for found in (*near, *exact)}.values())[:limit]


def _equal(passages: Iterable[pa.RecordBatch], limit: int) -> list[Found]:
    with connect() as connection:
        connection.execute("CREATE TABLE texts (passage_id VARCHAR, form VARCHAR, beginning VARCHAR)")
        for batch in passages:
            connection.register("given", pa.table({name: batch.column(name) for name in ("passage_id", "text")}))
            connection.execute(
                r"INSERT INTO texts SELECT passage_id, md5(trim(regexp_replace(lower(text), '\s+', ' ', 'g'))), text[:200] FROM given"
            )
        rows = connection.execute(
            """
            WITH grouped AS (
                SELECT passage_id, form, min(beginning) AS beginning, count(*) AS times FROM texts GROUP BY passage_id, form
            )
            SELECT passage_id, min(passage_id) OVER (PARTITION BY form) AS other, beginning
            FROM grouped QUALIFY passage_id <> other OR times > 1 ORDER BY passage_id LIMIT $limit
            """,
            {"limit": limit},
        ).fetchall()
    return [Found(passage_id, "duplicate", other, "equal texts", text) for passage_id, other, text in rows]


class _Probes(NamedTuple):
    """The probes (whether of training, id), the sizes of their sets of shingles, all shingles in order, the probe of each."""

    keys: list[tuple[bool, str]]
    sizes: _Numbers
    shingles: Shingles
    owners: _Numbers


def _near(read: Callable[[], Iterable[pa.RecordBatch]], config: CleaningConfig, limit: int) -> list[Found]:
    probes = _probes(read(), config)
    least = (1 + (config.near_duplicates or 1)) / 2
    there = np.zeros(1 << (32 - _SHIFT), np.bool_)
    there[probes.shingles >> _SHIFT] = True
    found: dict[str, Found] = {}
    for batch in read():
        sets, offsets = _sets(batch, config)
        shared = np.flatnonzero(there[sets >> _SHIFT])  # most of what no probe has is passed over
        first = np.searchsorted(probes.shingles, sets[shared], side="left")
        counts = np.searchsorted(probes.shingles, sets[shared], side="right") - first
        # every pair of a passage and a probe with a shingle in common, once for each such shingle
        places = np.repeat(first - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
        rows = np.repeat(np.repeat(np.arange(batch.num_rows), np.diff(offsets))[shared], counts)
        pairs, common = np.unique(rows * len(probes.keys) + probes.owners[places], return_counts=True)
        row, probe = np.divmod(pairs, max(len(probes.keys), 1))
        similarity = common / (np.diff(offsets)[row] + probes.sizes[probe] - common)
        for place in np.flatnonzero(similarity >= least).tolist():
            passage_id, split, text = (
                batch.column(c)[int(row[place])].as_py() for c in ("passage_id", "split", "text")
            )
            other = probes.keys[probe[place]]
            if other < (split == "train", passage_id):  # else the pair comes from the other side, for it is two probes
                detail = f"Jaccard similarity {similarity[place]:.3f}"
                found.setdefault(passage_id, Found(passage_id, "near-duplicate", other[1], detail, text[:_SHOWN]))
        if len(found) >= limit:
            break
    return nsmallest(limit, found.values())


def _probes(passages: Iterable[pa.RecordBatch], config: CleaningConfig) -> _Probes:
    chosen: dict[tuple[bool, str], Shingles] = {}
    last = (True, "~")  # no id is greater
    for whole in passages:
        train = pc.equal(whole.column("split"), "train").to_pylist()
        keys = list(zip(train, whole.column("passage_id").to_pylist(), strict=True))
        wanted = [key < last for key in keys]
        sets, offsets = _sets(whole.filter(pa.array(wanted)), config)
        for row, key in enumerate(compress(keys, wanted)):
            if offsets[row] < offsets[row + 1]:
                chosen[key] = sets[offsets[row] : offsets[row + 1]].copy()
        if len(chosen) > _PROBES:
            chosen = {key: chosen[key] for key in nsmallest(_PROBES, chosen)}
            last = max(chosen)
    sizes = np.array([len(shingles) for shingles in chosen.values()], np.int64)
    shingles = np.concatenate([*chosen.values(), np.empty(0, np.uint32)])
    order = np.argsort(shingles, kind="stable")
    owners = np.repeat(np.arange(len(chosen)), sizes)[order]
    return _Probes(list(chosen), sizes, shingles[order], owners)


def _sets(batch: pa.RecordBatch, config: CleaningConfig) -> tuple[Shingles, _Numbers]:
    words = words_of(normal_form(batch.column("text")))
    literature = pc.equal(batch.column("kind"), "literature").to_numpy(zero_copy_only=False)
    return shingles_of(words, config.shingle, literature & (np.diff(words.offsets) >= config.near_shortest))


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
            elif (shared := [run for run in _runs(text, config) if run in runs]) and len(shared) >= config.test_runs:
                found.append(Found(name, "test-ngram", runs[shared[0]], f"{len(shared)} runs", text[:_SHOWN]))
            if len(found) == limit:
                return found
    return found


def _runs(text: str, config: CleaningConfig) -> Iterator[int]:
    """Hashes (of this process) of the runs of words between white space, or of neighbouring Chinese characters."""
    if config.test_ngram is None:
        return
    n = config.test_ngram
    words = [word for word in text.lower().split() if word[0].isalnum() or not all(map(_is_punctuation, word))]
    for i in range(len(words) - n + 1):
        yield hash(" ".join(words[i : i + n]))
    if not text.isascii():
        n = config.test_ngram_han
        for piece in _HAN_RUN.findall(_BETWEEN_HAN.sub("", text)):
            for i in range(len(piece) - n + 1):
                yield hash(piece[i : i + n])


def _is_punctuation(sign: str) -> bool:
    return unicodedata.category(sign)[0] == "P"
