"""What a linear model reads of a marked pair: the words of its passage with `@a` and `@b` for the two, the words between and near
them apart from the others, how far they stand apart, and the words, ends and beginnings of their names.

A short form of `pipeline.relations.features` for passages without a reading of their document, and so the same in training from any
file and in extraction.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from pipeline.linear_text import words_of
from pipeline.relations.views import Passage

__all__ = ["pair_words"]

#: Words before and behind the pair that count as near it.
_NEAR: Final = 4
#: Distances that are told apart, up to each number of words.
_STEPS: Final = (0, 1, 2, 3, 6, 10, 20)
#: Letters of a word that count as its beginning, and as its end.
_LETTERS: Final = 4


def pair_words(passage: Passage) -> list[str]:
    """The features, each as often as the passage has it."""
    text, a, b = passage
    (begin, end), (start, stop) = sorted((a, b))
    order = "ab" if a <= b else "ba"
    before, between, behind = words_of(text[:begin]), words_of(text[end:start]), words_of(text[max(end, stop) :])
    whole = [*before, f"@{order[0]}", *between, f"@{order[1]}", *behind]
    found = [f"w {word}" for word in whole] + [f"2 {one} {other}" for one, other in pairwise(whole)]
    found += [f"m{order} {word}" for word in between]
    found += [f"m2{order} {one} {other}" for one, other in pairwise(["<", *between, ">"])]
    found += [f"l{order} {word}" for word in before[-_NEAR:]] + [f"r{order} {word}" for word in behind[:_NEAR]]
    found.append(f"gap{order} {next((step for step in _STEPS if len(between) <= step), 'more')}")
    for which, (first, last) in (("a", a), ("b", b)):
        name = words_of(text[first:last])
        found += [f"{which} {word}" for word in name] + [f"{which}= {' '.join(name)}"]
        found += [f"{which}< {word[:_LETTERS]}" for word in name] + [f"{which}> {word[-_LETTERS:]}" for word in name]
    return found
