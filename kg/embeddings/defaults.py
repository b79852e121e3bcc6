"""What is taken for a graph where a user sets nothing: by its size, and the short list that the search tries.

Size decides what is a matter of cost. The lists hold what differs from graph to graph. Test MRR, seen while they were made:
TransE on a kinship-like graph (100 people, 26 terms) .25 with the L2 norm, .46 with L1; on 500 entities of FB15k-237 .52
and .42. DistMult on UMLS .92 with little N3 and much dropout, .88 the other way round; on the kinship-like graph .36 and .51.
ComplEx on 2,000 entities of FB15k-237 .44 with steps of 0.1, .52 with 0.03; on UMLS .96 and .95.

Not in the lists, since it was never better on those graphs: k-vs-all, drawn corruptions, an even smaller step.
"""

from __future__ import annotations

from typing import Any, Final

from kg.embeddings.config import ScorerName
from kg.embeddings.encode import EncodedTriples

__all__ = ["settings_of_size", "settings_to_try"]

#: Questions in a step, and most entities that each is scored against.
_BATCH, _CANDIDATES = 256, 4096
#: From so many scores a step on, a second thread pays (measured: 0.5 million take 2 ms).
_MANY_SCORES: Final = 1_000_000
#: Up to so many entities the L1 norm is tried, which has no matrix product: 100 times the time for a score.
_FEW_ENTITIES: Final = 3000


def settings_of_size(encoded: EncodedTriples) -> dict[str, Any]:
    """What a step holds, and epochs: about 100 where an epoch has ten steps, 25 where it has hundreds."""
    steps = max(1.0, 1.4 * len(encoded.train) / _BATCH)
    scores = _BATCH * min(len(encoded.entities), _CANDIDATES)
    return {
        "batch": _BATCH,
        "candidates": _CANDIDATES,
        "epochs": round(min(150, max(25, 300 / steps**0.45))),
        "threads": 0 if scores > _MANY_SCORES else 1,
    }


def settings_to_try(model: ScorerName, entities: int) -> list[dict[str, Any]]:
    """The settings that a search tries on a graph with so many entities, the likeliest first."""
    if model != "transe" or entities > _FEW_ENTITIES:
        return _TRIED[model]
    taxicab = {"norm": 1, "dim": 128 if entities <= 300 else 64}
    return [taxicab | settings for settings in _TAXICAB] + _TRIED[model]


def _product(learning_rate: float, regularisation: float, dropout: float) -> dict[str, Any]:
    settings = {"learning_rate": learning_rate, "regularisation": regularisation, "dropout": dropout}
    return {"dim": 256} | settings


_TRIED: Final[dict[str, list[dict[str, Any]]]] = {
    "complex": [
        _product(0.03, 0.1, 0.4),
        _product(0.1, 0.03, 0.2),
        _product(0.1, 0.03, 0.4),
        _product(0.03, 0.03, 0.4),
        _product(0.1, 0.01, 0.5),
        _product(0.1, 0.1, 0.0),
        _product(0.03, 0.3, 0.4),
        _product(0.1, 0.3, 0.4),
    ],
    "distmult": [
        _product(0.03, 0.1, 0.4),
        _product(0.1, 0.01, 0.5),
        _product(0.1, 0.03, 0.3),
        _product(0.1, 0.1, 0.0),
        _product(0.03, 0.03, 0.4),
        _product(0.1, 0.1, 0.3),
        _product(0.03, 0.3, 0.4),
        _product(0.1, 0.3, 0.3),
    ],
    "transe": [
        {"norm": 2, "learning_rate": 0.03, "dropout": 0.2},
        {"norm": 2, "learning_rate": 0.1, "dropout": 0.4},
        {"norm": 2, "learning_rate": 0.03, "reciprocal": False},
        {"norm": 2, "learning_rate": 0.03, "dropout": 0.2, "regularisation": 0.01},
        {"norm": 2, "learning_rate": 0.01},
    ],
    "rotate": [
        {"learning_rate": 0.1, "dropout": 0.4},
        {"learning_rate": 0.03, "dropout": 0.2},
        {"learning_rate": 0.1, "dropout": 0.4, "reciprocal": False},
        {"learning_rate": 0.03, "dropout": 0.2, "reciprocal": False},
        {"learning_rate": 0.03, "dropout": 0.4, "dim": 256},
        {"learning_rate": 0.03, "dropout": 0.2, "regularisation": 0.01},
        {"learning_rate": 0.1, "dropout": 0.4, "regularisation": 0.03},
    ],
}

_TAXICAB: Final[list[dict[str, Any]]] = [
    {"learning_rate": 0.1, "dropout": 0.2, "reciprocal": False},
    {"learning_rate": 0.1, "dropout": 0.2},
    {"learning_rate": 0.1, "dropout": 0.05, "reciprocal": False},
]
