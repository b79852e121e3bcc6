"""From outcomes to figures with intervals, and to comparisons with the controls that each section brings along."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from training.statistics.bootstrap import compare, enough_draws, interval
from training.statistics.config import BootstrapConfig
from training.statistics.multiple import holm
from training.statistics.outcomes import Outcomes

__all__ = ["figures_of"]

_DIGITS = 6
#: A figure, and the control it is held against.
_CONTROLS: Final = (
    ("probing.mrr", "probing.blind_mrr"),
    ("probing.mrr", "probing.frequency_mrr"),
    ("link_probe.mrr", "link_probe.random.mrr"),
    ("link_probe.mrr", "link_probe.bag_of_wordpieces.mrr"),
)


def figures_of(runs: Mapping[str, Sequence[Outcomes]], config: BootstrapConfig) -> dict[str, Any]:
    """Figures of one model.

    Args:
        runs: outcomes of each figure by its name, one for each training run.

    Returns:
        figures: by name: value, low, high, units (documents, or what else is drawn), seeds (runs).
        comparisons: figure, control, difference (as a figure), p, p_holm (among all of these).
    """
    figures = {name: _rounded(asdict(interval(found, config))) for name, found in sorted(runs.items())}
    pairs = [pair for pair in _CONTROLS if pair[0] in runs and pair[1] in runs]
    enough = enough_draws(config, len(pairs))
    found = [compare(runs[figure], runs[control], enough) for figure, control in pairs]
    adjusted = holm([comparison.p for comparison in found])
    comparisons = [
        {
            "figure": figure,
            "control": control,
            "difference": _rounded(asdict(comparison.difference)),
            "p": round(comparison.p, _DIGITS),
            "p_holm": round(p, _DIGITS),
        }
        for (figure, control), comparison, p in zip(pairs, found, adjusted, strict=True)
    ]
    return {"figures": figures, "comparisons": comparisons}


def _rounded(values: Mapping[str, float]) -> dict[str, float]:
    """Sums of another order differ in the last bits, so these are not written."""
    return {name: round(value, _DIGITS) for name, value in values.items()}
