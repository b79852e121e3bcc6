"""Sections of docs/results.md on what a probe gains, or does not: whether an encoder knows what it was told, and what more steps do.

`benchmarks/results.py` runs what these read. They are shown with intervals and tested for nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from kg.markdown import table

__all__ = ["longer_section", "told_section"]

_PROBED: Final = ("probing.mrr", "probing.blind_mrr", "probing.gain_mrr")


def told_section(evaluations: Mapping[str, Sequence[Path]], questions: int) -> str:
    """A table of what models know of training triples.

    Args:
        evaluations: folders of `materia evaluate model --out` by arm, one for each seed.
        questions: asked of each.
    """
    return "\n".join(
        [
            "## Does an encoder know what it was told?",
            "",
            f"The same probe over {questions:,} *training* triples, which the arms that read told facts have read again and again; one "
            "phrasing. A gain near 0 says that an encoder has not learned even these. Shown, and not tested.",
            "",
            _told(evaluations),
            "",
        ]
    )


def _told(evaluations: Mapping[str, Sequence[Path]]) -> str:
    from training.statistics.bootstrap import interval
    from training.statistics.outcome_files import read_outcomes

    rows = []
    for arm, folders in evaluations.items():
        found = [read_outcomes(next((folder / "outcomes").glob("probing-*.parquet"))) for folder in folders]
        intervals = (asdict(interval([one[name] for one in found])) for name in _PROBED)
        rows.append((arm, len(found), *map(_said, intervals)))
    return table(("arm", "seeds", *_PROBED), rows, text=1)


def longer_section(results: Mapping[str, Any], told: Mapping[str, Sequence[Path]]) -> str:
    """Figures and comparisons of an ablation with more steps.

    Args:
        results: what its results.json holds.
        told: as `told_section` takes them.
    """
    figures, comparisons = results["figures"], results["comparisons"]
    names = [name for name in next(iter(figures.values())) if name in {one["figure"] for one in comparisons}]
    seeds = ", ".join(map(str, results["seeds"]))
    steps = results["settings"]["pretraining"]["trainer"]["steps"]
    return "\n".join(
        [
            "## More steps",
            "",
            f"The same with {steps:,} steps, seeds {seeds}. {results['summary']} {len(comparisons)} comparisons, a family of their own.",
            "",
            table(
                ("arm", *names),
                [(arm, *(_said(found[name]) for name in names)) for arm, found in figures.items()],
                text=1,
            ),
            "",
            *(f"- {verdict}" for verdict in results["verdicts"]),
            "",
            "Of training triples:",
            "",
            _told(told),
            "",
        ]
    )


def _said(one: Mapping[str, float]) -> str:
    digits = 4 if abs(one["value"]) < 10 else 1
    return f"{one['value']:,.{digits}f} ({one['low']:,.{digits}f} to {one['high']:,.{digits}f})"
