"""What is taken for a graph where a user sets nothing: by its size, and the short list that the search tries."""

from __future__ import annotations

from typing import Any, Final

from kg.embeddings.config import ScorerName
from kg.embeddings.encode import EncodedTriples

__all__ = ["settings_of_size", "settings_to_try"]

_STEPS = 1500


def settings_of_size(encoded: EncodedTriples, model: ScorerName) -> dict[str, Any]:
    """Batch and epochs for a number of triples and entities."""
    batch = 256
    steps = max(1, len(encoded.train) // batch)
    return {"batch": batch, "epochs": max(20, min(300, _STEPS // steps))}


def settings_to_try(model: ScorerName) -> list[dict[str, Any]]:
    """The settings that a search tries, the likeliest first."""
    return _TRIED[model]


_TRIED: Final[dict[str, list[dict[str, Any]]]] = {
    "complex": [{"learning_rate": 0.03, "regularisation": r} for r in (0.03, 0.1, 0.01, 0.003)],
    "distmult": [{"learning_rate": 0.03, "regularisation": r} for r in (0.03, 0.1, 0.01, 0.003)],
    "transe": [{"learning_rate": 0.03, "dropout": r} for r in (0.2, 0.0, 0.4)],
    "rotate": [{"learning_rate": 0.03, "dropout": r} for r in (0.2, 0.0, 0.4)],
}
