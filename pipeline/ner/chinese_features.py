"""What a tagger is told of each character of a Chinese text: the characters around it, and every known name that covers or touches it.

Nothing in a text says where its words end, so all names are told, the short ones inside long ones too, each by the place of
the character in it, its length and its type (as in Peng et al. 2020, https://aclanthology.org/2020.acl-main.528, for neural taggers):
names of the vocabulary, and entities of the other training documents. Rejected, on CMeEE's sentences 501 to 1375, learned from 1376 to
4000: where clauses and lists begin and end and the cue words before (no gain), and the entities of CMeIE as names (.528 for .533).
"""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.ner.known import Known
from pipeline.ner.words import Words

__all__ = ["chinese_features"]

#: First character, the one after the last, and what the name is.
_Name = tuple[int, int, str]
_LONGEST = 5


def chinese_features(words: Words, known: Known, vocabulary: Iterable[_Name] = ()) -> list[list[str]]:
    """The features of each character; runs of letters and digits count as one character.

    Args:
        vocabulary: names of a vocabulary, as [first, after) places in `words` with their class.
    """
    rows: list[list[str]] = []
    for first, last in words.sentences:
        rows += [_around(words.folded, i, first, last) for i in range(first, last)]
    _add_names(rows, "v", vocabulary)
    _add_names(rows, "k", known.find_all(words.folded))
    return rows


def _around(texts: list[str], i: int, first: int, last: int) -> list[str]:
    before3, before2, before, here, after, after2, after3 = (
        texts[j] if first <= j < last else "<" if j < first else ">" for j in range(i - 3, i + 4)
    )
    types = [_type(text) for text in (before, here, after)]
    return [
        "1",
        f"-3={before3}", f"-2={before2}", f"-1={before}", f"0={here}", f"1={after}", f"2={after2}", f"3={after3}",
        f"-2b={before2}{before}", f"-1b={before}{here}", f"0b={here}{after}", f"1b={after}{after2}",
        f"-2t={before2}{before}{here}", f"-1t={before}{here}{after}", f"0t={here}{after}{after2}",
        f"s={before}_{after}",
        f"-1c={types[0]}", f"0c={types[1]}", f"1c={types[2]}", "c=" + "".join(types),
    ]  # fmt: skip


def _type(text: str) -> str:
    return "h" if text >= "\u2e80" and text.isalpha() else "d" if text[0].isdigit() else "a" if text.isalpha() else text


def _add_names(rows: list[list[str]], letter: str, names: Iterable[_Name]) -> None:
    """Add to the characters of each name their place in it, and to its neighbours that it stands beside them."""
    found: list[set[str]] = [set() for _ in rows]
    longest: list[tuple[int, int, int]] = [(0, 0, 0)] * len(rows)
    for first, after, kind in names:
        length = min(after - first, _LONGEST)
        if after - first == 1:
            found[first].add(f"{letter}U{kind}")
            continue
        found[first].add(f"{letter}B{length}{kind}")
        found[after - 1].add(f"{letter}L{length}{kind}")
        for place in range(first + 1, after - 1):
            found[place].add(f"{letter}I{kind}")
        if after < len(rows):
            found[after].add(f"{letter}>{length}{kind}")
        if first > 0:
            found[first - 1].add(f"{letter}<{length}{kind}")
        for place in range(first, after):
            longest[place] = max(longest[place], (after - first, -first, after))
    for place, row in enumerate(rows):
        row.extend(sorted(found[place]))
        length, begin, after = longest[place]
        if length:
            letter_of_place = "B" if place == -begin else "L" if place == after - 1 else "I"
            row.append(f"{letter}={letter_of_place}{min(length, 8)}")
