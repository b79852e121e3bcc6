"""Plots of an ablation: the figures of each arm, and the differences that were asked about, with their intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from kg.plots import new_figure, write_png
from training.ablation.comparisons import ArmComparison, figure_names, headlines
from training.statistics.bootstrap import Interval

__all__ = ["plot_arms", "plot_differences"]

_COLOURS: Final = {"all": "#1f5f8b", "all_shuffled": "#d1662b", "untrained": "#b0b0b0"}
_OTHER: Final = "#5c5c5c"


def plot_arms(figures: Mapping[str, Mapping[str, Interval]], path: Path) -> None:
    """One panel for each headline figure, one row for each arm."""
    shown = headlines(figure_names(figures))
    figure = new_figure(7.5, 0.6 + len(shown) * (0.8 + 0.28 * len(figures)))
    for axes, name in zip(figure.subplots(max(len(shown), 1), 1, squeeze=False)[:, 0], shown, strict=False):
        arms = [arm for arm in figures if name in figures[arm]]
        for place, arm in enumerate(arms):
            _point(axes, figures[arm][name], place, _COLOURS.get(arm.partition("@")[0], _OTHER), filled=True)
        _dress(axes, name, arms)
    write_png(figure, path)


def plot_differences(comparisons: Sequence[ArmComparison], path: Path) -> None:
    """One panel for each figure, one row for each comparison; full points are those that were shown."""
    names = list(dict.fromkeys(one.figure for one in comparisons))
    rows = {name: [one for one in comparisons if one.figure == name] for name in names}
    most = max(map(len, rows.values()))
    figure = new_figure(7.5, 0.6 + len(names) * (0.8 + 0.28 * most))
    for axes, name in zip(figure.subplots(len(names), 1, squeeze=False)[:, 0], names, strict=True):
        for place, one in enumerate(rows[name]):
            _point(axes, one.difference, place, _COLOURS["all"], filled=one.verdict != "unknown")
        axes.axvline(0, color="black", linewidth=0.8)
        better = "lower is better" if name.startswith("perplexity") else "higher is better"
        _dress(axes, f"{name}, difference ({better})", [f"{one.first} - {one.second}" for one in rows[name]])
    write_png(figure, path)


def _point(axes: Any, one: Interval, place: int, colour: str, *, filled: bool) -> None:
    errors = [[max(0.0, one.value - one.low)], [max(0.0, one.high - one.value)]]
    face = colour if filled else "white"
    axes.errorbar(one.value, place, xerr=errors, fmt="o", color=colour, markerfacecolor=face, capsize=3)


def _dress(axes: Any, title: str, rows: Sequence[str]) -> None:
    axes.set_yticks(range(len(rows)), rows)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_title(title, loc="left", fontsize=10)
    axes.grid(axis="x", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
