"""The laws of shares."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kg.mixture.shares import Limit, fit

SHARES = st.lists(st.floats(0.05, 1), min_size=3, max_size=3)


def limit(groups, shares):
    return Limit("share", np.array(groups), np.array(shares, dtype=float))


@given(
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(-1, 2), st.integers(-1, 2)), min_size=1, max_size=12),
    SHARES,
    SHARES,
)
def test_no_group_has_more_than_its_share_and_nothing_grows(cells, sources, predicates):
    amounts = np.array([amount for amount, _, _ in cells], dtype=float)
    limits = [limit([cell[1] for cell in cells], sources), limit([cell[2] for cell in cells], predicates)]
    fitted, lowered = fit(amounts, limits)
    assert (fitted <= amounts).all()
    assert (fitted >= 0).all()
    for one in limits:
        for group, share in enumerate(one.shares):
            assert fitted[one.group == group].sum() <= share * fitted.sum() * (1 + 1e-6)
    assert (fitted[lowered < 0] == amounts[lowered < 0]).all() or fitted.sum() == 0


@given(st.lists(st.integers(1, 10_000), min_size=2, max_size=6), st.floats(0.05, 1))
def test_one_kind_of_group_gets_the_most_there_is(amounts, share):
    """What is fitted cannot be scaled up: either nothing is lowered, or the lowered groups have exactly their share."""
    fitted, lowered = fit(np.array(amounts, dtype=float), [limit(range(len(amounts)), [share] * len(amounts))])
    if share * len(amounts) < 1 - 1e-9:
        assert fitted.sum() == 0
    elif fitted.sum():
        assert np.allclose(fitted[lowered >= 0], share * fitted.sum())


def test_shares_that_shrink_the_whole_without_end_leave_nothing():
    limits = [limit([0, 0, 1], [1.0, 0.822265625, 1.0]), limit([0, 1, -1], [0.125, 0.05078125, 1.0])]
    assert fit(np.ones(3), limits)[0].tolist() == [0, 0, 0]


def test_the_water_level_by_hand():
    fitted, lowered = fit(np.array([80.0, 10.0, 10.0]), [limit([0, 1, -1], [0.5, 0.5])])
    assert fitted.tolist() == [20, 10, 10]
    assert lowered.tolist() == [0, -1, -1]
