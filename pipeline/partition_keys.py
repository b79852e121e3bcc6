"""Keys of partitions: names of folders, made from names that come from data and must not leave their folder."""

from __future__ import annotations

import re

from pipeline.errors import MateriaError
from pipeline.hashing import hash_fields

__all__ = ["WHOLE", "check_key", "partition_key", "slug_of"]

#: The partition key of an asset that has no partitions.
WHOLE = "all"

_KEY = re.compile(r"[a-z0-9_=-][a-z0-9_.=-]*")
_LONGEST_SLUG = 80


def check_key(key: str) -> str:
    """The key itself, if it is safe as a folder name; else an error. Keys come from data and must not leave their folder."""
    if not _KEY.fullmatch(key) or ".." in key:
        raise MateriaError(
            f"{key!r} is no valid partition key", remedy="Use lower-case letters, digits, '_', '.', '-', '='"
        )
    return key


def slug_of(name: str) -> str:
    """The characters of a name that a partition key may have; the others as hyphens, the last 80 of them."""
    text = re.sub(r"\.{2,}", ".", re.sub(r"[^a-z0-9_.]+", "-", name.lower()))
    return text[-_LONGEST_SLUG:].strip(".-") or "file"


def partition_key(name: str) -> str:
    """A partition key for anything that has a name: its slug, and a piece of its hash.

    >>> partition_key("PubMed/pubmed26n0001.xml.gz")
    'pubmed-pubmed26n0001.xml.gz-ee927fcf'
    """
    return f"{slug_of(name)}-{hash_fields(name)[:8]}"
