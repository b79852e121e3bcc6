"""Mean states of spans of tokens, read at the spans' own tokens: the cost is theirs, whatever the length of the rows.

Rejected: differences of running sums, which are as cheap but round differently with what stands before in a packed row;
and a product of masks with whole rows, which costs spans x tokens x hidden.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["span_means"]


def span_means(states: Tensor, rows: Tensor, starts: Tensor, ends: Tensor) -> Tensor:
    """Mean state of the tokens [start, end) of each span: (rows, tokens, hidden) gives (spans, hidden); zero where empty."""
    lengths = (ends - starts).clamp_min(0)
    owner = torch.repeat_interleave(lengths)
    first = lengths.cumsum(0) - lengths
    at = rows * states.shape[1] + starts - first
    places = torch.arange(len(owner), device=states.device) + at[owner]
    read = states.flatten(0, 1).index_select(0, places)
    total = states.new_zeros(len(lengths), states.shape[2]).index_add(0, owner, read)
    return total / lengths.clamp_min(1)[:, None]
