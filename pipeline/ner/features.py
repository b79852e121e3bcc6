"""What a tagger is told of each word: the word, the words around it, and what the rest of the document says of it.

Features of one document (Chieu and Ng 2002, https://aclanthology.org/C02-1025): the neighbours of a word at its other places in
the document, and for a short form in brackets the word before them, which is the head of its long form ("systemic lupus
erythematosus (SLE)").
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache

from pipeline.ner.known import Known, place
from pipeline.ner.words import Words

__all__ = ["features", "places"]

#: A word that a document holds more often says nothing by its neighbours.
_OFTEN = 30
_CAPITAL, _SMALL, _DIGIT, _RUN = (re.compile(p) for p in ("[A-Z]", r"[^\W\d_A-Z]", r"\d", r"(.)\1+"))
_UNKNOWN = ("k=new",)


def features(words: Words, known: Known, vocabulary: Sequence[str] = ()) -> list[list[str]]:
    """The features of each word: a list of strings of which a tagger keeps those it has learned a weight for.

    Args:
        vocabulary: for each word its place in a name of a vocabulary, with the name's class, or nothing; see `places`.
    """
    folded, texts = words.folded, words.texts
    names = known.find(folded)
    shares = [known.words.get(word) or _UNKNOWN for word in folded]
    elsewhere = _elsewhere(words)
    heads = _heads_of_short_forms(words)
    rows: list[list[str]] = []
    for first, last in words.sentences:
        for i in range(first, last):
            row = [*_of_word(texts[i]), *shares[i]]
            if names[i]:
                row.append("d=" + names[i])
            if vocabulary and vocabulary[i]:
                row.append("v=" + vocabulary[i])
            for j in range(max(first, i - 2), min(last, i + 3)):
                if j != i:
                    row += _of_neighbour(texts[j], folded[j], j - i)
                    row += [f"{j - i}{share}" for share in shares[j]]
                    if names[j]:
                        row.append(f"{j - i}d={names[j]}")
                    if vocabulary and vocabulary[j]:
                        row.append(f"{j - i}v={vocabulary[j]}")
            if i - 3 >= first:
                row.append("-3w=" + folded[i - 3])
            if i + 3 < last:
                row.append("3w=" + folded[i + 3])
            before = folded[i - 1] if i > first else "<"
            after = folded[i + 1] if i + 1 < last else ">"
            row += [f"-1&0={before}|{folded[i]}", f"0&1={folded[i]}|{after}", f"-1&1={before}|{after}"]
            row.append(_joined(words, i, first, last))
            if folded[i] in elsewhere:
                row += elsewhere[folded[i]].get(i, ())
            if folded[i] in heads:
                head = heads[folded[i]]
                row += ["h=" + folded[head], "h3=" + folded[head][-3:], "hd=" + names[head][:2]]
                row += ["h" + share for share in shares[head]]
                if vocabulary:
                    row.append("hv=" + vocabulary[head])
            rows.append(row)
    return rows


def places(words: Words, names: Iterable[tuple[int, int, str]]) -> list[str]:
    """For each word its place (U, B, I or L) in the names that begin and end at words, with the class of the name."""
    firsts = {start: number for number, (start, _) in enumerate(words.spans)}
    lasts = {end: number for number, (_, end) in enumerate(words.spans)}
    found = [""] * len(words)
    for start, end, kind in names:
        first, last = firsts.get(start), lasts.get(end)
        if first is not None and last is not None:
            for number in range(first, last + 1):
                found[number] = place(number - first, last - first + 1) + kind
    return found


@lru_cache(maxsize=1 << 17)
def _of_word(word: str) -> tuple[str, ...]:
    folded, shape = _DIGIT.sub("0", word.lower()), _shape(word)
    found = [f"w={folded}", f"W={word}", f"s={shape[:8]}", "S=" + _short_shape(word), f"n={min(len(word), 12)}", "1"]
    for length in range(1, min(7, len(folded))):
        found += [f"p{length}={folded[:length]}", f"e{length}={folded[-length:]}"]
    if len(folded) >= 5:
        found += sorted({f"g={folded[i : i + 4]}" for i in range(len(folded) - 3)})
    return tuple(found)


@lru_cache(maxsize=1 << 18)
def _of_neighbour(word: str, folded: str, offset: int) -> tuple[str, ...]:
    found = [f"{offset}w={folded}", f"{offset}S={_short_shape(word)}"]
    if len(folded) > 3:
        found.append(f"{offset}e3={folded[-3:]}")
    if len(folded) > 5:
        found += [f"{offset}e4={folded[-4:]}", f"{offset}p4={folded[:4]}"]
    return tuple(found)


def _shape(word: str) -> str:
    return _CAPITAL.sub("X", _SMALL.sub("x", _DIGIT.sub("0", word)))


def _short_shape(word: str) -> str:
    return _RUN.sub(r"\1", _shape(word))


def _joined(words: Words, i: int, first: int, last: int) -> str:
    """Whether a word stands without a space beside the one before it and the one after it."""
    before = i > first and words.spans[i - 1][1] == words.spans[i][0]
    after = i + 1 < last and words.spans[i][1] == words.spans[i + 1][0]
    return f"j={before:d}{after:d}"


def _elsewhere(words: Words) -> dict[str, dict[int, list[str]]]:
    """For words that come more than once, by place: the words before and after them at their other places."""
    places: dict[str, list[int]] = defaultdict(list)
    for number, word in enumerate(words.texts):
        if len(word) > 2 or (len(word) == 2 and word.isupper()):
            places[words.folded[number]].append(number)
    folded, last = words.folded, len(words) - 1
    found: dict[str, dict[int, list[str]]] = {}
    for word, at in places.items():
        if 1 < len(at) <= _OFTEN:
            beside = {
                n: ([f"o-={folded[n - 1]}"] if n > 0 else []) + ([f"o+={folded[n + 1]}"] if n < last else [])
                for n in at
            }
            found[word] = {n: sorted({f for m in at if m != n for f in beside[m]}) for n in at}
    return found


def _heads_of_short_forms(words: Words) -> dict[str, int]:
    """A word with a capital that stands alone in brackets, or first in them -> the place of the word before the brackets."""
    heads: dict[str, int] = {}
    texts = words.texts
    for i in range(2, len(words) - 1):
        if texts[i - 1] in "([" and texts[i + 1] in ")];," and any(map(str.isupper, texts[i])):
            heads.setdefault(words.folded[i], i - 2)
    return heads
