"""The measures of calibration: answers known by hand, and laws that any forecaster obeys."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg.calibration import (
    area_under_curve,
    brier,
    brier_skill,
    error_by_chance,
    expected_calibration_error,
    reliability_curve,
)
from pipeline.errors import MateriaError

BELIEFS = np.array([0.1, 0.1, 0.35, 0.8, 0.8, 1.0])
TRUTHS = np.array([False, True, False, True, True, False])


def test_a_curve_by_hand() -> None:
    curve = reliability_curve(BELIEFS, TRUTHS, bins=4)
    assert [(b.least, b.most, b.n, b.mean_belief, b.share_true) for b in curve] == [
        (0.0, 0.25, 2, 0.1, 0.5),
        (0.25, 0.5, 1, 0.35, 0.0),
        (0.5, 0.75, 0, None, None),
        (0.75, 1.0, 3, 0.866667, 0.666667),
    ]
    # (2 * 0.4 + 1 * 0.35 + 3 * 0.2) / 6
    assert expected_calibration_error(curve) == pytest.approx(1.75 / 6, abs=1e-6)


def test_a_bin_holds_its_lower_edge() -> None:
    edges = np.arange(11) / 10
    assert [one.n for one in reliability_curve(edges, edges > 0.5)] == [1] * 9 + [2]


def test_bins_of_equal_mass_hold_as_many_claims_each_and_never_part_equal_beliefs() -> None:
    beliefs = np.array([0.05] * 6 + [0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    curve = reliability_curve(beliefs, beliefs > 0.3, bins=4, equal="mass")
    assert [one.n for one in curve] == [6, 3, 3]
    assert (curve[0].least, curve[-1].most) == (0.0, 1.0)


def test_scores_by_hand() -> None:
    assert brier(BELIEFS, TRUTHS) == pytest.approx((0.01 + 0.81 + 0.1225 + 0.04 + 0.04 + 1) / 6, abs=1e-6)
    assert brier_skill(np.full(6, 0.5), TRUTHS, base_rate=0.5) == 0
    assert brier_skill(TRUTHS.astype(float), TRUTHS, base_rate=0.5) == 1
    assert brier_skill(1.0 - TRUTHS, TRUTHS, base_rate=0.5) == -3
    assert area_under_curve(np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True])) == 0.75
    assert area_under_curve(np.full(4, 0.3), np.array([False, False, True, True])) == 0.5
    assert area_under_curve(BELIEFS, np.ones(6, dtype=bool)) is None


@pytest.mark.parametrize(
    "beliefs", [np.array([]), np.array([0.5]), np.array([0.5, 1.1]), np.array([0.5, float("nan")])]
)
def test_what_are_no_beliefs_is_an_error(beliefs: np.ndarray) -> None:
    with pytest.raises(MateriaError):
        reliability_curve(beliefs, np.array([True, False]))


def test_no_skill_can_be_measured_against_a_base_rate_that_is_never_wrong() -> None:
    with pytest.raises(MateriaError, match="base rate"):
        brier_skill(np.array([0.5]), np.array([False]), base_rate=0.0)


def test_the_error_by_chance_is_that_of_who_is_calibrated_and_shrinks_with_the_number_of_claims() -> None:
    random = np.random.default_rng(1)
    few, many = random.random(200), random.random(20_000)
    assert error_by_chance(few) == error_by_chance(few)
    assert error_by_chance(many) < 0.01 < error_by_chance(few)
    found = [expected_calibration_error(reliability_curve(few, random.random(200) < few)) for _ in range(200)]
    assert error_by_chance(few) == pytest.approx(np.mean(found), abs=0.005)
    assert error_by_chance(np.array([0.0, 1.0])) == 0


@given(st.integers(0, 2**32 - 1), st.floats(0.2, 5), st.floats(0.2, 5))
def test_who_draws_truths_from_the_beliefs_is_calibrated(seed: int, a: float, b: float) -> None:
    """20,000 claims: the error of a bin's share is about 1/sqrt(n), so that their weighted sum stays below 0.03."""
    random = np.random.default_rng(seed)
    beliefs = random.beta(a, b, 20_000)
    truths = random.random(20_000) < beliefs
    assert expected_calibration_error(reliability_curve(beliefs, truths)) < 0.03


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=50), st.integers(1, 20))
def test_every_claim_is_in_one_bin_and_the_error_is_a_share(claims: list[tuple[float, bool]], bins: int) -> None:
    beliefs, truths = np.array([b for b, _ in claims]), np.array([t for _, t in claims])
    for equal in ("width", "mass"):
        curve = reliability_curve(beliefs, truths, bins, equal=equal)
        assert sum(one.n for one in curve) == len(claims)
        assert 0 <= expected_calibration_error(curve) <= 1
        assert curve == reliability_curve(beliefs[::-1], truths[::-1], bins, equal=equal)
