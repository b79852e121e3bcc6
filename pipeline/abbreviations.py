"""Short forms that a document defines beside a name of the vocabulary: "sodium nitroprusside (SNP)-induced", "(5-FU)".

The algorithm of Schwartz and Hearst (2003), as scispaCy has it, must guess where a long form begins, works on whole tokens,
and refuses short forms that begin with a digit. Where the words before the bracket are a name that was already found, nothing
need be guessed: the letters of the short form must follow one another in the name, beginning with its first. After a Chinese name, whose
characters no letters abbreviate, any capitals in brackets are its short form, also behind its English name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from pipeline.han import HAN, is_han

__all__ = ["definitions_beside", "is_short_form", "occurrences"]

_AFTER = re.compile(r"\s?[(\[]([^\s()\[\],;=]{2,10})(?:[)\]]|[,;]\s)")
_AFTER_CHINESE = re.compile(r"[(（](?:[A-Za-z][A-Za-z '’-]*[,，;；]\s?)?([A-Z][A-Za-z0-9-]{1,9})[)）,，;；]")
_ENDS = re.compile(rf"s?(?![^\W_{HAN}])")
_BEFORE = re.compile(r"(?:^|[\s(\[])([^\s()\[\],;]{2,10})\s[(\[]$")


def definitions_beside(text: str, spans: Sequence[tuple[int, int]]) -> dict[str, tuple[int, int]]:
    """Short forms in brackets beside the given spans, with the span that each one stands for; the first definition counts.

    >>> text = "5-fluorouracil (5-FU) and NTG (nitroglycerin)"
    >>> definitions_beside(text, [(0, 14), (31, 44)])
    {'5-FU': (0, 14), 'NTG': (31, 44)}
    """
    found: dict[str, tuple[int, int]] = {}
    for start, end in spans:
        if end < len(text) and is_han(text[end - 1]):
            match = _AFTER_CHINESE.match(text, end)
            if match and sum(map(str.isupper, match.group(1))) > 1:
                found.setdefault(match.group(1), (start, end))
        elif end < len(text) and text[end : end + 2].lstrip()[:1] in ("(", "["):
            match = _AFTER.match(text, end)
            if match and is_short_form(match.group(1), text[start:end]):
                found.setdefault(match.group(1), (start, end))
        elif start and text[start - 1] in "([" and text[end : end + 1] in (")", "]"):
            match = _BEFORE.search(text, max(0, start - 14), start)
            if match and is_short_form(match.group(1), text[start:end]):
                found.setdefault(match.group(1), (start, end))
    return found


def occurrences(text: str, shorts: Iterable[str]) -> list[tuple[int, int, str]]:
    """Where short forms stand as words of their own, a plural s aside: (start, end, short form), in order, the longest first.

    >>> occurrences("TNFs and TNF-alpha, not TNFR", ["TNF", "TNF-alpha"])
    [(0, 3, 'TNF'), (9, 18, 'TNF-alpha')]
    """
    found = []
    for short in shorts:
        start = text.find(short)
        while start >= 0:
            end = start + len(short)
            before = text[start - 1 : start]
            if (not before.isalnum() or is_han(before)) and _ENDS.match(text, end):
                found.append((start, -end, short))
            start = text.find(short, start + 1)
    apart: list[tuple[int, int, str]] = []
    for start, end, short in sorted(found):
        if not apart or start >= apart[-1][1]:
            apart.append((start, -end, short))
    return apart


def is_short_form(short: str, long: str) -> bool:
    """Whether a short form can stand for a long one: capitals or digits, its characters in the order of the long form's."""
    characters = [c.lower() for c in short if c.isalnum()]
    if len(characters) < 2 or len(characters) * 1.5 > len(long) or not any(c.isupper() for c in short):
        return False
    lowered = long.lower()
    place = 0
    for number, character in enumerate(characters):
        at = lowered.find(character, place)
        if at < 0 or (number == 0 and at != 0):
            return False
        place = at + 1
    return True
