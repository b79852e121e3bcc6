"""The family of scorers, by the name a configuration uses. To add one: one file and one line here."""

from __future__ import annotations

from typing import Final

from kg.embeddings.config import EmbeddingConfig
from kg.embeddings.scorers.base import Scorer
from kg.embeddings.scorers.complex import ComplEx
from kg.embeddings.scorers.distmult import DistMult
from kg.embeddings.scorers.rotate import RotatE
from kg.embeddings.scorers.transe import TransE

__all__ = ["SCORERS", "ComplEx", "DistMult", "RotatE", "Scorer", "TransE", "make_scorer"]

SCORERS: Final[dict[str, type[Scorer]]] = {"complex": ComplEx, "distmult": DistMult, "rotate": RotatE, "transe": TransE}


def make_scorer(config: EmbeddingConfig) -> Scorer:
    """The scorer a configuration names."""
    return SCORERS[config.model](gamma=config.gamma, norm=config.norm, spread=config.initial_spread)
