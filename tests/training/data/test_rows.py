"""Runs of rows: cut anywhere and joined again they are what they were."""

from dataclasses import fields
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from training.data.batches import Position
from training.data.rows import Rows


@pytest.fixture(scope="module", params=["bert", "gpt2", "xlnet"])
def rows(request, builder, passages):
    return builder(request.param).rows(passages, np.random.default_rng(0))


@settings(max_examples=25)
@given(data=st.data())
def test_cut_and_joined_rows_are_the_same(rows, data):
    places = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=4)))
    bounds = [0, *places, len(rows)]
    parts = [rows.cut(start, stop) for start, stop in pairwise(bounds)]
    joined = Rows.join(parts)
    for field in fields(Rows):
        assert np.array_equal(getattr(joined, field.name), getattr(rows, field.name)), field.name


def test_a_part_asks_what_the_whole_asks_of_those_rows(rows):
    whole, part = (r.batch(Position(), pad=0, length=64) for r in (rows, rows.cut(3, 7)))
    assert torch.equal(part.input_ids, whole.input_ids[3:7])
    for name in ("sequences", "pairs", "mentions"):
        table = getattr(whole, name)
        own = table[(table[:, 0] >= 3) & (table[:, 0] < 7)]
        own[:, 0] -= 3
        assert torch.equal(getattr(part, name), own)
    assert torch.equal(part.targets + 3 * 64, whole.targets[(whole.targets >= 3 * 64) & (whole.targets < 7 * 64)])
    for (row, *_), sequence in zip(part.pairs.tolist(), part.pair_sequences.tolist(), strict=True):
        assert part.sequences[sequence, 0] == row


def test_a_batch_moves_as_a_whole(rows):
    batch = rows.batch(Position(1, 2, 3), pad=0).to("meta")
    tensors = [getattr(batch, f.name) for f in fields(batch) if isinstance(getattr(batch, f.name), torch.Tensor)]
    assert len(tensors) >= 14 and all(tensor.device.type == "meta" for tensor in tensors)
    assert batch.position == Position(1, 2, 3)
