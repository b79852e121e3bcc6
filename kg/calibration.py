"""Whether beliefs mean what they say: of the claims believed at 0.8, four in five should hold.

Three figures, none of which is enough alone. A forecaster that says the base rate of everything has no calibration error; one that
ranks perfectly may have a large one.

    ECE          = sum over bins of n_bin / n * |share true - mean belief|           (Naeini et al. 2015; Guo et al. 2017)
    Brier        = mean of (belief - truth)^2                                         (Brier 1950)
    Brier skill  = 1 - Brier / Brier of a forecaster that always says the base rate   (Murphy 1973)
    AUC          = chance that a true claim is believed more than a false one         (Hanley and McNeil 1982)

Bins have equal width unless bins of equal mass are asked for: most claims are believed little, and bins of equal width leave few claims
above 0.5, whose error then counts little. All is vectorised: a million beliefs take less than a second.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from kg.reliability import Bin
from pipeline.errors import MateriaError

__all__ = [
    "area_under_curve",
    "brier",
    "brier_skill",
    "error_by_chance",
    "expected_calibration_error",
    "reliability_curve",
]

Beliefs = npt.NDArray[np.float64]
Truths = npt.NDArray[np.bool_]
_DECIMALS = 6


def reliability_curve(
    beliefs: Beliefs, truths: Truths, bins: int = 10, *, equal: Literal["width", "mass"] = "width"
) -> list[Bin]:
    """The claims in bins of belief, ascending.

    Args:
        beliefs: in [0, 1], of each claim.
        truths: whether it holds.
        bins: how many. A bin holds its lower edge, the last one both its edges.
        equal: whether bins are of one width, or hold about as many claims each; equal beliefs are never put into two bins, so that
            there may be fewer bins of equal mass.

    Returns:
        bins with their edges, counts, mean belief and share true (none in a bin without claims), to 6 decimals.

    Raises:
        MateriaError: there are no claims, or a belief is outside [0, 1].
    """
    _check(beliefs, truths)
    if equal == "width":
        edges = np.arange(bins + 1) / bins
    else:
        inner = np.quantile(beliefs, np.arange(1, bins) / bins, method="higher")
        edges = np.unique(np.concatenate(([0.0], inner[inner > beliefs.min()], [1.0])))
    places = np.clip(np.searchsorted(edges, beliefs, side="right") - 1, 0, len(edges) - 2)
    counts = np.bincount(places, minlength=len(edges) - 1)
    believed = np.bincount(places, weights=beliefs, minlength=len(counts))
    true = np.bincount(places[truths], minlength=len(counts))
    return [
        Bin(
            least=round(float(edges[at]), _DECIMALS),
            most=round(float(edges[at + 1]), _DECIMALS),
            n=int(n),
            mean_belief=_share(believed[at], n),
            share_true=_share(true[at], n),
        )
        for at, n in enumerate(counts)
    ]


def expected_calibration_error(curve: list[Bin]) -> float:
    """How far the share true is from the mean belief, over the bins of a reliability curve, each with the weight of its claims."""
    total = sum(one.n for one in curve)
    gaps = sum(one.n * abs((one.share_true or 0) - (one.mean_belief or 0)) for one in curve)
    return round(gaps / total, _DECIMALS)


def error_by_chance(beliefs: Beliefs, bins: int = 10, *, draws: int = 200, seed: int = 0) -> float:
    """The calibration error that these beliefs would have if they were right: the mean over truths drawn from them.

    No finite number of claims has an error of 0 (consistency resampling, Bröcker and Smith 2007, doi:10.1175/WAF993.1).
    """
    _check(beliefs, beliefs > 0)
    random = np.random.default_rng(seed)
    edges = np.arange(1, bins) / bins
    places = np.searchsorted(edges, beliefs, side="right")
    gaps = [
        np.abs(np.bincount(places, weights=(random.random(len(beliefs)) < beliefs) - beliefs)).sum()
        for _ in range(draws)
    ]
    return round(float(np.mean(gaps)) / len(beliefs), _DECIMALS)


def brier(beliefs: Beliefs, truths: Truths) -> float:
    """The mean square of belief less truth: 0 for who is sure and right, 0.25 for who always says one half."""
    from sklearn.metrics import brier_score_loss

    _check(beliefs, truths)
    return round(float(brier_score_loss(truths, beliefs, pos_label=True)), _DECIMALS)


def brier_skill(beliefs: Beliefs, truths: Truths, base_rate: float) -> float:
    """The share of the Brier score of always saying the base rate that these beliefs save: 1 at best, 0 for no better, negative for worse.

    Args:
        beliefs, truths: of the claims judged.
        base_rate: share of claims that hold, from other documents than those judged.
    """
    reference = brier(np.full(len(beliefs), base_rate), truths)
    if reference == 0:
        raise MateriaError(
            "a base rate that is never wrong leaves no skill to measure", remedy="Judge on claims of both kinds"
        )
    return round(1 - brier(beliefs, truths) / reference, _DECIMALS)


def area_under_curve(beliefs: Beliefs, truths: Truths) -> float | None:
    """The area under the ROC curve, ties at one half; none where all claims hold or none does."""
    from sklearn.metrics import roc_auc_score

    _check(beliefs, truths)
    return round(float(roc_auc_score(truths, beliefs)), _DECIMALS) if len(np.unique(truths)) == 2 else None


def _share(part: float, whole: int) -> float | None:
    return round(float(part) / int(whole), _DECIMALS) if whole else None


def _check(beliefs: Beliefs, truths: Truths) -> None:
    if len(beliefs) == 0 or len(beliefs) != len(truths):
        raise MateriaError(
            f"{len(beliefs)} beliefs and {len(truths)} truths cannot be compared",
            remedy="Give one truth for each belief",
        )
    if not ((beliefs >= 0) & (beliefs <= 1)).all():
        raise MateriaError("a belief is outside [0, 1]", remedy="Give probabilities")
