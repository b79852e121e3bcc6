"""First-fit: rows hold what fits, and each sequence lies in the first row that had room."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from training.data.packing import first_fit


@given(st.lists(st.integers(1, 32), max_size=60))
def test_each_sequence_lies_in_the_first_row_with_room(lengths):
    rows, free = {}, []
    for sequence in sorted(range(len(lengths)), key=lambda s: -lengths[s]):
        row = next((r for r, room in enumerate(free) if room >= lengths[sequence]), len(free))
        if row == len(free):
            free.append(32)
        free[row] -= lengths[sequence]
        rows[sequence] = row
    assert first_fit(np.array(lengths, dtype=np.int64), 32).tolist() == [rows[s] for s in range(len(lengths))]


def test_rows_of_a_mixture_are_nearly_full():
    lengths = np.random.default_rng(1).integers(10, 129, size=2000)
    rows = first_fit(lengths, 128)
    assert lengths.sum() / (128 * (rows.max() + 1)) > 0.98
