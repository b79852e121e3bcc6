"""Masking: whole units, the shares of the published method, and nothing else touched."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.data.masking import mask_units


def masked(units, share, seed=0):
    ids = np.arange(10, 10 + len(units))
    return ids, *mask_units(
        ids, units, share=share, mask=4, ordinary=np.arange(1000, 2000), random=np.random.default_rng(seed)
    )


@given(st.lists(st.integers(1, 4), max_size=30), st.floats(0.05, 0.9), st.integers(0, 99))
def test_units_are_masked_as_wholes_and_special_tokens_never(sizes, share, seed):
    units = np.concatenate([[-1], np.repeat(np.arange(len(sizes)), sizes), [-1]]).astype(np.int64)
    ids, shown, places = masked(units, share, seed)
    assert set(np.flatnonzero(shown != ids)) <= set(places) and (units[places] >= 0).all()
    assert set(places) == set(np.flatnonzero(np.isin(units, units[places])))


def test_eight_in_ten_are_hidden_one_is_another_one_stays():
    ids, shown, places = masked(np.repeat(np.arange(20_000), 2), 0.15)
    assert len(places) / len(ids) == pytest.approx(0.15, abs=0.01)
    shares = [(shown[places] == 4).mean(), (shown[places] >= 1000).mean(), (shown[places] == ids[places]).mean()]
    # One fate a unit: both its tokens are hidden, or changed, or stay. Tokens 1000 to 2000 are the ids of some places themselves.
    assert shares[0] == pytest.approx(0.8, abs=0.02)
    hidden = (shown == 4).reshape(-1, 2)
    assert (hidden[:, 0] == hidden[:, 1]).all()
    assert (shown[places] == ids[places]).mean() == pytest.approx(0.1, abs=0.02)
