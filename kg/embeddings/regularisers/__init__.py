"""The family of regularisers, by the name a configuration uses. To add one: one file and one line here."""

from __future__ import annotations

from typing import Final

from kg.embeddings.config import EmbeddingConfig
from kg.embeddings.regularisers.base import Regulariser
from kg.embeddings.regularisers.lp import Lp
from kg.embeddings.regularisers.n3 import N3

__all__ = ["REGULARISERS", "Regulariser", "make_regulariser"]

REGULARISERS: Final[dict[str, type[Regulariser]]] = {"lp": Lp, "n3": N3}


def make_regulariser(config: EmbeddingConfig) -> Regulariser:
    """The regulariser a configuration names."""
    return REGULARISERS[config.regulariser](p=config.regulariser_p)
