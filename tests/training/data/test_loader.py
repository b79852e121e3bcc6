"""The stream: one and the same for any number of workers and ranks, found again from any position at the price of a window."""

import multiprocessing
import os
import signal
import time
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import MateriaError
from training.data.batches import BEGINNING, Position
from training.data.loader import TextLoader, held_out_batches
from training.data.order import Order
from training.data.shards import Shard


def content(batch):
    """Everything that a batch asks, as plain values."""
    values = {name: getattr(batch, name) for name in batch.__dataclass_fields__}
    return {name: v.tolist() if isinstance(v, torch.Tensor) else v for name, v in values.items()}


def stream(corpus, builder, count, *, start=BEGINNING, rank=0, ranks=1, seed=3):
    loader = TextLoader(corpus.train, builder, seed=seed, rank=rank, ranks=ranks)
    return [content(batch) for batch in islice(loader.batches(start), count)]


def rows_of(batches):
    return [row for batch in batches for row in zip(batch["input_ids"], batch["sequence_ids"], strict=True)]


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_the_stream_is_the_same_for_any_number_of_workers(corpus, builder, workers):
    """Over more than two epochs, so that workers cross from one into the next."""
    alone = stream(corpus, builder(window=50), 48)
    assert alone[-1]["position"].epoch >= 2
    assert stream(corpus, builder(window=50, workers=workers), 48) == alone


@pytest.mark.parametrize(("workers", "ranks"), [(0, 2), (0, 4), (2, 2)])
def test_ranks_divide_the_rows_of_each_step(corpus, builder, workers, ranks):
    alone = stream(corpus, builder(), 12)
    parts = [stream(corpus, builder(workers=workers), 12, rank=rank, ranks=ranks) for rank in range(ranks)]
    for whole, *own in zip(alone, *parts, strict=True):
        assert rows_of(own) == rows_of([whole])
        assert all(part["position"] == whole["position"] for part in own)
        assert sum(len(part["targets"]) for part in own) == len(whole["targets"])
        assert sum(len(part["pairs"]) for part in own) == len(whole["pairs"])


@settings(max_examples=12)
@given(
    rows=st.sampled_from([1, 4, 12, 40]), window=st.sampled_from([1, 50, 60, 1000]), taken=st.integers(0, 9),
    seed=st.integers(0, 2**30), ranks=st.sampled_from([1, 2, 4]), packing=st.booleans(),
)  # fmt: skip
def test_a_stream_goes_on_from_any_position(corpus, builder, rows, window, taken, seed, ranks, packing):
    ranks = min(ranks, rows)
    made = builder(rows=rows, window=window, packing=packing)
    whole = stream(corpus, made, taken + 3, seed=seed, rank=ranks - 1, ranks=ranks)
    start = whole[taken - 1]["position"] if taken else BEGINNING
    assert (
        stream(corpus, made, 3, start=Position(*map(int, start)), seed=seed, rank=ranks - 1, ranks=ranks)
        == whole[taken:]
    )


def test_seeking_reads_the_window_and_not_those_before(corpus, builder, monkeypatch):
    read = []
    whole = Order.read
    monkeypatch.setattr(Order, "read", lambda order, window: read.append(window) or whole(order, window))
    made = builder(window=1, prefetch=1, rows=1)
    batches = TextLoader(corpus.train, made, seed=3).batches(Position(7, 5, 2))
    assert next(batches).position == Position(7, 5, 3)
    batches.close()
    # One is made ahead.
    assert len(read) <= 2


def test_a_position_counts_rows_that_are_behind(corpus, builder):
    positions = [batch["position"] for batch in stream(corpus, builder(rows=4), 60)]
    assert positions == sorted(set(positions)) and positions[0] == (0, 0, 4)
    assert positions[-1].epoch >= 1


def test_an_epoch_later_the_same_text_is_masked_in_another_way(corpus, builder):
    made = builder(window=1000, packing=False, has_next=False, rows=240)
    loader = TextLoader(corpus.train, made, seed=3)
    first, second = islice(loader.batches(), 2)

    def told(batch, shown):
        """The sequences as they were before masking, each with what is shown of it."""
        ids = batch.input_ids.clone()
        ids.view(-1)[batch.targets] = batch.target_labels
        return {tuple(i): tuple(s) for i, s in zip(ids.tolist(), shown.tolist(), strict=True)}

    one, two = (told(batch, batch.input_ids) for batch in (first, second))
    # Padding is not text: a row is as long as the longest of its step.
    assert {tuple(filter(None, ids)) for ids in one} == {tuple(filter(None, ids)) for ids in two}
    assert np.mean([one[ids] == two[ids] for ids in set(one) & set(two)]) < 0.2


def test_held_out_passages_are_the_same_each_time_and_all_of_them(corpus, builder):
    made = builder(packing=False, has_next=False, max_length=128)
    one, same = ([content(b) for b in held_out_batches(corpus.validation, made, seed=1, passages=15)] for _ in range(2))
    assert one == same and sum(len(batch["input_ids"]) for batch in one) == 15
    everything = list(held_out_batches(corpus.validation, made, seed=1, passages=10_000))
    assert sum(len(batch.input_ids) for batch in everything) == 20


def test_rows_that_do_not_divide_are_refused(corpus, builder):
    with pytest.raises(MateriaError, match="8 rows of a step cannot be divided among 3 processes"):
        TextLoader(corpus.train, builder(), seed=1, ranks=3)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_shard_that_vanishes_is_one_clear_sentence(tmp_path, corpus, builder, workers):
    path = tmp_path / "p.parquet"
    path.write_bytes(Path(corpus.train[0].path).read_bytes())
    loader = TextLoader([Shard.of(path, tmp_path)], builder(workers=workers), seed=1)
    path.unlink()
    with pytest.raises(MateriaError, match=r"^p.parquet: does not exist"):
        next(loader.batches())


def test_a_shard_of_other_bytes_is_refused_before_training(corpus, builder):
    wrong = [*corpus.train[:3], Shard(corpus.train[3].path, corpus.train[3].name, "0" * 64)]
    with pytest.raises(MateriaError, match="split=train/bucket=3/p.parquet: is not the shard that its manifest names"):
        TextLoader(wrong, builder(), seed=1)
    # Each process checks its own share.
    TextLoader(wrong, builder(), seed=1, rank=0, ranks=2)


def test_texts_without_a_word_end_the_stream_with_a_clear_sentence(tmp_path, write_shard, builder, corpus):
    rows = pq.read_table(corpus.train[0].path).slice(0, 3).to_pylist()
    blank = [row | {"text": " ", "sentences": [], "spans": [], "relations": []} for row in rows]
    loader = TextLoader([write_shard(tmp_path, "p.parquet", blank)], builder(), seed=1)
    with pytest.raises(MateriaError, match="no passage of the corpus holds a word"):
        next(loader.batches())


@pytest.mark.parametrize("workers", [0, 1])
def test_torch_s_own_generator_is_left_alone(corpus, builder, workers):
    """Dropout draws from it: were it moved, a resumed run would differ from the one that was not stopped."""
    torch.manual_seed(5)
    before = torch.get_rng_state()
    stream(corpus, builder(workers=workers), 3)
    assert torch.equal(torch.get_rng_state(), before)


def test_workers_of_a_killed_training_end_also_where_nobody_takes_their_windows(corpus, builder):
    """A window that is larger than a pipe holds, so that the worker stands in the middle of handing it over."""
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()

    def train():
        batches = TextLoader(corpus.train, builder(window=240, workers=1, rows=1, prefetch=4), seed=3).batches()
        next(batches)
        there.send([child.pid for child in multiprocessing.active_children()])
        time.sleep(600)

    training = context.Process(target=train)
    training.start()
    workers = here.recv()
    assert len(workers) == 1
    time.sleep(1)
    os.kill(training.pid, signal.SIGKILL)
    training.join()
    deadline = time.monotonic() + 20
    while Path(f"/proc/{workers[0]}").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    alive = Path(f"/proc/{workers[0]}").exists()
    if alive:
        os.kill(workers[0], signal.SIGKILL)
    assert not alive
