"""How an answer in words is judged, by the formula of SQuAD's evaluation script (Rajpurkar et al. 2016, arXiv:1606.05250; version 2.0).

Answers are compared in small letters, without ASCII punctuation and the words a, an and the. Exact match: they are equal. F1: of their
words, each as often as it stands; where one of them has no words, it is 1 if neither has. Of several right answers the best counts; those
without words are none.
Chinese answers have no spaces, so to this formula each is one word.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence
from typing import Final

__all__ = ["answer_words", "exact_match", "token_f1"]

_PUNCTUATION: Final = str.maketrans("", "", string.punctuation)
_ARTICLES: Final = re.compile(r"\b(a|an|the)\b")


def answer_words(answer: str) -> list[str]:
    """The words of an answer that are compared.

    >>> answer_words("The 5-HT receptor.")
    ['5ht', 'receptor']
    """
    return _ARTICLES.sub(" ", answer.lower().translate(_PUNCTUATION)).split()


def exact_match(said: str, right: Sequence[str]) -> float:
    """1 where an answer is one of the right ones, else 0."""
    return float(answer_words(said) in _words(right))


def token_f1(said: str, right: Sequence[str]) -> float:
    """F1 of an answer with that of the right ones that it is most like."""
    return max(_f1(answer_words(said), answer) for answer in _words(right))


def _words(right: Sequence[str]) -> list[list[str]]:
    """Words of each right answer that has any; no words at all where none has."""
    return [words for words in map(answer_words, right) if words] or [[]]


def _f1(said: list[str], right: list[str]) -> float:
    if not said or not right:
        return float(said == right)
    shared = (Counter(said) & Counter(right)).total()
    return 2 * shared / (len(said) + len(right))
