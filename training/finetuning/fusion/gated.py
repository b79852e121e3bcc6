"""The context of a mention is the vector of its entity."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from training.finetuning.fusion.base import FusionLayer

__all__ = ["GatedFusion"]


class GatedFusion(FusionLayer):
    """One vector for each entity, whatever the text around it says."""

    name: ClassVar[str] = "gated.v1"

    def context(self, states: Tensor, entities: Tensor) -> Tensor:
        """The vectors of the entities."""
        return self.vectors[entities]
