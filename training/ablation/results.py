"""From outcomes of all arms to the page of result, its plots, and the same as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from pipeline.files import write_atomically
from training.ablation.comparisons import compare_arms
from training.ablation.judge import Runs
from training.ablation.page import as_page
from training.ablation.plots import plot_arms, plot_differences
from training.ablation.verdict import summary, verdicts
from training.statistics.bootstrap import interval
from training.statistics.config import BootstrapConfig

__all__ = ["write_results"]

_SCHEMA: Final = "materia_ablation.v1"
_DIGITS: Final = 6


def write_results(out: Path, facts: Mapping[str, Any], runs: Runs, config: BootstrapConfig) -> dict[str, Any]:
    """Write results.md, results.json, results.png and differences.png.

    Args:
        facts: settings, seeds, what was spent, how wrong the shuffled graphs are; see `training.ablation.run`.
        runs: outcomes by arm, figure and seed.

    Returns:
        what results.json holds: schema, summary, verdicts, figures (value, low, high, units, seeds by arm and name), comparisons,
        and the facts.
    """
    figures = {arm: {name: interval(found, config) for name, found in of.items()} for arm, of in runs.items()}
    comparisons = compare_arms(runs, config)
    results = {
        "schema": _SCHEMA,
        "summary": summary(comparisons),
        "verdicts": verdicts(comparisons),
        "figures": {arm: {name: _rounded(asdict(one)) for name, one in of.items()} for arm, of in figures.items()},
        "comparisons": [_rounded(asdict(one)) | {"verdict": one.verdict} for one in comparisons],
        **facts,
    }
    plot_arms(figures, out / "results.png")
    if comparisons:
        plot_differences(comparisons, out / "differences.png")
    write_atomically(out / "results.json", json.dumps(results, indent=1, sort_keys=True) + "\n")
    write_atomically(out / "results.md", as_page(facts, figures, comparisons))
    return results


def _rounded(value: Any) -> Any:
    """Sums of another order differ in the last bits, so these are not written."""
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    return round(value, _DIGITS) if isinstance(value, float) else value
