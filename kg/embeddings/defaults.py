"""What is taken for a graph where a user sets nothing: by its size, and the short list that the search tries.

The lists hold what differs from graph to graph: on some the L1 norm is far better for TransE (kinship-like graphs with many
relations between the same few entities: MRR .46 against .25), on others the L2 norm (sub-graphs of FB15k-237); dense graphs
want little regularisation and much dropout, sparse ones the opposite. What was as good everywhere is not in them: steps of 0.1
with a cosine, one-vs-all, 256 numbers for the products.
"""

from __future__ import annotations

from typing import Any, Final

from kg.embeddings.config import ScorerName
from kg.embeddings.encode import EncodedTriples

__all__ = ["settings_of_size", "settings_to_try"]

_BATCH: Final = 256


def settings_of_size(encoded: EncodedTriples) -> dict[str, Any]:
    """Questions a step, and epochs: about 100 where an epoch has ten steps, 25 where it has hundreds."""
    steps = max(1.0, 1.4 * len(encoded.train) / _BATCH)
    return {"batch": _BATCH, "epochs": round(min(150, max(25, 300 / steps**0.45)))}


def settings_to_try(model: ScorerName) -> list[dict[str, Any]]:
    """The settings that a search tries, the likeliest first."""
    return _TRIED[model]


def _products(*pairs: tuple[float, float]) -> list[dict[str, Any]]:
    return [{"dim": 256, "learning_rate": 0.1, "regularisation": weight, "dropout": share} for weight, share in pairs]


_TRIED: Final[dict[str, list[dict[str, Any]]]] = {
    "complex": _products((0.03, 0.4), (0.1, 0.4), (0.01, 0.5), (0.03, 0.2), (0.1, 0.0), (0.3, 0.4), (0.003, 0.4)),
    "distmult": _products((0.01, 0.5), (0.03, 0.3), (0.1, 0.0), (0.1, 0.3), (0.3, 0.3), (0.03, 0.5), (0.003, 0.3)),
    "transe": [
        {"norm": 1, "dim": 64, "learning_rate": 0.1, "dropout": 0.2, "reciprocal": False},
        {"norm": 1, "dim": 64, "learning_rate": 0.1, "dropout": 0.2},
        {"norm": 2, "learning_rate": 0.03, "dropout": 0.2},
        {"norm": 2, "learning_rate": 0.1, "dropout": 0.4},
        {"norm": 2, "learning_rate": 0.03, "reciprocal": False},
        {"norm": 2, "learning_rate": 0.01},
    ],
    "rotate": [
        {"learning_rate": 0.1, "dropout": 0.4},
        {"learning_rate": 0.03, "dropout": 0.2},
        {"learning_rate": 0.1, "dropout": 0.4, "reciprocal": False},
        {"learning_rate": 0.03, "dropout": 0.2, "reciprocal": False},
        {"learning_rate": 0.03, "dropout": 0.4, "dim": 256},
        {"learning_rate": 0.01},
    ],
}
