"""Where sequences stand: which row, in which order, at which tokens."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.data.packing import first_fit
from training.data.ragged import Integers, offsets
from training.data.sequences import Pieces
from training.data.special_tokens import SpecialTokens

__all__ = ["Layout", "lay_out"]


@dataclass(frozen=True)
class Layout:
    """Sequences in the order of rows. Tokens are counted over all rows, one row after another without padding.

    Attributes:
        order: (sequences,) number that each had among the pieces.
        rows: (sequences,) row of each, ascending.
        begins: (sequences + 1,) its first token.
        row_begins: (rows + 1,) first token of each row.
        owners: (pieces,) the sequence that each piece stands in.
        places: (pieces,) its first token.
    """

    order: Integers
    rows: Integers
    begins: Integers
    row_begins: Integers
    owners: Integers
    places: Integers

    def in_row(self) -> Integers:
        """Where each piece begins, counted within its row."""
        return np.asarray(self.places - self.row_begins[self.rows[self.owners]])


def lay_out(
    pieces: Pieces, special: SpecialTokens, *, max_length: int, packing: bool, random: np.random.Generator
) -> Layout:
    """Give each sequence its place, with room for its special tokens: several a row or one, rows in random order."""
    count = len(pieces.follows)
    sizes = pieces.ends - pieces.starts + 1  # a special token stands after each piece
    lengths = np.bincount(pieces.sequences, sizes, count).astype(np.int64) + special.around(0)
    rows = random.permutation(count)
    if packing:
        # Chance decides which sequences of one length share a row, and the order of rows.
        shuffled = np.argsort(rows)
        rows[shuffled] = first_fit(lengths[shuffled], max_length)
        rows = random.permutation(int(rows.max(initial=-1)) + 1)[rows]
    order = np.argsort(rows, kind="stable")
    ranks = np.empty(count, dtype=np.int64)
    ranks[order] = np.arange(count)
    begins = offsets(lengths[order])
    owners = ranks[pieces.sequences]
    second = np.flatnonzero(pieces.parts)
    places = begins[owners] + int(special.before is not None)
    places[second] += sizes[second - 1]
    row_begins = offsets(np.bincount(rows, lengths).astype(np.int64))
    return Layout(order, rows[order], begins, row_begins, owners, places)
