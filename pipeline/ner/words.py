"""The words of a text, as the recogniser sees them: runs of letters and digits, and every other sign by itself.

Gold mentions often end inside what a tokenizer for English keeps together ("phenobarbital-induced", "(SNP)", "Na+/K+").
Cut at every sign, all 8,853 mentions of BC5CDR's train set begin and end at words, all but 2 of NCBI Disease's 5,100,
and 99.4% of BioRED's 11,413 (the rest are inside words such as "rDEN2Delta30"). Rejected: cutting between letters and digits
too, which helps BioRED alone, and makes names such as CYP2D6 several words.

In a text with Chinese characters each of them is a word, and runs of letters and of digits stand apart: all but 26 of the 18,762
entities of CMeEE's sentences 501 to 4000 begin and end at such words.

`tokenizer` is the same rule as a tokenizer of spaCy's, so that `doc.ents` can hold what the recogniser finds exactly.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.han import HAN, han_form, has_han
from pipeline.name_forms import normal_word
from pipeline.sentences import split_sentences

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.util import DummyTokenizer

__all__ = ["Words", "cut", "fold", "make_tokenizer", "word_spans"]

_WORD = re.compile(r"\w+|[^\w\s]")
_PIECE = re.compile(r"\w+|[^\w\s]|\s+")
_CHINESE_WORD = re.compile(rf"[{HAN}]|[^\W\d_{HAN}]+|\d+|[^\w\s]|_")
_CHINESE_PIECE = re.compile(rf"{_CHINESE_WORD.pattern}|\s+")
_DIGIT = re.compile(r"\d")


@dataclass(frozen=True, slots=True)
class Words:
    """The words of a document, in order.

    Attributes:
        spans: [start, end) of each, in code points of the text.
        texts: each as written.
        folded: each in its normal form (case, plural, spelling, Greek), every digit a 0.
        sentences: [first, last) words of each sentence; together they are all words.
    """

    spans: list[tuple[int, int]]
    texts: list[str]
    folded: list[str]
    sentences: list[tuple[int, int]]

    def __len__(self) -> int:
        return len(self.spans)


def cut(text: str) -> Words:
    """The words of a text and its sentences.

    >>> cut("L-DOPA helped. (5 mg)").texts
    ['L', '-', 'DOPA', 'helped', '.', '(', '5', 'mg', ')']
    >>> cut("CYP2D6基因").texts
    ['CYP', '2', 'D', '6', '基', '因']
    """
    spans = word_spans(text)
    texts = [text[start:end] for start, end in spans]
    sentences, first = [], 0
    for _, end in split_sentences(text):
        last = first
        while last < len(spans) and spans[last][0] < end:
            last += 1
        if last > first:
            sentences.append((first, last))
        first = last
    return Words(spans, texts, [fold(word) for word in texts], sentences)


def word_spans(text: str) -> list[tuple[int, int]]:
    """[start, end) of the words of a text, in order."""
    return [match.span() for match in (_CHINESE_WORD if has_han(text) else _WORD).finditer(text)]


def fold(word: str) -> str:
    """The normal form of a word, with every digit a 0.

    >>> [fold(word) for word in ["Tumours", "CYP2D6", "β", "+"]]
    ['tumor', 'cyp0d0', 'beta', '+']
    """
    return _DIGIT.sub("0", normal_word(word) if word[0].isalpha() else han_form(word))


def make_tokenizer(nlp: Language) -> DummyTokenizer:
    """A tokenizer of spaCy's with these words; white space but single spaces is tokens of its own, as spaCy has it."""
    from spacy.tokens import Doc
    from spacy.util import DummyTokenizer

    class WordTokenizer(DummyTokenizer):  # type: ignore[misc]
        """Text to Doc; nothing to write to disk."""

        def __call__(self, text: str) -> Doc:
            words: list[str] = []
            spaces: list[bool] = []
            for piece in (_CHINESE_PIECE if has_han(text) else _PIECE).findall(text):
                if piece[0] == " " and words and not spaces[-1] and not words[-1].isspace():
                    spaces[-1] = True
                    piece = piece[1:]  # noqa: PLW2901
                if piece:
                    words.append(piece)
                    spaces.append(False)
            return Doc(nlp.vocab, words=words, spaces=spaces)

    return WordTokenizer()
