"""ComplEx: DistMult over complex numbers. Trouillon et al., ICML 2016: s(h, r, t) = Re(sum of h * r * conj(t)).

A vector holds dim / 2 real parts, then dim / 2 imaginary parts. Read as plain numbers, Re(sum of q * conj(t)) is the inner
product of q and t, so all pairs are one matrix product, as for DistMult.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from kg.embeddings.scorers.distmult import DistMult

__all__ = ["ComplEx"]


class ComplEx(DistMult):
    """Score Re(sum(h * r * conj(t)))."""

    name: ClassVar[str] = "complex.v1"

    def tail_query(self, heads: Tensor, relations: Tensor) -> Tensor:
        """The complex product h * r."""
        return _product(heads, relations)

    def inverse(self, relations: Tensor) -> Tensor:
        """conj(r), since Re(h r conj(t)) = Re(t conj(r) conj(h))."""
        real, imaginary = relations.chunk(2, dim=-1)
        return torch.cat([real, -imaginary], dim=-1)

    def squared_moduli(self, vectors: Tensor) -> Tensor:
        """|z|^2 of each complex coordinate."""
        real, imaginary = vectors.chunk(2, dim=-1)
        return real * real + imaginary * imaginary


def _product(left: Tensor, right: Tensor) -> Tensor:
    a, b = left.chunk(2, dim=-1)
    c, d = right.chunk(2, dim=-1)
    return torch.cat([a * c - b * d, a * d + b * c], dim=-1)
