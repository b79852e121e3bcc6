"""Short forms that a document defines in brackets, with what they stand for: "myotonic dystrophy (DM)", "NTG (nitroglycerin)".

The algorithm of Schwartz and Hearst (2003, PSB 8:451-462), over the bare text: a short form of one or two words in brackets, and
the shortest stretch before it that begins a word and holds its letters in order. A definition counts for the whole document.
Cost: 40 microseconds an abstract. Rejected: scispaCy's detector, which needs a tokenised document and refuses "5-FU".
"""

from __future__ import annotations

import re

__all__ = ["find_definitions", "long_form_before"]

_BRACKET = re.compile(r"[(\[]([^()\[\]]{2,60})[)\]]")
_SHORT = re.compile(r"[^\W_](?:[^\s,;]*[^\W_])?[+-]?(?:\s[^\s,;]{1,5})?")
_FIRST = re.compile(r"[^,;:]+")
_WORD_START = re.compile(r"(?<![^\W_])[^\W_]")


def find_definitions(text: str) -> dict[str, tuple[int, int]]:
    """Short forms with the span of the long form that each is defined by; the first definition counts.

    >>> text = "5-fluorouracil (5-FU) and NTG (nitroglycerin)"
    >>> {short: text[start:end] for short, (start, end) in find_definitions(text).items()}
    {'5-FU': '5-fluorouracil', 'NTG': 'nitroglycerin'}
    """
    found: dict[str, tuple[int, int]] = {}
    for match in _BRACKET.finditer(text):
        inside = _FIRST.match(match[1])
        before = text[: match.start()].rstrip()
        if inside is None or not before:
            continue
        short = inside[0].strip()
        if is_short(short):
            start = long_form_before(text, len(before), short)
            if start is not None:
                found.setdefault(short, (start, len(before)))
                continue
        word = before[max(before.rfind(" "), before.rfind("\n"), before.rfind("(")) + 1 :]
        if is_short(word) and inside.end() == len(match[1]) and long_form_before(short, len(short), word) == 0:
            found.setdefault(word, (match.start(1), match.end(1)))
    return found


def is_short(text: str) -> bool:
    """Whether a text has the form of a short form: 2 to 10 characters, one or two words, with capitals or digits.

    One capital at the beginning is enough for four letters, and makes no short form of a longer word.

    >>> [is_short(text) for text in ("DM", "5-FU", "Sch", "Metformin", "gene")]
    [True, True, True, False, False]
    """
    return (
        2 <= len(text) <= 10
        and _SHORT.fullmatch(text) is not None
        and any(c.isalpha() for c in text)
        and any(c.isupper() or c.isdigit() for c in (text if len(text) <= 4 else text[1:]))
    )


def long_form_before(text: str, end: int, short: str) -> int | None:
    """Where the long form of a short form begins that ends at `end` of a text, or None where its letters are not found.

    The letters are matched from the last to the first; the first must begin a word. At most twice as many words as the short
    form has characters are looked at, and at most five more.
    """
    letters = [c.lower() for c in short if c.isalnum()]
    if len(letters) < 2:
        return None
    lowered = text[max(0, end - 200) : end].lower()
    shift = end - len(lowered)
    place = len(lowered)
    for number in range(len(letters) - 1, -1, -1):
        place = lowered.rfind(letters[number], 0, place)
        if number == 0:
            while place > 0 and lowered[place - 1].isalnum():
                place = lowered.rfind(letters[0], 0, place)
        if place < 0:
            return None
    words = lowered[place:].split()
    long = "".join(words)
    if (
        len(words) > min(len(letters) + 5, 2 * len(letters))
        or len(long) <= len(letters)
        or any(c in ".()[]\n" for c in lowered[place:])
    ):
        return None
    return place + shift
