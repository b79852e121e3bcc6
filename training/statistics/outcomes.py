"""What a model got right and wrong, document by document: enough to compute its figure again on any draw of documents.

Every figure here is a function of sums of counts over documents. So a bootstrap is one product of a matrix of draws with a
matrix of counts, and no prediction is looked at twice; two models are compared on the same draws. Rejected: intervals from
the figures of folds or seeds (they say how training varies, not how the test set does), and from sentences or pairs as units
(those of one paper are not independent).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["FIGURES", "Figure", "Outcomes", "count_labels", "count_means"]

#: micro_f1 and macro_f1: F1 over all classes together, or its mean over the classes that occur. mean: a sum over a number, as
#: accuracy (right, judged) and reciprocal ranks (sum, ranked) are. perplexity: exp of such a mean (loss, tokens).
Figure = Literal["micro_f1", "macro_f1", "mean", "perplexity"]

Counts = NDArray[np.float64]


@dataclass(frozen=True)
class Outcomes:
    """Counts of a model on a set of documents.

    Attributes:
        figure: what the counts are summed up to.
        units: the documents, sorted, each once.
        classes: what is counted apart; of `mean` and `perplexity` a single one, "".
        counts: (units, classes, 3): true positives, false positives, false negatives; of `mean` and `perplexity`: sum, number, 0.
    """

    figure: Figure
    units: tuple[str, ...]
    classes: tuple[str, ...]
    counts: Counts

    def value(self) -> float:
        """The figure over all documents; 0 where nothing is counted."""
        return float(FIGURES[self.figure](self.counts.sum(axis=0)[None])[0])

    def values(self, draws: NDArray[np.float64]) -> NDArray[np.float64]:
        """The figure for each draw.

        Args:
            draws: (draws, units): how often a document stands in each draw.
        """
        units, classes, _ = self.counts.shape
        summed = draws @ self.counts.reshape(units, classes * 3)
        return FIGURES[self.figure](summed.reshape(len(draws), classes, 3))


def _f1(counts: Counts) -> Counts:
    """F1 from (..., 3); 0 where nothing is."""
    doubled = 2 * counts[..., 0]
    whole = doubled + counts[..., 1] + counts[..., 2]
    return np.divide(doubled, whole, out=np.zeros_like(doubled), where=whole > 0)


def _micro(counts: Counts) -> Counts:
    return _f1(counts.sum(axis=1))


def _macro(counts: Counts) -> Counts:
    """Over the classes that occur in the gold or the predictions of the draw."""
    occurs = counts.sum(axis=2) > 0
    number = occurs.sum(axis=1)
    return np.divide(_f1(counts).sum(axis=1), number, out=np.zeros(len(counts)), where=number > 0)


def _mean(counts: Counts) -> Counts:
    total, number = counts[:, 0, 0], counts[:, 0, 1]
    return np.divide(total, number, out=np.zeros_like(total), where=number > 0)


def _perplexity(counts: Counts) -> Counts:
    return np.asarray(np.exp(np.minimum(_mean(counts), 700.0)))


#: From counts summed over documents, (draws, classes, 3), to the figure of each draw.
FIGURES: Final[dict[Figure, Callable[[Counts], Counts]]] = {
    "micro_f1": _micro,
    "macro_f1": _macro,
    "mean": _mean,
    "perplexity": _perplexity,
}


def count_labels(
    figure: Figure, units: Sequence[str], gold: Sequence[frozenset[str]], predicted: Sequence[frozenset[str]]
) -> Outcomes:
    """Outcomes of labels: which a thing has, and which it was given.

    Args:
        figure: micro_f1 or macro_f1.
        units: document of each thing.
        gold, predicted: labels of each thing; what is nothing (no relation, no entity) is left out of both.

    >>> count_labels("micro_f1", ["a", "a"], [frozenset("x"), frozenset()], [frozenset("x"), frozenset("y")]).value()
    0.6666666666666666
    """
    names = sorted(set(units))
    classes = sorted(frozenset().union(*gold, *predicted))
    row = {name: place for place, name in enumerate(names)}
    column = {name: place for place, name in enumerate(classes)}
    counts = np.zeros((len(names), len(classes), 3))
    for unit, right, said in zip(units, gold, predicted, strict=True):
        for place, labels in enumerate((right & said, said - right, right - said)):
            for label in labels:
                counts[row[unit], column[label], place] += 1
    return Outcomes(figure, tuple(names), tuple(classes), counts)


def count_means(figure: Figure, units: Sequence[str], sums: Sequence[float], numbers: Sequence[float]) -> Outcomes:
    """Outcomes of a mean: a sum and a number for each thing; `figure` is mean or perplexity.

    >>> count_means("mean", ["a", "b", "a"], [1, 0, 1], [1, 1, 1]).value()
    0.6666666666666666
    """
    names, place = np.unique(np.asarray(units, dtype=object).astype(str), return_inverse=True)
    counts = np.zeros((len(names), 1, 3))
    np.add.at(counts, (place, 0, 0), np.asarray(sums, dtype=np.float64))
    np.add.at(counts, (place, 0, 1), np.asarray(numbers, dtype=np.float64))
    return Outcomes(figure, tuple(names.tolist()), ("",), counts)
