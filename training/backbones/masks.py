"""Which tokens a token may attend to where several sequences share a row.

Padding has the number 0 and attends to padding, so that no token attends to nothing: softmax over nothing is no number.
"""

from __future__ import annotations

from torch import Tensor

__all__ = ["backwards", "lower_ranks", "same_sequence"]


def same_sequence(sequence_ids: Tensor) -> Tensor:
    """Tokens of the same sequence: (rows, tokens) gives (rows, tokens, tokens) bool, block-diagonal."""
    return sequence_ids[:, :, None] == sequence_ids[:, None, :]


def backwards(sequence_ids: Tensor) -> Tensor:
    """Tokens of the same sequence that do not come later: the blocks, each a lower triangle."""
    return same_sequence(sequence_ids).tril()


def lower_ranks(sequence_ids: Tensor, ranks: Tensor) -> Tensor:
    """Tokens of the same sequence that come earlier in its factorisation order, (rows, tokens, tokens) bool.

    Those of rank 0 are given: predicted nowhere, seen by all, themselves included.
    """
    return same_sequence(sequence_ids) & ((ranks[:, None, :] < ranks[:, :, None]) | (ranks == 0)[:, None, :])
