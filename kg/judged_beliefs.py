"""The beliefs that a build would hold of a gold corpus's claims, compared with what the corpus says."""

from __future__ import annotations

import tempfile
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc
import pyarrow.parquet as pq

from kg.calibration import (
    area_under_curve,
    brier,
    brier_skill,
    error_by_chance,
    expected_calibration_error,
    reliability_curve,
)
from kg.config import FusionConfig, SplitConfig
from kg.fusion import fuse
from kg.gold_claims import GoldClaims
from kg.reliability import Reliabilities
from kg.reliability_learning import surest, worth
from pipeline.duck import connect

__all__ = ["beliefs_of", "judge_beliefs"]

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


def beliefs_of(claims: GoldClaims, reliabilities: Reliabilities | None = None) -> Floats:
    """What fusion believes of each candidate by its own document alone; NaN where it would make no triple."""
    with tempfile.TemporaryDirectory(prefix="materia.") as folder, connect(threads=1) as connection:
        path = f"{folder}/evidence.parquet"
        pq.write_table(claims.evidence, path)
        connection.register("fused", fuse([path], FusionConfig(), SplitConfig(), reliabilities=reliabilities))
        connection.register("candidates", claims.candidates)
        found = connection.sql(
            """SELECT f.belief FROM candidates c LEFT JOIN fused f
               ON f.subject = c.doc_id || ' ' || c.subject AND f.predicate = c.predicate AND f.object = c.object
               ORDER BY c.claim"""
        ).to_arrow_table()
    beliefs: Floats = found["belief"].to_numpy()
    return beliefs


def judge_beliefs(claims: GoldClaims, reliabilities: Reliabilities, bins: int = 10) -> dict[str, Any]:
    """The figures of `kg.calibration` over all candidates, and what they are made of.

    Returns:
        n, base_rate (of the documents learned from), share_true, ece, ece_by_chance, ece_equal_mass, brier, brier_skill, auc, bins.
        `claimed`: the same of the claims that have a triple. `unclaimed`: the others, how they are believed and how many hold.
        `uncalibrated`: the figures without anything learned, where no triple is belief 0. `extractors`: by name, each on the claims
        that it is heard on.
    """
    true: Flags = claims.candidates["true"].to_numpy()
    learned = reliabilities.learned_from
    base_rate = round(learned.true / learned.claims, 6)
    calibrated = beliefs_of(claims, reliabilities)
    silent = np.isnan(calibrated)
    beliefs = np.where(silent, reliabilities.unclaimed or 0.0, calibrated)
    raw = np.nan_to_num(beliefs_of(claims))
    curve = reliability_curve(beliefs, true, bins)
    return {
        "n": len(true),
        "base_rate": base_rate,
        "share_true": round(float(true.mean()), 6),
        **_figures(beliefs, true, base_rate, bins),
        "ece_by_chance": error_by_chance(beliefs, bins),
        "ece_equal_mass": expected_calibration_error(reliability_curve(beliefs, true, bins, equal="mass")),
        "bins": [one.model_dump() for one in curve],
        "claimed": _part(beliefs[~silent], true[~silent], bins),
        "unclaimed": _part(beliefs[silent], true[silent], bins),
        "uncalibrated": _figures(raw, true, base_rate, bins),
        "extractors": _extractors(claims, reliabilities, bins),
    }


def _figures(beliefs: Floats, true: Flags, base_rate: float, bins: int) -> dict[str, float | None]:
    return {
        "ece": expected_calibration_error(reliability_curve(beliefs, true, bins)),
        "brier": brier(beliefs, true),
        "brier_skill": brier_skill(beliefs, true, base_rate),
        "auc": area_under_curve(beliefs, true),
    }


def _part(beliefs: Floats, true: Flags, bins: int) -> dict[str, float | int | None]:
    if not len(true):
        return {"n": 0}
    return {
        "n": len(true),
        "mean_belief": round(float(beliefs.mean()), 6),
        "share_true": round(float(true.mean()), 6),
        "ece": expected_calibration_error(reliability_curve(beliefs, true, bins)),
        "auc": area_under_curve(beliefs, true),
    }


def _extractors(claims: GoldClaims, reliabilities: Reliabilities, bins: int) -> dict[str, Any]:
    """Each on the claims that it is heard on, by its own figures and by what they are worth."""
    said = claims.said()
    single = {
        name: tuple(
            step.model_copy(update={"probability": (1 - one.systematic_error) * step.probability}) for step in one.steps
        )
        for name, one in sorted(reliabilities.extractors.items())
    }
    heard = surest(said, single)
    found: dict[str, Any] = {}
    for name, steps in single.items():
        rows = heard.filter(pc.equal(heard["extractor"], name))
        figures, true = rows["figure"].to_numpy(), rows["true"].to_numpy()
        one = reliabilities.extractors[name]
        found[name] = {
            "systematic_error": one.systematic_error,
            "denial": one.denial,
            "learned_claims": sum(step.claims for step in steps),
            "learned_true": sum(step.true for step in steps),
            "uncalibrated_ece": _part(figures, true, bins).get("ece"),
            **_part(worth(steps, figures), true, bins),
        }
    return found
