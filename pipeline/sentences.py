"""Sentence boundaries by one regular expression over candidate full stops, with the abbreviations of medical prose.

A newline always ends a sentence (a document's text is its title and sections, one a line). Inside a line, a full stop,
question mark or exclamation mark ends one where white space and something that can begin a sentence follow, and where the
word before it is no abbreviation ("i.v.", "e.g.", "vs.", "Fig.", "et al."), no initial and no genus ("S. aureus").
A text with Chinese characters ends its sentences by the rules of `chinese_sentences` as well.
Cost: more than 100,000 sentences a second on one core. Rejected: pysbd (60 to 100 abstracts a second) and spaCy's parser
(needs a model).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.chinese_sentences import chinese_ends
from pipeline.han import has_han, is_han
from pipeline.lexicons import load_words

__all__ = ["split_sentences"]

_NEVER_LAST = load_words("abbreviations.en.txt")
_LAST_BEFORE_CAPITAL = load_words("abbreviations_at_end.en.txt")
#: Nobody writes longer sentences: what is longer is a table or a list, and is cut at spaces. What looks at all pairs of a sentence,
#: or keeps it with every claim, needs a bound.
LONGEST = 3000
_CANDIDATE = re.compile(
    r"""[.!?]["'”’)\]]*;?                  # the stop, with closing quotes or brackets; ".;" parts sections in some abstracts
        (?=\s+(?P<next>["'“‘(\[]*\w))      # white space, then a letter or digit (perhaps after an opening mark)
      | \n+""",
    re.VERBOSE,
)
_WORD_BEFORE = re.compile(r"[^\s(\[,;/]*$")
# A single capital is an initial or a genus ("S. aureus", "J. Smith"), except as the name of a type: "hepatitis B. We ...".
_TYPED = re.compile(
    r"(?:hepatitis|vitamin|type|group|class|grade|stage|phase|protein|virus|factor|arm|study|arm|child)s?\s+$", re.I
)


def split_sentences(text: str) -> list[tuple[int, int]]:
    """Offsets [start, end) of the sentences of a text, without surrounding white space, in order.

    Every character that is not white space lies in exactly one sentence.

    >>> [*split_sentences("Given i.v. morphine. S. aureus grew.")]
    [(0, 20), (21, 36)]
    """
    sentences: list[tuple[int, int]] = []
    start = 0
    for end in _merged(text) if has_han(text) else _ends(text):
        _append(sentences, text, start, end)
        start = end
    _append(sentences, text, start, len(text))
    return sentences


def _ends(text: str) -> Iterator[int]:
    for match in _CANDIDATE.finditer(text):
        if not match.group("next") or _is_boundary(text, match.start(), match.group("next")[-1]):
            yield match.end()


_NUMBERING = re.compile(r"(?:^|[\s。；：:])[（(]?(?:\d{1,2}|[A-Za-z])$")


def _merged(text: str) -> list[int]:
    """The ends of English and Chinese sentences together; "1. 病因" begins no sentence after its number."""
    ends = set(chinese_ends(text))
    for match in _CANDIDATE.finditer(text):
        following = match.group("next")
        if following and is_han(following[-1]):
            if not _NUMBERING.search(text, max(0, match.start() - 5), match.start()):
                ends.add(match.end())
        elif not following or _is_boundary(text, match.start(), following[-1]):
            ends.add(match.end())
    return sorted(ends)


def _append(sentences: list[tuple[int, int]], text: str, start: int, end: int) -> None:
    while end - start > LONGEST:
        cuts = (text.rfind(sign, start + 1, start + LONGEST) for sign in (" ", "，", "、"))
        cut = next((cut for cut in cuts if cut > 0), start + LONGEST)
        _append(sentences, text, start, cut)
        start = cut
    piece = text[start:end]
    stripped = piece.strip()
    if stripped:
        begin = start + len(piece) - len(piece.lstrip())
        sentences.append((begin, begin + len(stripped)))


def _is_boundary(text: str, stop: int, following: str) -> bool:
    """Whether the stop at an offset ends its sentence, given the first letter or digit after it."""
    if text[stop] != ".":
        return not following.islower()
    before = _WORD_BEFORE.search(text, max(0, stop - 30), stop)
    word = before.group() if before else ""
    lowered = word.lower()
    if following.islower():
        return False
    if lowered in _NEVER_LAST:
        return lowered in _LAST_BEFORE_CAPITAL and following.isupper()
    if len(word) == 1 and word.isalpha() and word.isupper():
        return _TYPED.search(text, max(0, stop - 30), stop - 1) is not None
    # "J.R. Smith": initials without a space between them.
    return not (len(word) > 1 and "." in word and all(len(part) == 1 and part.isupper() for part in word.split(".")))
