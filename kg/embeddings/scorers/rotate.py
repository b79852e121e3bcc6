"""RotatE: a relation is a rotation in the complex plane. Sun et al., ICLR 2019: d(h, r, t) = ||h o r - t||, |r_i| = 1.

An entity's vector holds dim / 2 real parts, then dim / 2 imaginary parts; a relation's holds dim / 2 angles. Two norms
are in use: the authors' code sums the moduli (norm 1), PyKEEN takes the Euclidean norm of the whole complex vector
(norm 2). Norm 2 needs one matrix product for all pairs and is much faster on a CPU; norm 1 needs batch x entities x dim
numbers.
"""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor

from kg.embeddings.scorers.base import Scorer

__all__ = ["RotatE"]


class RotatE(Scorer):
    """Score -||h o r - t||."""

    name: ClassVar[str] = "rotate.v1"
    is_distance: ClassVar[bool] = True
    regularises_relations: ClassVar[bool] = False

    def relation_width(self, dim: int) -> int:
        """One angle for each complex coordinate."""
        return dim // 2

    def initial_relations(self, count: int, dim: int, generator: torch.Generator) -> Tensor:
        """Angles, uniform in [-pi, pi)."""
        return torch.empty(count, self.relation_width(dim)).uniform_(-math.pi, math.pi, generator=generator)

    def tail_query(self, heads: Tensor, relations: Tensor) -> Tensor:
        """The rotated head, h o r."""
        return _rotate(heads, relations)

    def inverse(self, relations: Tensor) -> Tensor:
        """The rotation back: rotations keep distances, so ||h o r - t|| = ||t o conj(r) - h||."""
        return -relations

    def squared_moduli(self, vectors: Tensor) -> Tensor:
        """|z|^2 of each complex coordinate."""
        real, imaginary = vectors.chunk(2, dim=-1)
        return real * real + imaginary * imaginary

    def compare(self, queries: Tensor, entities: Tensor) -> Tensor:
        """-||q - e||."""
        difference = queries - entities
        if self.norm == 2:
            distances: Tensor = torch.linalg.vector_norm(difference, dim=-1)
            return -distances
        return -_modulus(difference).sum(-1)

    def compare_all(self, queries: Tensor, entities: Tensor) -> Tensor:
        """-||q - e|| for all pairs."""
        if self.norm == 2:
            distances: Tensor = torch.cdist(queries, entities)
            return -distances
        return -_modulus(queries[:, None] - entities[None]).sum(-1)


def _rotate(vectors: Tensor, angles: Tensor) -> Tensor:
    real, imaginary = vectors.chunk(2, dim=-1)
    cosine, sine = torch.cos(angles), torch.sin(angles)
    return torch.cat([real * cosine - imaginary * sine, real * sine + imaginary * cosine], dim=-1)


def _modulus(vectors: Tensor) -> Tensor:
    """|z| of each complex coordinate; the small number keeps the gradient finite at zero."""
    real, imaginary = vectors.chunk(2, dim=-1)
    return torch.sqrt(real * real + imaginary * imaginary + 1e-12)
