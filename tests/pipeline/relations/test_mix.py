"""A temperature makes the scores of a model that is too sure mean what they say."""

import numpy as np
import pytest

from pipeline.relations.mix import fit_temperature
from pipeline.relations.wide import log_softmax


def scores(pairs, temperature, seed=3):
    """Scores of a model whose probabilities are right once divided by a temperature, and labels drawn by them."""
    draw = np.random.default_rng(seed)
    logits = draw.normal(size=(pairs, 3)) * 2
    right = np.exp(log_softmax(logits))
    labels = np.array([draw.choice(3, p=row) for row in right])
    return log_softmax(logits * temperature), labels


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_that_the_scores_need_is_found(temperature):
    vote, labels = scores(4000, temperature)
    (weight,) = fit_temperature(vote, labels).weights
    assert 1 / weight == pytest.approx(temperature, rel=0.1)


def test_a_handful_of_pairs_that_are_all_right_move_it_little():
    vote, _ = scores(5, 1.0)
    (weight,) = fit_temperature(vote, vote.argmax(axis=1)).weights
    assert 1 / 3 < 1 / weight < 1


def test_the_threshold_has_the_best_micro_f1():
    vote, labels = scores(600, 1.0)
    mix = fit_temperature(vote, labels)

    def micro_f1(threshold):
        said = np.where(1 - mix.probabilities([vote])[:, 0] >= threshold, vote[:, 1:].argmax(axis=1) + 1, 0)
        right = ((said == labels) & (labels > 0)).sum()
        return 2 * right / ((said > 0).sum() + (labels > 0).sum())

    assert micro_f1(mix.threshold) == max(micro_f1(threshold) for threshold in [*np.linspace(0, 1, 200), mix.threshold])
