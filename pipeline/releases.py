"""The order of literature files, from their names alone: PubMed's releases first, then everything else.

The order is that of the strings in `position`, compared by code point:

1. files of a PubMed release, named `pubmed26n0001…` (or `medline06n0001…`): `0/<year>/<number>/<name>`, the year in four
   digits, the number in eight, so by year, then number, then name;
2. all other files: `1/<name>`, so by name, after every release file.

A later write wins (`pipeline.live`), so what a user adds to a release outranks it. The yearly baseline is files 1 to N of
its year and the daily updates go on from N + 1 (https://pubmed.ncbi.nlm.nih.gov/download/), without saying where N is; so a
year's release is taken for whole where its numbers have no gap, and only then does it replace the years before it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

__all__ = ["missing_numbers", "name_of", "position_of"]

_RELEASE = re.compile(r"(?:pubmed|medline)(\d{2}|\d{4})n(\d{1,8})(?:\D.*)?", re.IGNORECASE)
#: MEDLINE is as old as 1966, so two digits from 66 on are of the last century.
_PIVOT = 66


def position_of(name: str) -> str:
    """The sort key of a file in the order of release, from its name alone.

    >>> position_of("daily/pubmed26n1275.xml.gz")
    '0/2026/00001275/daily/pubmed26n1275.xml.gz'
    >>> position_of("mine/notes.jsonl")
    '1/mine/notes.jsonl'
    """
    match = _RELEASE.fullmatch(name.rpartition("/")[2])
    if match is None:
        return f"1/{name}"
    year = int(match[1])
    if len(match[1]) == 2:
        year += 1900 if year >= _PIVOT else 2000
    return f"0/{year:04d}/{match[2].zfill(8)}/{name}"


def name_of(position: str) -> str:
    """The name that a position was made from, which goes on with the path inside where the file is an archive.

    >>> name_of(position_of("daily/pubmed26n1275.xml.gz"))
    'daily/pubmed26n1275.xml.gz'
    """
    kind, _, rest = position.partition("/")
    return rest.split("/", 2)[2] if kind == "0" else rest


def missing_numbers(positions: Iterable[str]) -> dict[str, list[int]]:
    """For each year of a PubMed release that has gaps, the file numbers missing below its highest, at most ten."""
    numbers: dict[str, set[int]] = defaultdict(set)
    for position in positions:
        kind, _, rest = position.partition("/")
        if kind == "0":
            year, number = rest.split("/", 2)[:2]
            numbers[year].add(int(number))
    gaps = {}
    for year, found in sorted(numbers.items()):
        if len(found) < max(found):
            missing = (number for number in range(1, max(found)) if number not in found)
            gaps[year] = [number for number, _ in zip(missing, range(10), strict=False)]
    return gaps
