"""Names made from content: SHA-256 of canonical forms, and nothing else.

Every identity in Materia (texts, evidence, triples, passages, skip keys) is a hash of what it stands for, so that two
builds of the same inputs give the same bytes and a rebuild can tell what changed. SHA-256 costs about 1 microsecond for a
sentence; faster hashes (xxHash, BLAKE3) were rejected because DuckDB computes SHA-256 too, and a bucket must come out
the same in Python and in SQL.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Iterable
from typing import Any

__all__ = [
    "BUCKET_SQL",
    "bucket_name",
    "bucket_of",
    "evidence_id",
    "fraction_of",
    "hash_fields",
    "hash_json",
    "text_hash",
]

_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)
#: The first 60 bits of a SHA-256, as DuckDB computes them from the column or expression put in for `{}`.
BUCKET_SQL = "(('0x' || sha256({})[1:15])::BIGINT % {})"


def hash_fields(*fields: object) -> str:
    """SHA-256 (hex, 64 characters) of the fields, each as text, joined by U+001F (the ASCII unit separator).

    A lone surrogate, which JSON can hold, is hashed as its three bytes.
    """
    try:
        joined = "\x1f".join(fields)  # type: ignore[arg-type]  # mostly they are texts already
    except TypeError:
        joined = "\x1f".join(map(str, fields))
    return hashlib.sha256(joined.encode("utf-8", "surrogatepass")).hexdigest()


def evidence_id(
    doc_id: str,
    text_hash: str,
    spans: tuple[int, int, int, int],
    claim: tuple[str, str, str],
    extractor: str,
    *,
    polarity: bool,
    direction: str | None = None,
) -> str:
    """The name of a row of evidence: what claims what, where, by whose word.

    Args:
        doc_id, text_hash: the document and the text that the offsets count into.
        spans: start and end of the subject, then of the object.
        claim: subject, predicate and object.
        extractor: name and version.
        polarity: true where the claim is made, false where it is denied.
        direction: of an effect, part of what is claimed; none adds nothing to the name.
    """
    return hash_fields(doc_id, text_hash, *spans, *claim, *([direction] if direction else []), polarity, extractor)


def hash_json(value: Any) -> str:
    """SHA-256 (hex) of a JSON-like value in canonical form: sorted keys, no spaces, UTF-8."""
    return hashlib.sha256(_CANONICAL.encode(value).encode()).hexdigest()


def text_hash(text: str) -> str:
    """SHA-256 (hex) of the text in Unicode normalization form C (Unicode Standard Annex 15)."""
    return hashlib.sha256(unicodedata.normalize("NFC", text).encode()).hexdigest()


def bucket_of(key: str, buckets: int) -> int:
    """The bucket of a key: the first 60 bits of its SHA-256, modulo the number of buckets (same as `BUCKET_SQL`)."""
    return int(hashlib.sha256(key.encode()).hexdigest()[:15], 16) % buckets


def bucket_name(bucket: int, buckets: int) -> str:
    """The partition key of a bucket, zero-padded so that names sort as numbers do: `bucket_name(3, 64) == "03"`."""
    return str(bucket).zfill(len(str(buckets - 1)))


def fraction_of(*fields: object) -> float:
    """A number in [0, 1) that depends on the fields only: for choices made by hash (splits, phrasings, samples)."""
    return int(hash_fields(*fields)[:13], 16) / 16**13


def combined(hashes: Iterable[str]) -> str:
    """One hash for an unordered collection of hashes."""
    return hash_fields(*sorted(hashes))
