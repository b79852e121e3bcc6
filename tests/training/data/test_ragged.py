"""Ranges of different lengths: the same as Python's own."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from training.data.ragged import aranges, offsets


@given(st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 9)), max_size=20))
def test_ranges_are_those_of_python(groups):
    starts, counts = (np.array([group[k] for group in groups], dtype=np.int64) for k in (0, 1))
    assert aranges(starts, counts).tolist() == [i for start, count in groups for i in range(start, start + count)]
    assert offsets(counts).tolist() == [int(counts[:k].sum()) for k in range(len(groups) + 1)]
