"""The stream of batches: windows made by workers, or by a thread, and cut into steps by the process that trains.

Workers make whole windows in turn, so the stream is the same for any number of them. Every rank sees all rows and takes its part of each
step. Seeking reads one window. The process that trains joins, cuts and pads: 0.2 ms of processor time for 16 rows of 128 tokens, 0.5
where every token is a target. Beside a BERT of two layers of 128 its steps wait for 0.6% of their time.

The price: each rank encodes every window, since how many rows a window gives is known when it is packed. With many ranks to a machine
raise `workers`. Rejected: windows divided among ranks, which gives another stream for another number of them.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from pipeline.errors import MateriaError
from training.data.batches import BEGINNING, Position, TextBatch
from training.data.builder import RowBuilder
from training.data.order import Order
from training.data.rows import Rows
from training.data.shards import Shard, check_shards, open_shard

__all__ = ["TextLoader", "held_out_batches"]


class TextLoader:
    """Batches without end, epoch after epoch.

    Args:
        shards: of the train split, in the order of their names.
        builder: makes rows of passages.
        seed: decides the order and all that is drawn.
        rank, ranks: which part of each step's rows this process takes, of how many.

    Raises:
        MateriaError: where a shard is none or holds other bytes than it should, there is no passage, or the rows of a step do
            not divide by the ranks.
    """

    def __init__(
        self, shards: Sequence[Shard], builder: RowBuilder, *, seed: int, rank: int = 0, ranks: int = 1
    ) -> None:
        config = builder.config
        if config.rows % ranks:
            raise MateriaError(
                f"{config.rows} rows of a step cannot be divided among {ranks} processes",
                remedy=f"Set data.rows to a multiple of {ranks}",
            )
        # Each rank checks its own share of the bytes, so that each shard is checked once a run.
        check_shards(shards[rank::ranks])
        self.order = Order(shards, size=config.window, seed=seed)
        self.builder, self.rank, self.ranks = builder, rank, ranks

    def batches(self, start: Position = BEGINNING) -> Iterator[TextBatch]:
        """The part of each step that this rank takes, from a position on."""
        config = self.builder.config
        share = config.rows // self.ranks
        length = config.max_length if config.packing else None
        position = start
        rows: Rows | None = None
        windows = self._windows(start)
        # How many rows of each window that is at hand are left, the first window first.
        left: list[int] = []
        empty = 0
        for made in windows:
            empty = 0 if len(made) else empty + 1
            if empty > len(self.order):
                raise MateriaError(
                    "no passage of the corpus holds a word", remedy="Build the corpus again with more literature"
                )
            fresh = made
            if rows is None:
                fresh = made.cut(min(start.row, len(made)), len(made))
            left.append(len(fresh))
            rows = fresh if rows is None else Rows.join([rows, fresh])
            taken = 0
            while len(rows) - taken >= config.rows:
                first = taken + self.rank * share
                taken += config.rows
                position = self._moved(position, left, config.rows)
                yield rows.cut(first, first + share).batch(position, pad=self.builder.special.pad, length=length)
            rows = rows.cut(taken, len(rows))

    def _moved(self, position: Position, left: list[int], rows: int) -> Position:
        """The position so many rows on; `left` is counted down."""
        while left and rows >= left[0]:
            rows -= left.pop(0)
            window = position.window + 1
            position = Position(position.epoch + window // len(self.order), window % len(self.order), 0)
        if left:
            left[0] -= rows
        return position._replace(row=position.row + rows)

    def _windows(self, start: Position) -> Iterator[Rows]:
        """The rows of each window from a position on."""
        config = self.builder.config
        windows = _Windows(self.order, self.builder, start)
        if not config.workers:
            yield from _ahead(windows, config.prefetch)
            return
        loader = DataLoader(
            windows,
            batch_size=None,
            num_workers=config.workers,
            prefetch_factor=config.prefetch,
            worker_init_fn=partial(_in_worker, parent=os.getpid()),
            # Else it draws from torch's own generator, and dropout would differ with the number of workers and after a resume.
            generator=torch.Generator(),
        )
        try:
            for made in loader:
                if isinstance(made, MateriaError):
                    raise made
                yield made
        except RuntimeError as error:
            if "DataLoader worker" not in str(error):
                raise
            raise MateriaError(
                f"a process that reads the corpus died ({str(error).splitlines()[0].rstrip('. ')})",
                remedy="Give it more memory, or lower data.workers or data.window",
            ) from error


class _Windows(IterableDataset[Rows | MateriaError]):
    """Windows in their order; a worker makes every so many-th. An error that a user can act on is handed over as it is."""

    def __init__(self, order: Order, builder: RowBuilder, start: Position) -> None:
        self.order, self.builder, self.start = order, builder, start

    def __iter__(self) -> Iterator[Rows | MateriaError]:
        worker = get_worker_info()
        step = 1 if worker is None else worker.num_workers
        place = self.start.epoch * len(self.order) + self.start.window + (0 if worker is None else worker.id)
        while True:
            epoch, at = divmod(place, len(self.order))
            try:
                window = self.order.window(epoch, at)
                yield self.builder.rows(self.order.read(window), self.order.random(epoch, window))
            except MateriaError as error:
                if worker is None:
                    raise
                yield error
                return
            place += step


def _ahead(windows: _Windows, count: int) -> Iterator[Rows]:
    """The windows, so many made ahead by a thread: the tokenizer and numpy let the training go on meanwhile."""
    source = iter(windows)
    with ThreadPoolExecutor(1) as thread:
        waiting = [thread.submit(next, source) for _ in range(count)]
        try:
            while True:
                made = waiting.pop(0).result()
                waiting.append(thread.submit(next, source))
                assert isinstance(made, Rows)
                yield made
        finally:
            for future in waiting:
                future.cancel()


def _in_worker(number: int, *, parent: int) -> None:
    """One thread a worker, and no interrupts: the process that trains decides when to stop, and its end is the worker's.

    torch's own watch for that end does not see it while the worker hands a window over: with nobody to read the pipe it would
    stay for ever, and hold the folder of the run.
    """
    import signal

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()

    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, signal.SIG_IGN)


def held_out_batches(shards: Sequence[Shard], builder: RowBuilder, *, seed: int, passages: int) -> Iterator[TextBatch]:
    """The first so many passages of the shards as batches of `config.rows` rows; always the same for a seed.

    Shards without a passage give no batch.
    """
    config = builder.config
    check_shards(shards)
    shards = [shard for shard in shards if _rows_of(shard)]
    if not shards:
        return
    order = Order(shards, size=config.window, seed=seed)
    for window in range(len(order)):
        if passages <= 0:
            return
        table = order.read(window).slice(0, passages)
        passages -= table.num_rows
        rows = builder.rows(table, order.random(0, window))
        for start in range(0, len(rows), config.rows):
            part = rows.cut(start, min(start + config.rows, len(rows)))
            position = Position(0, window, start + len(part))
            yield part.batch(position, pad=builder.special.pad, length=config.max_length if config.packing else None)


def _rows_of(shard: Shard) -> int:
    with open_shard(shard) as file:
        return int(file.metadata.num_rows)
