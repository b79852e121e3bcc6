"""The family of losses, by the name a configuration uses. To add one: one file and one line here."""

from __future__ import annotations

from typing import Final

from kg.embeddings.config import EmbeddingConfig
from kg.embeddings.losses.base import Answers, Loss
from kg.embeddings.losses.binary import BinaryCrossEntropy
from kg.embeddings.losses.k_vs_all import KVsAll
from kg.embeddings.losses.margin import MarginRanking
from kg.embeddings.losses.one_vs_all import OneVsAll
from kg.embeddings.losses.self_adversarial import SelfAdversarial

__all__ = ["LOSSES", "Answers", "Loss", "make_loss"]

LOSSES: Final[dict[str, type[Loss]]] = {
    "binary": BinaryCrossEntropy,
    "k_vs_all": KVsAll,
    "margin": MarginRanking,
    "one_vs_all": OneVsAll,
    "self_adversarial": SelfAdversarial,
}


def make_loss(config: EmbeddingConfig) -> Loss:
    """The loss a configuration names."""
    return LOSSES[config.loss](margin=config.margin, temperature=config.temperature)
