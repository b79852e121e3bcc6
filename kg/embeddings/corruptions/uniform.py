"""Uniform corruption (Bordes et al., NIPS 2013): head or tail alike, any entity."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from kg.embeddings.corruptions.base import Corruption

__all__ = ["Uniform"]


class Uniform(Corruption):
    """Any entity in the place of either end."""

    name: ClassVar[str] = "uniform.v1"

    def draw(self, relations: Tensor, count: int, generator: torch.Generator) -> Tensor:
        """Entities, each as likely as any."""
        return torch.randint(self.entities, (len(relations), count), generator=generator)
