"""Learning how reliable an extractor is: steps that never fall, and the error that repetition does not cure."""

from itertools import pairwise

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from kg.reliability import Step
from kg.reliability_learning import learn_steps, learn_systematic_error, worth

CLAIMS = st.lists(st.tuples(st.floats(0, 0.99), st.booleans()), min_size=1, max_size=40)


def learned(claims: list[tuple[float, bool]]) -> tuple[Step, ...]:
    return learn_steps(np.array([figure for figure, _ in claims]), np.array([true for _, true in claims]))


def test_an_overconfident_extractor_is_taken_down() -> None:
    """It says 0.9 of claims of which six in ten hold, and 0.3 of claims of which one in ten holds."""
    figures = np.repeat([0.3, 0.9], 1000)
    true = np.concatenate([np.arange(1000) < 100, np.arange(1000) < 600])
    values = worth(learn_steps(figures, true), np.array([0.3, 0.9]))
    assert np.allclose(values, [0.1, 0.6], atol=0.01)


def test_few_claims_stay_near_the_rate_of_the_extractor() -> None:
    """Two claims at 0.9, both right, among a hundred of which half hold: worth more than a half, far from certain."""
    claims = [(0.2, number % 2 == 0) for number in range(100)] + [(0.9, True)] * 2
    (value,) = worth(learned(claims), np.array([0.9]))
    assert 0.6 < value < 0.7


@given(CLAIMS)
def test_a_higher_figure_is_never_worth_less(claims: list[tuple[float, bool]]) -> None:
    steps = learned(claims)
    assert steps[0].least == 0
    assert all(a.least < b.least and a.probability < b.probability for a, b in pairwise(steps))
    assert all(0 < step.probability < 1 for step in steps)
    assert sum(step.claims for step in steps) == len(claims)
    assert sum(step.true for step in steps) == sum(true for _, true in claims)


@given(CLAIMS, st.floats(0, 0.99))
def test_one_more_right_claim_never_makes_any_figure_worth_less(claims: list[tuple[float, bool]], at: float) -> None:
    figures = np.arange(100) / 100
    before, after = worth(learned(claims), figures), worth(learned([*claims, (at, True)]), figures)
    assert (after >= before - 2e-6).all()


@given(CLAIMS, st.randoms(use_true_random=False))
def test_the_order_of_claims_changes_nothing(claims: list[tuple[float, bool]], random: np.random.Generator) -> None:
    mixed = list(claims)
    random.shuffle(mixed)  # type: ignore[arg-type]
    assert learned(mixed) == learned(claims)


def pairs(holds: list[bool], documents: int) -> pa.Table:
    """Claims that so many documents make each."""
    count = len(holds) * documents
    return pa.table(
        {
            "subject": [f"S:{number % len(holds)}" for number in range(count)],
            "predicate": ["biolink:causes"] * count,
            "object": ["O:1"] * count,
            "true": [holds[number % len(holds)] for number in range(count)],
        }
    )


def test_claims_that_many_documents_make_and_that_are_wrong_raise_the_systematic_error() -> None:
    sound = learn_systematic_error(np.full(500, 0.8), pairs([True] * 50, 10))
    wrong = learn_systematic_error(np.full(500, 0.8), pairs([number >= 10 for number in range(50)], 10))
    assert sound < 0.05 < 0.15 < wrong < 0.25


def test_without_documents_that_agree_the_prior_stands() -> None:
    """Of single documents nothing can be learned about agreement, whatever holds."""
    rows = pairs([number % 2 == 0 for number in range(100)], 1)
    assert abs(learn_systematic_error(np.full(100, 0.5), rows) - 0.05) < 0.01
