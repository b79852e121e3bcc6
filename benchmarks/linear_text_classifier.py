"""A linear support vector machine over TF-IDF of words and pairs of words: what a text classifier has to beat.

C and the class weights are chosen on validation examples; then it learns from these too. Of a sentence with two marked names it
reads the words alone, or with its marks as words, or with a word in place of each name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any


def linear(train: Sequence[Any], validation: Sequence[Any], test: Sequence[Any], form: Any) -> tuple[float, list[str]]:
    """Figure on validation and labels of the test, of the linear model that is best on validation; it learns from both then."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.metrics import f1_score
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import LinearSVC

    def label(example: Any) -> str:
        return example.target if isinstance(example.target, str) else next(iter(example.target))

    def fitted(examples: Sequence[Any], weights: str | None, c: float) -> Any:
        words = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
        model = make_pipeline(words, LinearSVC(C=c, class_weight=weights, max_iter=5000))
        return model.fit([form(e) for e in examples], [label(e) for e in examples])

    average = "macro" if not isinstance(train[0].target, str) else "micro"
    figures = {}
    for weights in (None, "balanced"):
        for c in (0.1, 0.3, 1.0, 3.0):
            said = fitted(train, weights, c).predict([form(e) for e in validation])
            figures[weights, c] = f1_score([label(e) for e in validation], said, average=average)
    best = max(figures, key=lambda one: figures[one])
    model = fitted([*train, *validation], *best)
    return figures[best], list(model.predict([form(e) for e in test]))


def marked(example: Any) -> str:
    """A sentence with its marks, as a linear model reads them: words of their own."""
    return pieces(example, lambda mark, name: f" {mark}begin {name} {mark}end ")


def hidden(example: Any) -> str:
    """A sentence with a word in place of each marked name."""
    return pieces(example, lambda mark, name: f" {mark}name ")


def pieces(example: Any, shown: Any) -> str:
    text, made, at = example.texts[0], "", 0
    for mark, (start, end) in sorted(zip(("first", "second"), example.marks, strict=True), key=lambda pair: pair[1]):
        made += text[at:start] + shown(mark, text[start:end])
        at = max(at, end)
    return re.sub(r"\s+", " ", made + text[at:])
