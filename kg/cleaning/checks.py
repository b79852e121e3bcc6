"""What should not be left in a finished corpus, looked for by other means than those that took it out.

Nothing here uses signatures, bands, the order of originals or the lookup of hashes, so a mistake there is caught here; and each check
asks for less than the rules do, so that what it finds is a mistake and no matter of taste.

**Exact duplicates**: texts equal but for case and white space, by DuckDB. **Near duplicates**: probes are the held-out passages
and, up to 20,000 in all, a random sample by hash; every passage is compared with each probe that its print (`prints.py`) says may be
like it, by counting, not by chance. A pair is named halfway between the threshold and 1, where bands miss one
in millions. **Tests**: all their texts are read again and compared as runs of words between white space, or of Chinese characters.

Copies that the mixture asks for are left out by who calls; any other row that stands twice is named, under one id too. Cost:
140 microseconds of processor time a passage for duplicates, 100 for tests. `corpus_checks.py` does it again for what changed alone.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from heapq import nsmallest
from itertools import chain, groupby
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from kg.cleaning.config import CleaningConfig
from kg.cleaning.downstream_files import DownstreamDocument, read_downstream_file
from kg.cleaning.prints import PRINTS, least_similarity, prints_of, sets_of, similar_pairs
from kg.cleaning.words import Shingles
from pipeline.duck import connect

__all__ = [
    "Found", "Place", "Read", "Texts", "equal_texts", "find_duplicates", "find_test_documents", "last_probe", "near_duplicates", "taken"
]  # fmt: skip

_PROBES = 20_000
_LARGEST = 2**64 - 1
_SHOWN = 200
_HAN_RUN = re.compile("[\u4e00-\u9fff]+")
_BETWEEN_HAN = re.compile(r"[\s，。、；：？！（）《》“”,.;:()]+")
_Numbers = np.ndarray[Any, np.dtype[Any]]
#: A part of the corpus, and a row in it.
Place = tuple[str, int]
#: Reads columns of a part's PRINTS.
Read = Callable[[list[str]], pa.Table]
#: Reads some rows of a part, ascending: passage_id, kind, split and text.
Texts = Callable[[str, Sequence[int]], pa.RecordBatch]


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
    with connect() as connection:
        table = pa.Table.from_batches(prints_of(connection, read(), config), PRINTS)
    near, exact = [], []
    if config.near_duplicates:
        compared = table["size"].to_numpy() > 0
        keys = table["key"].to_numpy()
        probes = np.flatnonzero(compared & (keys <= last_probe([keys[compared]]))).tolist()

        def texts(_: str, rows: Sequence[int]) -> pa.RecordBatch:
            return taken(read(), rows)

        near = near_duplicates([("", row) for row in probes], {"": table.select}, texts, config, limit)
    if config.duplicates:
        exact = equal_texts(read(), limit)
    return sorted({found.passage_id: found for found in (*near, *exact)}.values())[:limit]


def taken(batches: Iterable[pa.RecordBatch], rows: Sequence[int]) -> pa.RecordBatch:
    """Some rows of batches, by their numbers, which ascend: passage_id, kind, split and text."""
    names, begin, chosen = ["passage_id", "kind", "split", "text"], 0, []
    numbers = np.array(rows, np.int64)
    for batch in batches:
        inside = numbers[(numbers >= begin) & (numbers < begin + batch.num_rows)]
        if len(inside):
            chosen.append(batch.select(names).take(pa.array(inside - begin)))
        begin += batch.num_rows
    return pa.Table.from_batches(chosen).combine_chunks().to_batches()[0]


def equal_texts(passages: Iterable[pa.RecordBatch], limit: int = 20) -> list[Found]:
    """Passages whose text is that of another but for case and white space; at most `limit`, by id."""
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


def near_duplicates(
    wanted: Sequence[Place], parts: Mapping[str, Read], texts: Texts, config: CleaningConfig, limit: int = 20
) -> list[Found]:
    """Passages that are near duplicates of a wanted one, or wanted ones that are near duplicates of another; at most `limit`, by id.

    Args:
        wanted: part and row of the passages to compare with all, in order.
        parts: reads columns of PRINTS, of all passages.
        texts: reads passages: passage_id, kind, split and text.
    """
    prints = [PRINTS.empty_table()]
    for part, places in groupby(wanted, key=itemgetter(0)):
        prints.append(parts[part](PRINTS.names).take([row for _, row in places]))
    tables = ((part, read(["size", "prefix"])) for part, read in parts.items())
    pairs = {
        tuple(sorted([wanted[pair.wanted], (pair.part, pair.row)]))
        for pair in similar_pairs(pa.concat_tables(prints), tables, config)
    }
    pairs = {(one, other) for one, other in pairs if one != other}
    rows: dict[str, set[int]] = {}
    for part, row in chain.from_iterable(pairs):
        rows.setdefault(part, set()).add(row)
    passages = {
        place: passage for part in rows for place, passage in _with_sets(part, sorted(rows[part]), texts, config)
    }
    found: dict[str, Found] = {}
    for one, other in sorted(pairs):
        first, second = sorted((passages[one], passages[other]), key=itemgetter(0))
        similarity = _jaccard(first[1], second[1])
        if similarity >= least_similarity(config):
            (_, name), detail = second[0], f"Jaccard similarity {similarity:.3f}"
            found.setdefault(name, Found(name, "near-duplicate", first[0][1], detail, second[2]))
    return nsmallest(limit, found.values())


def _with_sets(
    part: str, rows: list[int], texts: Texts, config: CleaningConfig
) -> Iterator[tuple[Place, tuple[tuple[bool, str], Shingles, str]]]:
    """Passages by their places: whether they are of training and their id, their shingles, the beginning of their text."""
    batch = texts(part, rows)
    sets, offsets = sets_of(batch, config)
    columns = (batch.column(name).to_pylist() for name in ("passage_id", "split", "text"))
    for i, (row, passage_id, split, text) in enumerate(zip(rows, *columns, strict=True)):
        yield (part, row), ((split == "train", passage_id), sets[offsets[i] : offsets[i + 1]], text[:_SHOWN])


def _jaccard(one: Shingles, other: Shingles) -> float:
    common = len(np.intersect1d(one, other, assume_unique=True))
    return common / (len(one) + len(other) - common)


def last_probe(keys: Iterable[_Numbers]) -> int:
    """The key of the last probe, of the keys of all passages that are compared: the 20,000 smallest are probes."""
    every = np.concatenate([np.empty(0, np.uint64), *keys])
    return int(np.partition(every, _PROBES - 1)[_PROBES - 1]) if len(every) >= _PROBES else _LARGEST


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
