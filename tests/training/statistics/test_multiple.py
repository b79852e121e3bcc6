"""Holm's correction against its definition, and what it promises."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from training.statistics.multiple import holm

P = st.lists(st.floats(0, 1), min_size=1, max_size=8)


@given(P, st.floats(0.001, 0.5))
def test_what_is_below_a_level_is_what_stepping_down_rejects(p, level):
    rejected = set()
    for step, place in enumerate(sorted(range(len(p)), key=lambda n: p[n])):
        if p[place] * (len(p) - step) >= level:
            break
        rejected.add(place)
    assert {place for place, value in enumerate(holm(p)) if value < level} == rejected


@given(P)
def test_it_is_never_above_bonferroni_and_never_below_the_value_itself(p):
    assert all(value <= adjusted <= min(1, value * len(p)) for value, adjusted in zip(p, holm(p), strict=True))


def test_of_lists_in_which_nothing_is_there_few_say_that_something_is():
    draws = np.random.default_rng(4).random((2_000, 6))
    assert np.mean([min(holm(p)) < 0.05 for p in draws]) < 0.07


def test_no_comparison_is_none():
    assert holm([]) == []
