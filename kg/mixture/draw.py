"""Drawing passages by hash: at a rate of 2.3 every passage is taken twice, and three tenths of them a third time.

Each passage has a fixed number u in [0, 1), a hash of its id, and is taken ceil(rate - u) times. The rate at which a
cell comes to a wanted number of tokens is found by halving, so the number is met to within one passage, which independent
draws would not do. This is sequential Poisson sampling (Ohlsson 1998, J. Official Statistics 14:149): those with the least
u / rate are taken. A new passage changes the rate a little, and only passages whose u is next to it come or go.

One halving is one pass of DuckDB over (cell, u, tokens), 60 ms for a million passages on one core, and about 40 are needed;
memory is flat. Rejected: a sort by u with running sums (holds all rows), a random generator (one new paper would
reshuffle everything).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from kg.mixture.shares import Floats

__all__ = ["COPIES_SQL", "UNIFORM_SQL", "Pool", "largest"]

#: A number in [0, 1) from a passage's id. It has 40 bits, so that a whole rate of up to a thousand less it is exact in a double.
UNIFORM_SQL = "(('0x' || sha256('mixture' || chr(31) || passage_id)[1:10])::BIGINT / 1099511627776::DOUBLE)"
#: How often a passage is taken at a rate: put in the rate and the most repeats.
COPIES_SQL = "greatest(0, least({repeats}, ceil({rate} - u)))::INTEGER"

#: Relative precision of a rate: ten million passages are told apart.
_EXACT = 1e-11


class Pool:
    """The passages that may be drawn: the table `pool` of a connection, with columns cell, u and tokens.

    Args:
        connection: DuckDB's.
        cells: number of cells; passages of one cell have one rate.
        repeats: most copies of one passage.
    """

    def __init__(self, connection: Any, cells: int, repeats: int) -> None:
        self._connection = connection
        self._cells = cells
        self.repeats = repeats

    def tokens_at(self, rates: Floats) -> Floats:
        """Tokens of each cell at given rates, repeats included."""
        self._connection.register("rates", pa.table({"cell": np.arange(self._cells, dtype=np.int32), "rate": rates}))
        copies = COPIES_SQL.format(rate="rate", repeats=self.repeats)
        sql = f"SELECT cell, sum(tokens * {copies})::BIGINT FROM pool JOIN rates USING (cell) GROUP BY cell"  # noqa: S608
        found = self._connection.execute(sql).fetchall()
        self._connection.unregister("rates")
        tokens = np.zeros(self._cells)
        for cell, count in found:
            tokens[cell] = count
        return tokens


def largest(measure: Callable[[Floats], Floats], wanted: Floats, most: Floats) -> Floats:
    """The largest rates in [0, most] at which a growing measure is not above what is wanted; `most` where it never is.

    Args:
        measure: of rates, element by element.
    """
    low, high = np.zeros_like(most), most.copy()
    low = np.where(measure(high) <= wanted, high, low)
    while np.any(high - low > _EXACT * high):
        middle = (low + high) / 2
        fits = measure(middle) <= wanted
        low, high = np.where(fits, middle, low), np.where(fits, high, middle)
    return low
