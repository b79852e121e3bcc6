"""Figures as points with their intervals, one panel for each scale."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from kg.plots import new_figure, write_png

__all__ = ["plot_figures"]

_MODEL, _CONTROL = "#1f5f8b", "#9a9a9a"
#: Of each panel: heading, and what its figures' names begin with. Gains have a scale of their own.
_PANELS: Final = (
    ("probing: MRR", "probing."),
    ("probing: gain over blind", "probing.gain_"),
    ("link probe: MRR", "link_probe."),
    ("perplexity per word", "perplexity."),
    ("fine-tuned tasks", "tasks."),
)


def plot_figures(figures: Mapping[str, Any], path: Path) -> None:
    """Write a PNG of what `figures_of` gives: the model's figures in blue, controls in grey."""
    panels = [(heading, rows) for heading, start in _PANELS if (rows := _rows(figures["figures"], start))]
    heights = [len(rows) + 1.2 for _, rows in panels]
    figure = new_figure(7.5, 0.6 + 0.34 * sum(heights))
    for axes, (heading, rows) in zip(
        figure.subplots(len(panels), 1, squeeze=False, height_ratios=heights)[:, 0], panels, strict=True
    ):
        for place, (_, found, colour) in enumerate(rows):
            value, low, high = found["value"], found["low"], found["high"]
            axes.errorbar(
                value, place, xerr=[[max(0, value - low)], [max(0, high - value)]], fmt="o", color=colour, capsize=3
            )
        axes.set_yticks(range(len(rows)), [label for label, _, _ in rows])
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_title(heading, loc="left", fontsize=10)
        axes.grid(axis="x", alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
        if "gain" in heading:
            axes.axvline(0, color="black", linewidth=0.8)
    write_png(figure, path)


def _rows(figures: Mapping[str, Any], start: str) -> list[tuple[str, Any, str]]:
    """Label, figure and colour of what a panel shows."""
    rows = []
    for name, found in figures.items():
        label = name.removeprefix(start)
        if name == label or (start in ("probing.", "link_probe.") and not label.endswith("mrr")) or "gain_" in label:
            continue
        control = start != "tasks." and label not in ("mrr", "per_word") and not start.endswith("gain_")
        shown = label.removesuffix("mrr").strip("._").replace("_", " ") or ("MRR" if "gain" in start else "model")
        rows.append((shown, found, _CONTROL if control else _MODEL))
    return sorted(rows, key=lambda row: row[2] != _MODEL)
