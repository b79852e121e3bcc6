"""From the log-probabilities of several models to one calibrated probability, and the threshold above which a pair is related.

    p(label | pair) = softmax(sum over models of weight * log p_model(label | pair) + bias(label))

Weights and biases are fitted to predictions on documents that the models had not seen (vector scaling, Guo et al. 2017,
arXiv:1706.04599, over a logarithmic pool), so a model that adds nothing gets little weight, and the result is calibrated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from pipeline.relations.wide import log_softmax

__all__ = ["Mix", "fit_mix", "fit_temperature"]

_FLOOR = -12.0
_L2 = 1.0


@dataclass(frozen=True, slots=True)
class Mix:
    """How to join the models' votes.

    Attributes:
        weights: of each model.
        biases: of each label.
        threshold: of the probability that a pair is related at all.
    """

    weights: tuple[float, ...]
    biases: tuple[float, ...]
    threshold: float

    def probabilities(self, votes: Sequence[npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
        """Probabilities of the labels [pairs, labels] from the log-probabilities of each model."""
        scores = sum(weight * np.maximum(vote, _FLOOR) for weight, vote in zip(self.weights, votes, strict=True))
        return np.exp(log_softmax(np.asarray(scores) + np.asarray(self.biases)))

    def decide(self, probabilities: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
        """The label of each pair: the likeliest relation where the pair is related at all, else 0."""
        best = probabilities[:, 1:].argmax(axis=1) + 1
        return np.where(1.0 - probabilities[:, 0] >= self.threshold, best, 0)


def fit_mix(votes: Sequence[npt.NDArray[np.float64]], labels: npt.NDArray[np.int64], missed: int = 0) -> Mix:
    """Fit weights, biases and threshold to votes on unseen pairs.

    Args:
        votes: log-probabilities [pairs, labels] of each model.
        labels: the true label of each pair.
        missed: true relations that are no candidates: they count in the F1 that the threshold is chosen by.
    """
    from scipy.optimize import minimize

    count, size = votes[0].shape[1], len(labels)
    stacked = np.stack([np.maximum(vote, _FLOOR) for vote in votes], axis=0)
    rows = np.arange(size)

    def loss(flat: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        weights, biases = flat[: len(votes)], flat[len(votes) :]
        logs = log_softmax(np.tensordot(weights, stacked, axes=1) + biases)
        errors = np.exp(logs)
        errors[rows, labels] -= 1.0
        gradient = np.concatenate([(stacked * errors).sum(axis=(1, 2)), errors.sum(axis=0)])
        return float(-logs[rows, labels].sum() + _L2 / 2 * flat @ flat), gradient + _L2 * flat

    start = np.concatenate([np.full(len(votes), 1.0 / len(votes)), np.zeros(count)])
    found = minimize(loss, start, jac=True, method="L-BFGS-B").x
    mix = Mix(tuple(found[: len(votes)].tolist()), tuple(found[len(votes) :].tolist()), 0.5)
    return replace(mix, threshold=_best_threshold(mix.probabilities(votes), labels, missed))


def fit_temperature(vote: npt.NDArray[np.float64], labels: npt.NDArray[np.int64]) -> Mix:
    """A mix for one model alone: its scores over a temperature (Guo et al. 2017), and the threshold with the best micro F1.

    The temperature is the likeliest one, its logarithm being normal around 0 with deviation 1: a handful of pairs moves it little.

    Args:
        vote: log-probabilities [pairs, labels] of pairs that the model did not learn from.
        labels: the true label of each pair, 0 for none.
    """
    from scipy.optimize import minimize_scalar

    rows, none = np.arange(len(labels)), (0.0,) * vote.shape[1]

    def loss(log_temperature: float) -> float:
        logs = log_softmax(np.maximum(vote, _FLOOR) / np.exp(log_temperature))
        return float(log_temperature**2 / 2 - logs[rows, labels].sum())

    mix = Mix((float(np.exp(-minimize_scalar(loss, bounds=(-3.0, 3.0), method="bounded").x)),), none, 0.5)
    return replace(mix, threshold=_best_threshold(mix.probabilities([vote]), labels, 0))


def _best_threshold(probabilities: npt.NDArray[np.float64], labels: npt.NDArray[np.int64], missed: int) -> float:
    """The threshold with the best micro F1 of relation and type: halfway to the next pair, 0 where every pair is related."""
    if not (labels == 0).any():
        return 0.0
    related = 1.0 - probabilities[:, 0]
    order = np.argsort(-related, kind="stable")
    right = np.cumsum((probabilities[:, 1:].argmax(axis=1) + 1 == labels)[order])
    f1 = 2 * right / (np.arange(1, len(labels) + 1) + (labels > 0).sum() + missed)
    best = int(f1.argmax())
    following = order[min(best + 1, len(order) - 1)]
    return float((related[order[best]] + related[following]) / 2)
