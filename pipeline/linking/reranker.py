"""The re-ranker: a conditional logit over the candidates of a mention and "none of these".

A candidate's score is a weighted sum of its features; "none" has a score of its own, from features of the mention. Softmax over both makes
probabilities (McFadden 1974, "Conditional logit analysis of qualitative choice behavior"). A concept that several readings of
a mention lead to gets the sum of their probabilities. Fitted by L-BFGS on the likelihood that some right row is chosen, with an L2 penalty:
a second for 9,000 mentions. Rejected: gradient-boosted trees (see docs/extraction.md: no better, and no reasons to show).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.errors import MateriaError

__all__ = ["Reranker", "fit", "shipped_reranker", "softmax_with_none"]

FORMAT = "materia_reranker.v1"
_SHIPPED = "weights.json"

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Reranker:
    """Weights of the features, and the probability below which a link is none.

    Attributes:
        weights: feature of a candidate -> weight.
        none_weights: feature of a mention -> weight in the score of "none of these".
        none_threshold: a best link of less probability is "none of these".
    """

    weights: dict[str, float]
    none_weights: dict[str, float]
    none_threshold: float

    def vector(self, names: Sequence[str]) -> Floats:
        """The weights in the order of the names; a feature that was not fitted weighs nothing."""
        return np.asarray([self.weights.get(name, 0.0) for name in names], np.float64)

    def none_vector(self, names: Sequence[str]) -> Floats:
        """The weights of "none of these" in the order of the names."""
        return np.asarray([self.none_weights.get(name, 0.0) for name in names], np.float64)

    def save(self, path: Path) -> None:
        """Write as JSON, weights rounded to four decimals."""
        content = {
            "format": FORMAT,
            "none_threshold": round(self.none_threshold, 4),
            "weights": {name: round(weight, 4) for name, weight in self.weights.items()},
            "none_weights": {name: round(weight, 4) for name, weight in self.none_weights.items()},
        }
        path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def parse(cls, text: str, file: str) -> Reranker:
        """Read what `save` wrote.

        Raises:
            MateriaError: it is something else.
        """
        try:
            content: dict[str, Any] = json.loads(text)
            assert content["format"] == FORMAT
            return cls(
                {str(k): float(v) for k, v in content["weights"].items()},
                {str(k): float(v) for k, v in content["none_weights"].items()},
                float(content["none_threshold"]),
            )
        except (ValueError, KeyError, TypeError, AttributeError, AssertionError) as error:
            raise MateriaError(
                f"holds no weights of a linker ({type(error).__name__})", file=file, remedy="Train the linker again"
            ) from error


@cache
def shipped_reranker() -> Reranker:
    """The weights that ship with the project; `pipeline.linking.training` says what they were fitted on."""
    return Reranker.parse((files(__package__) / _SHIPPED).read_text(encoding="utf-8"), _SHIPPED)


def softmax_with_none(scores: Floats, none: Floats, groups: Numbers) -> Floats:
    """The probability of each row among the rows of its group and the group's "none".

    Args:
        scores: one a row.
        none: one a group.
        groups: group of each row.
    """
    top = none.copy()
    np.maximum.at(top, groups, scores)
    weight = np.exp(scores - top[groups])
    total = np.exp(none - top) + np.bincount(groups, weights=weight, minlength=len(none))
    share: Floats = weight / total[groups]
    return share


def fit(
    features: Floats,
    groups: Numbers,
    right: npt.NDArray[np.bool_],
    none_features: Floats,
    *,
    names: Sequence[str],
    none_names: Sequence[str],
    penalty: float = 1.0,
    prior: Reranker | None = None,
    only: Collection[str] | None = None,
) -> Reranker:
    """Weights that make the right rows likely: of a group without a right row, "none".

    Args:
        features: of the rows [rows, features].
        groups: group of each row.
        right: whether a row is a right answer.
        none_features: of the groups [groups, none features].
        names, none_names: names of the columns.
        penalty: of the squared distance from the prior's weights.
        prior: where to start from and what to stay near; zeros by default.
        only: the features whose weights are fitted, where the others are to stay as the prior has them.
    """
    from scipy.optimize import minimize

    count, split = len(none_features), features.shape[1]
    start = np.zeros(split + none_features.shape[1])
    if prior is not None:
        start = np.concatenate([prior.vector(names), prior.none_vector(none_names)])
    free = np.asarray([only is None or name in only for name in (*names, *none_names)])
    answered = np.bincount(groups, weights=right, minlength=count) > 0

    def loss(theta: Floats) -> tuple[float, Floats]:
        scores, none = features @ theta[:split], none_features @ theta[split:]
        p = softmax_with_none(scores, none, groups)
        p_none = 1 - np.bincount(groups, weights=p, minlength=count)
        p_right = np.where(answered, np.bincount(groups, weights=p * right, minlength=count), p_none)
        p_right = np.maximum(p_right, 1e-12)
        wanted = np.where(right, p / p_right[groups], 0.0)
        wanted_none = np.where(answered, 0.0, 1.0)
        row = p - wanted
        gradient = np.concatenate([row @ features, (p_none - wanted_none) @ none_features])
        away = theta - start
        value = -float(np.log(p_right).sum()) + 0.5 * penalty * float(away @ away)
        return value, (gradient + penalty * away) * free

    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 500})
    theta = found.x
    p = softmax_with_none(features @ theta[:split], none_features @ theta[split:], groups)
    return Reranker(
        dict(zip(names, map(float, theta[:split]), strict=True)),
        dict(zip(none_names, map(float, theta[split:]), strict=True)),
        _threshold(p, groups, right, count),
    )


def _threshold(p: Floats, groups: Numbers, right: npt.NDArray[np.bool_], count: int) -> float:
    """The threshold of the best F1 of links: a link below it is not made."""
    best, hit = np.zeros(count), np.zeros(count, np.bool_)
    order = np.lexsort((p,))
    best[groups[order]], hit[groups[order]] = p[order], right[order]
    ranked = np.argsort(-best, kind="stable")
    good = np.cumsum(hit[ranked])
    f1 = 2 * good / (np.arange(1, count + 1) + count)
    cut = int(np.argmax(f1))
    return float(best[ranked[cut]])
