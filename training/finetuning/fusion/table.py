"""The table of ways to fuse a graph, by the name a configuration uses. To add one: one file, one line here and one in `config`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from training.finetuning.fusion.attention import AttentionFusion
from training.finetuning.fusion.base import FusionLayer
from training.finetuning.fusion.gated import GatedFusion

__all__ = ["FUSIONS"]

FUSIONS: Final[Mapping[str, type[FusionLayer]]] = {"gated": GatedFusion, "attention": AttentionFusion}
