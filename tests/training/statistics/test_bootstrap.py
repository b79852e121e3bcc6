"""Intervals hold the truth as often as they say, and agree with drawing by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.statistics.bootstrap import compare, interval
from training.statistics.config import BootstrapConfig
from training.statistics.outcomes import Outcomes, count_labels, count_means


def accuracies(rates, seed, documents=60, sentences=3):
    """Outcomes of models that are right so often, on the same documents, some of which are harder for all of them."""
    random = np.random.default_rng(seed)
    units = [f"d{d:03}" for d in range(documents) for _ in range(sentences)]
    hard = np.repeat(random.normal(0, 0.15, documents), sentences)
    right = [random.random(len(units)) < np.clip(rate + hard, 0, 1) for rate in rates]
    return [count_means("mean", units, one.astype(float).tolist(), [1.0] * len(units)) for one in right]


def test_a_draw_is_what_a_loop_over_documents_gives():
    draw = np.random.default_rng(5)
    labels = [frozenset("x"), frozenset("y"), frozenset(), frozenset("xy")]
    units = [f"d{n // 3}" for n in range(30)]
    gold, said = ([labels[n] for n in draw.integers(4, size=30)] for _ in range(2))
    for figure in ("micro_f1", "macro_f1"):
        outcomes = count_labels(figure, units, gold, said)
        drawn = draw.integers(10, size=(50, 10))
        counts = np.stack([np.bincount(one, minlength=10) for one in drawn]).astype(float)
        for one, value in zip(drawn, outcomes.values(counts), strict=True):
            things = [n for document in one for n in range(30) if units[n] == outcomes.units[document]]
            again = count_labels(figure, ["d"] * len(things), [gold[n] for n in things], [said[n] for n in things])
            assert value == pytest.approx(again.value())


def test_an_interval_is_the_percentiles_of_drawing_documents():
    """Against drawing by hand, with other random numbers: ends agree as far as 20,000 draws tell."""
    (run,) = accuracies([0.7], seed=1)
    found = interval([run], BootstrapConfig(draws=20_000))
    means = run.counts[:, 0, 0] / run.counts[:, 0, 1]
    draw = np.random.default_rng(99)
    by_hand = means[draw.integers(len(means), size=(20_000, len(means)))].mean(axis=1)
    assert (found.low, found.high) == pytest.approx(np.quantile(by_hand, [0.025, 0.975]), abs=0.006)  # a step is 1/180
    assert (found.value, found.units, found.seeds) == (run.value(), 60, 1)


def test_intervals_hold_the_truth_as_often_as_they_say():
    """400 test sets of 60 papers: a 90% interval should hold the true rate in about 360 (sd 6)."""
    config = BootstrapConfig(draws=300, level=0.9)
    held = sum(f.low <= 0.6 <= f.high for f in (interval(accuracies([0.6], seed), config) for seed in range(400)))
    assert 340 <= held <= 380


@pytest.mark.parametrize("seeds", [2, 3, 6])
def test_the_noise_of_a_few_seeds_is_not_taken_for_less_than_it_is(seeds):
    """Runs differ by their training alone, so that all documents say the same: the interval is Student's."""
    random, held = np.random.default_rng(seeds), 0
    for _ in range(400):
        runs = [count_means("mean", ["a", "b"], [v, v], [1, 1]) for v in random.normal(0, 1, seeds)]
        found = interval(runs, BootstrapConfig(draws=300, level=0.9))
        held += found.low <= 0 <= found.high
    assert 335 <= held <= 385


def test_equal_models_seldom_differ_and_p_values_are_uniform():
    """Of 400 pairs of equal models about 40 have p < 0.1; and an interval leaves out 0 where p says so."""
    config = BootstrapConfig(draws=300, level=0.9)
    found = [compare(*([run] for run in accuracies([0.6, 0.6], seed)), config) for seed in range(400)]
    assert 22 <= sum(one.p < 0.1 for one in found) <= 62
    agree = [(one.p < 0.1) == (not one.difference.low <= 0 <= one.difference.high) for one in found]
    assert sum(agree) >= 395  # at the edge, a quantile lies between two draws


def test_a_pair_on_the_same_documents_says_more_than_two_apart():
    first, second = accuracies([0.75, 0.65], seed=3, documents=200)
    found = compare([first], [second])
    assert found.p < 0.01
    assert found.difference.low > 0
    apart = [interval([run]) for run in (first, second)]
    assert found.difference.high - found.difference.low < sum(one.high - one.low for one in apart)


def test_outcomes_over_other_documents_are_not_compared():
    first, other = (count_means("mean", [unit], [1], [1]) for unit in "ab")
    with pytest.raises(ValueError, match="not over the same documents"):
        compare([first], [other])


def test_the_same_seed_gives_the_same_interval_however_many_draws_fit_in_memory(monkeypatch):
    runs = accuracies([0.6, 0.7], seed=2)
    whole = interval(runs)
    monkeypatch.setattr("training.statistics.bootstrap._BLOCK", 60 * 500)
    assert interval(runs) != interval(runs, BootstrapConfig(seed=14))
    assert interval(runs) == whole


@settings(max_examples=20)
@given(st.lists(st.floats(0, 1), min_size=2, max_size=20), st.integers(1, 3))
def test_a_model_does_not_differ_from_itself(values, seeds):
    run = count_means("mean", [f"d{n:02}" for n in range(len(values))], values, [1.0] * len(values))
    found = compare([run] * seeds, [run] * seeds, BootstrapConfig(draws=100))
    assert found.difference.value == 0
    assert found.p > 0.6  # 1 but for the draws of the noise of seeds


def test_one_document_has_an_interval_of_no_width():
    """It says nothing of others, and units = 1 tells so."""
    found = interval([Outcomes("mean", ("a",), ("",), np.array([[[1.0, 2.0, 0.0]]]))])
    assert (found.low, found.value, found.high, found.units) == (0.5, 0.5, 0.5, 1)
