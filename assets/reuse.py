"""What extraction takes over instead of reading it again: rows of the partition as it is, then rows in the home's cache.

Both stages that read texts are wired alike: of each text or document a fingerprint of all that its rows are made from; the rows of
those that the partition holds already, or the cache; the rows of the others are made, and put into the cache.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, compress
from typing import TYPE_CHECKING

import pyarrow as pa

from assets.name_versions import INPUT, changed_since
from assets.stage import Job
from pipeline.document_rows import DOCUMENT_ROWS, EarlierRows, Made, renewed
from pipeline.finders import finder_name
from pipeline.hashing import hash_fields
from pipeline.mentions import find_spans
from pipeline.parallel import Workers
from pipeline.row_cache import CachedRows, RowCache

if TYPE_CHECKING:
    from pipeline.name_changes import NameChanges

__all__ = [
    "Documents",
    "cached_mentions",
    "cached_rows",
    "earlier_rows",
    "found_spans",
    "noted",
    "remembered",
    "standing_mentions",
]

#: The documents of a batch that have a text: the columns asked for, of those that are wanted.
Documents = Callable[[list[str], Sequence[bool]], Iterator[pa.RecordBatch]]


def earlier_rows(job: Job, columns: Sequence[str] | None = None) -> EarlierRows:
    """The rows that a partition has of its documents; none where they were made by other rules."""
    return EarlierRows.of(job.writer.dataset, job.key, columns) if job.previous else EarlierRows()


def standing_mentions(job: Job, documents: Documents, texts: Sequence[bytes], columns: Sequence[str]) -> EarlierRows:
    """The mentions that a partition has of its texts, less those of texts that may hold a name whose meaning changed since.

    Args:
        texts: fingerprints of the texts of `documents`, in order.
    """
    if job.previous is None or INPUT not in job.changed_inputs():
        return earlier_rows(job, columns)
    changes = _changes(job, job.previous.inputs.get(INPUT))
    if changes is None:
        return EarlierRows()
    earlier = earlier_rows(job, columns)
    earlier.forget(_holding(changes, documents, texts, [True] * len(texts)))
    return earlier


def cached_mentions(job: Job, documents: Documents, texts: Sequence[bytes], standing: EarlierRows) -> CachedRows:
    """The mentions that the cache has of texts, of those that do not stand: read with the names of today, or with earlier ones
    where the text holds no name whose meaning changed since.
    """
    keys = {text: _key(job, text) for text in texts if text not in standing}
    found = _cache(job).find(keys.values())
    now = job.inputs[INPUT]
    places = {text: found[key][now] for text, key in keys.items() if now in found.get(key, {})}
    for version in sorted({version for versions in found.values() for version in versions} - {now}):
        wanted = [text in keys and text not in places and version in found.get(keys[text], {}) for text in texts]
        changes = _changes(job, version) if any(wanted) else None
        if changes is not None:
            holding = {*_holding(changes, documents, texts, wanted)}
            places |= {t: found[keys[t]][version] for t in compress(texts, wanted) if t not in holding}
    return CachedRows(places)


def cached_rows(job: Job, fingerprints: Iterable[bytes], rules: str = "") -> CachedRows:
    """The rows that the cache has of texts or documents, where the names of the vocabulary do not matter; `rules` as in `remembered`."""
    keys = {fingerprint: _key(job, fingerprint, rules) for fingerprint in fingerprints}
    found = _cache(job).find(keys.values())
    return CachedRows({fingerprint: found[key][""] for fingerprint, key in keys.items() if key in found})


def remembered(
    job: Job, fingerprints: Sequence[bytes], made: Iterable[Made], names: str = "", rules: str = ""
) -> Iterator[Made]:
    """The same rows, while they are put into the cache.

    Args:
        fingerprints: of what they are made from, in order.
        names: version of the names they are made with; empty where these do not matter.
        rules: what else they depend on; all that the stage depends on where not given.
    """
    first = 0
    for batches, told in made:
        after = first + len(told)
        keys = [_key(job, fingerprint, rules) for fingerprint in fingerprints[first:after]]
        _cache(job).add(keys, names, (batches, told))
        first = after
        yield batches, told


def found_spans(
    job: Job, documents: Documents, texts: Sequence[bytes], unread: Sequence[bool], workers: Workers
) -> Iterator[Made]:
    """What the recogniser finds in texts: it reads those that the cache does not know, whatever became of the vocabulary.

    Args:
        texts: fingerprints of the texts of `documents`, in order; `unread` says which are wanted.
    """
    name = job.once("finder_name", lambda: finder_name(str(job.home.config.extraction.ner)))
    wanted = [*compress(texts, unread)]
    cached = cached_rows(job, wanted, f"found {name}")
    unknown = [is_wanted and text not in cached for text, is_wanted in zip(texts, unread, strict=True)]
    found = find_spans(documents(["text"], unknown), workers)
    return renewed(wanted, [cached], remembered(job, [*compress(texts, unknown)], found, rules=f"found {name}"))


def noted(job: Job, fingerprints: Sequence[bytes], made: Iterable[Made]) -> Iterator[Made]:
    """The same rows, while what the next build compares with is written."""
    sink = job.writer.state("documents", DOCUMENT_ROWS)
    first = 0
    for batches, told in made:
        after = first + len(told)
        columns = [fingerprints[first:after], [one.rows for one in told], [one.content for one in told]]
        sink.write(pa.table([pa.array(c, f.type) for c, f in zip(columns, DOCUMENT_ROWS, strict=True)], DOCUMENT_ROWS))
        first = after
        yield batches, told


def _cache(job: Job) -> RowCache:
    path = (job.cache or job.home.path / "cache") / "rows.sqlite"
    cache: RowCache = job.once("row_cache", lambda: RowCache(path, job.home.config.cache_mib))
    return cache


def _key(job: Job, fingerprint: bytes, rules: str = "") -> bytes:
    """The name of rows in the cache, which serves every stage under every configuration."""
    return bytes.fromhex(hash_fields(rules or job.rules, fingerprint.hex()))[:16]


def _changes(job: Job, version: str | None) -> NameChanges | None:
    """The names that changed since a version; None where that may be all, as for a recogniser, whose spans are linked by likeness."""
    if job.home.config.extraction.ner:
        return None
    changes: NameChanges | None = job.once(f"names changed since {version}", lambda: changed_since(job.home, version))
    return changes


def _holding(
    changes: NameChanges, documents: Documents, texts: Sequence[bytes], wanted: Sequence[bool]
) -> Iterator[bytes]:
    """Which of the wanted texts may hold a changed name."""
    if changes:
        found = (changes.may_hold(batch.column("text")).to_pylist() for batch in documents(["text"], wanted))
        yield from compress(compress(texts, wanted), chain.from_iterable(found))
