"""The order in which windows of passages are read.

A window is a fixed group of consecutive row groups, with as many passages as are shuffled and packed together. An epoch permutes the
windows by (seed, epoch), and the passages inside by their own generator. So the order depends on nothing but the seed and the shards: a
place in it is found without reading what stands before, memory is a window, whatever the size of the corpus, and any number
of workers divide the windows among themselves. The shards of a corpus mix kinds and sources already, by hash, so that
windows are alike. Rejected: a permutation of all passages, which reads a whole row group for each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.errors import MateriaError
from training.data.ragged import Integers
from training.data.shards import COLUMNS, Shard, at_once, open_shard

__all__ = ["Order", "Window"]


class Window(NamedTuple):
    """Row groups by shard and number: consecutive ones, (number of the shard, first, last + 1)."""

    groups: tuple[tuple[int, int, int], ...]


class Order:
    """The windows of some shards, and their order in each epoch.

    Args:
        shards: in the order that is to be kept; opens each for its footer.
        size: passages of a window, at least; the last of all may be smaller.
        seed: decides the order.

    Raises:
        MateriaError: where there is no passage, or a shard is none.
    """

    def __init__(self, shards: Sequence[Shard], *, size: int, seed: int) -> None:
        self.shards, self.seed = tuple(shards), seed
        self.windows: list[Window] = []
        self.passages = 0
        groups: list[tuple[int, int, int]] = []
        held = 0
        for number, rows in enumerate(at_once(_row_groups, self.shards)):
            for group, count in enumerate(rows):
                if not count:
                    continue
                if groups and groups[-1][0] == number and groups[-1][2] == group:
                    groups[-1] = (number, groups[-1][1], group + 1)
                else:
                    groups.append((number, group, group + 1))
                held += count
                self.passages += count
                if held >= size:
                    self.windows.append(Window(tuple(groups)))
                    groups, held = [], 0
        if groups:
            self.windows.append(Window(tuple(groups)))
        if not self.windows:
            raise MateriaError("the corpus holds no passage", remedy="Build the corpus again with more literature")
        self._epoch: tuple[int, Integers] | None = None

    def __len__(self) -> int:
        return len(self.windows)

    def window(self, epoch: int, place: int) -> int:
        """The window that stands at a place of an epoch's order."""
        if self._epoch is None or self._epoch[0] != epoch:
            self._epoch = epoch, self._generator(0x73686172, epoch).permutation(len(self.windows))
        return int(self._epoch[1][place])

    def random(self, epoch: int, window: int) -> np.random.Generator:
        """The generator of everything that is drawn in a window in an epoch."""
        return self._generator(0x77696E64, epoch * len(self.windows) + window)

    def read(self, window: int) -> pa.Table:
        """The passages of a window that hold any text."""
        parts = list(self._parts(self.windows[window]))
        table = pa.concat_tables(parts).combine_chunks()
        return table.filter(pc.match_substring_regex(pc.fill_null(table["text"], ""), r"\S"))

    def _parts(self, window: Window) -> Iterator[pa.Table]:
        for number, first, last in window.groups:
            with open_shard(self.shards[number]) as file:
                yield file.read_row_groups(range(first, last), columns=list(COLUMNS), use_threads=False)

    def _generator(self, purpose: int, number: int) -> np.random.Generator:
        return np.random.Generator(np.random.Philox(key=[self.seed ^ purpose, number]))


def _row_groups(shard: Shard) -> list[int]:
    """Rows of each row group of a shard, from its footer."""
    with open_shard(shard) as file:
        return [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
