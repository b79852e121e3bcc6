"""Cost against the number of documents, by stage: processor time, memory, and one more paper."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from matplotlib.ticker import LogLocator

from kg.plots import new_figure, write_png
from scaling.figures import Figures, StageCost, kept_figures

__all__ = ["plot"]

#: Stages that are drawn by themselves: those that cost most in the largest build.
_SHOWN = 7
#: The bar that memory must stay below at a million documents, and the seconds for one more paper.
_MOST_MIB, _MOST_SECONDS = 6144, 60


def plot(folders: Sequence[Path], out: Path) -> None:
    """Draw what was measured in these folders."""
    found = sorted(filter(None, map(kept_figures, folders)), key=lambda one: one.documents)
    figure = new_figure(14, 5)
    time, memory, paper = figure.subplots(1, 3)
    by_stage(time, found, lambda cost: cost.processor_seconds)
    time.plot(*_points(found, lambda one: one.processor_seconds), "k-o", label="all stages")
    first = found[0]
    line = [first.processor_seconds * one.documents / first.documents for one in found]
    time.plot([one.documents for one in found], line, "k:", linewidth=1, label="in proportion to documents")
    time.set_title("Clean build: processor seconds")
    by_stage(memory, found, lambda cost: cost.peak_mib)
    memory.axhline(_MOST_MIB, color="black", linestyle="--", linewidth=1)
    memory.annotate("6 GiB", (found[0].documents, _MOST_MIB), xytext=(0, 3), textcoords="offset points")
    memory.set_title("Most memory of a stage, with its workers: MiB")
    added = [one for one in found if one.added]
    for name, style, value in (
        ("one paper more", "k-o", lambda one: one.added["cpu"]),
        ("nothing changed", "k:o", lambda one: one.nothing["cpu"]),
    ):
        paper.plot(*_points(added, value), style, label=name)
    paper.axhline(_MOST_SECONDS, color="black", linestyle="--", linewidth=1)
    paper.annotate("60 s", (found[0].documents, _MOST_SECONDS), xytext=(0, 3), textcoords="offset points")
    paper.set_title("Build after a change: processor seconds")
    for axes in (time, memory, paper):
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlabel("documents")
        axes.set_xticks([one.documents for one in found], [f"{one.documents:,}" for one in found], minor=False)
        axes.minorticks_off()
        axes.tick_params(axis="x", labelrotation=30)
        if axes is not time:  # few powers of ten to tell a value by
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.7g}")
        axes.grid(alpha=0.3)
        axes.legend(
            fontsize=8,
            loc="upper left",
            bbox_to_anchor=(0, 1 if axes is time else 0.94),
            ncols=2 if axes is time else 1,
        )
    time.set_ylim(top=60 * line[-1])  # room for the names above the lines
    write_png(figure, out)


def by_stage(axes: Any, found: Sequence[Figures], value: Callable[[StageCost], float]) -> None:
    """A line for each of the stages with most of a value in the largest build that has it by stage."""
    largest = next(one.stages for one in reversed(found) if any(value(cost) for cost in one.stages.values()))
    for number, name in enumerate(sorted(largest, key=lambda name: -value(largest[name]))[:_SHOWN]):
        some = [one for one in found if name in one.stages and value(one.stages[name]) > 0]
        axes.plot(
            [one.documents for one in some],
            [value(one.stages[name]) for one in some],
            marker=".",
            color=f"C{number}",
            label=name,
        )


def _points(found: Sequence[Figures], value: Callable[[Figures], float]) -> tuple[list[int], list[float]]:
    return [one.documents for one in found], [value(one) for one in found]
