"""Permutation targets: spans of the published length and share, in a random order within each sequence."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.data.permutation import factorisation, spans_to_predict


def test_a_sixth_is_predicted_in_spans_of_up_to_five():
    picked = spans_to_predict(60_000, share=1 / 6, longest=5, random=np.random.default_rng(3))
    assert picked.mean() == pytest.approx(1 / 6, abs=0.005)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], picked, [0]])))
    lengths = edges[1::2] - edges[::2]
    # Two spans may touch, at the end of a stretch and the beginning of the next.
    assert (lengths <= 5).mean() > 0.98 and set(range(1, 6)) <= set(lengths)


@given(st.integers(0, 300), st.sampled_from([0.1, 1 / 6, 0.5]), st.integers(1, 7))
def test_any_number_of_tokens_will_do(tokens, share, longest):
    assert spans_to_predict(tokens, share=share, longest=longest, random=np.random.default_rng(1)).shape == (tokens,)


@given(st.lists(st.lists(st.booleans(), min_size=1, max_size=8), max_size=8), st.integers(0, 50))
def test_ranks_are_an_order_of_what_is_predicted_in_each_sequence(sequences, seed):
    picked = np.array([p for sequence in sequences for p in sequence], dtype=bool)
    owners = np.repeat(np.arange(len(sequences)), [len(s) for s in sequences])
    ranks = factorisation(picked, owners, random=np.random.default_rng(seed))
    assert (ranks[~picked] == 0).all()
    for number in range(len(sequences)):
        own = ranks[(owners == number) & picked]
        assert sorted(own) == list(range(1, len(own) + 1))


def test_orders_vary():
    picked, owners = np.ones(400, dtype=bool), np.repeat(np.arange(100), 4)
    ranks = factorisation(picked, owners, random=np.random.default_rng(0)).reshape(100, 4)
    assert len({tuple(order) for order in ranks}) == 24
