"""The order of windows: every passage once an epoch, another order each epoch, all from the seed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import MateriaError
from training.data.order import Order


@settings(max_examples=20)
@given(size=st.integers(1, 400), seed=st.integers(0, 2**40), epoch=st.integers(0, 10))
def test_an_epoch_reads_every_passage_once(corpus, size, seed, epoch):
    order = Order(corpus.train, size=size, seed=seed)
    windows = [order.window(epoch, place) for place in range(len(order))]
    assert sorted(windows) == list(range(len(order))) and order.passages == 240
    # Row groups hold 50 and 10 passages here.
    groups = [group for window in order.windows for s, a, b in window.groups for group in [(s, n) for n in range(a, b)]]
    assert groups == [(shard, group) for shard in range(4) for group in range(2)]
    rows = [sum(order.read(w).num_rows for w in windows[:-1]) + order.read(windows[-1]).num_rows]
    assert rows == [240]


def test_the_order_depends_on_seed_and_epoch(corpus):
    def of(seed, epoch):
        order = Order(corpus.train, size=1, seed=seed)
        return [order.window(epoch, place) for place in range(len(order))]

    assert of(1, 0) == of(1, 0) != of(1, 1) != of(2, 1)
    order = Order(corpus.train, size=1, seed=1)
    draws = [order.random(epoch, window).random() for epoch in range(3) for window in range(len(order))]
    assert len(set(draws)) == len(draws)


def test_texts_without_a_word_are_left_out(tmp_path, write_shard, corpus):
    import pyarrow.parquet as pq

    rows = pq.read_table(corpus.train[0].path).slice(0, 3).to_pylist()
    rows[1] = rows[1] | {"text": " \n ", "sentences": [], "spans": [], "relations": []}
    order = Order([write_shard(tmp_path, "p.parquet", rows)], size=10, seed=1)
    assert order.read(0)["text"].to_pylist() == [rows[0]["text"], rows[2]["text"]]
    assert np.unique([order.window(e, 0) for e in range(3)]).tolist() == [0]


def test_no_passages_is_one_clear_sentence(tmp_path, write_shard):
    empty = write_shard(tmp_path, "empty.parquet", [])
    for shards in ([], [empty]):
        with pytest.raises(MateriaError, match="the corpus holds no passage"):
            Order(shards, size=4, seed=1)
