"""Bernoulli corruption (Wang et al., AAAI 2014): replace the end that makes fewer false negatives.

With tph tails a head and hpt heads a tail on average, a relation's head is replaced with probability tph / (tph + hpt): the
head of a one-to-many relation, the tail of a many-to-one.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from kg.embeddings.corruptions.uniform import Uniform

__all__ = ["Bernoulli"]


class Bernoulli(Uniform):
    """Any entity, in the place of the end that has more partners."""

    name: ClassVar[str] = "bernoulli.v1"

    def head_share(self) -> Tensor:
        """Tph / (tph + hpt) of each relation; one half where it has no training triple."""
        triples = np.bincount(self.train[:, 1], minlength=self.relations)
        ends = [
            np.bincount(np.unique(self.train[:, [1, end]], axis=0)[:, 0], minlength=self.relations).clip(1)
            for end in (0, 2)
        ]
        tails_per_head, heads_per_tail = (triples / count for count in ends)
        total = tails_per_head + heads_per_tail
        share = np.divide(tails_per_head, total, out=np.full(self.relations, 0.5), where=total > 0)
        return torch.from_numpy(share.astype(np.float32))
