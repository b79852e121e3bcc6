"""The plots of the data card. Words on them are Latin only: the shipped font has no ideographs, so names of entities stay in tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Literal

from kg.card_figures import BELIEF_BINS, LENGTH_BIN, CardFigures
from kg.plots import new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["card_plots"]

_LITERATURE, _VERBALIZED = (
    "#4477aa",
    "#ee6677",
)  # the first two of Tol's bright scheme, told apart by colour-blind readers
_COLOURS: Final = {"literature": _LITERATURE, "verbalized": _VERBALIZED}
#: Predicates and classes shown, the most frequent first.
_BARS: Final = 15


def card_plots(figures: CardFigures) -> dict[str, tuple[Figure, str]]:
    """Each plot by its file name, with the words that stand for it where it cannot be seen. Empty ones are left out."""
    plots = {
        "tokens.png": (_tokens(figures), "tokens by split, kind and language"),
        "lengths.png": (_lengths(figures), "passages by number of tokens"),
        "predicates.png": (_predicates(figures), "claims by predicate, in papers and told from the graph"),
        "classes.png": (_classes(figures), "mentions of entities by class"),
        "beliefs.png": (_beliefs(figures), "verbalized passages by belief"),
        "years.png": (_years(figures), "papers by year of publication"),
    }
    return {name: (figure, text) for name, (figure, text) in plots.items() if figure is not None}


def _tokens(figures: CardFigures) -> Figure | None:
    statistics = figures.statistics
    groups = [(kind, language) for kind in statistics.values("kind") for language in statistics.values("language")]
    groups = [g for g in groups if statistics.total("tokens", kind=g[0], language=g[1])]
    if not groups:
        return None
    splits = statistics.values("split")
    figure = new_figure(6.4, 0.9 + 0.32 * len(groups) * len(splits))
    axis = figure.subplots()
    rows = [(split, kind, language) for split in splits for kind, language in groups]
    tokens = [statistics.total("tokens", split=s, kind=k, language=g) for s, k, g in rows]
    _bars(axis, [f"{s}, {k}, {g}" for s, k, g in rows], tokens, [_COLOURS.get(kind, "0.5") for _, kind, _ in rows])
    axis.set(xscale="log", xlabel="tokens (logarithmic)", xlim=(max(1, min(filter(None, tokens)) / 3), max(tokens) * 8))
    for place, count in enumerate(tokens):
        axis.annotate(f"{count:,}", (max(count, 1), place), (4, 0), textcoords="offset points", va="center", fontsize=8)
    return figure


def _lengths(figures: CardFigures) -> Figure | None:
    if not figures.lengths:
        return None
    figure = new_figure(6.4, 2.0 * len(figures.lengths))
    axes = figure.subplots(len(figures.lengths), 1, sharex=True, squeeze=False)[:, 0]
    for axis, (kind, counts) in zip(axes, sorted(figures.lengths.items()), strict=True):
        starts = [LENGTH_BIN * number for number in range(len(counts))]
        axis.bar(starts, counts, LENGTH_BIN, align="edge", color=_COLOURS.get(kind, "0.5"))
        axis.set(ylabel="passages", xlim=(0, LENGTH_BIN * len(counts)))
        axis.set_title(kind, fontsize=10)
        _finish(axis, "y")
    axes[-1].set(xlabel=f"tokens (the last bar: {LENGTH_BIN * (len(counts) - 1)} and more)")
    return figure


def _predicates(figures: CardFigures) -> Figure | None:
    shown = figures.statistics.predicates[:_BARS]
    if not shown:
        return None
    figure = new_figure(6.4, 0.9 + 0.36 * len(shown))
    axis = figure.subplots()
    names = [one.predicate.removeprefix("biolink:").replace("_", " ") for one in shown]
    for offset, kind in ((-0.2, "literature"), (0.2, "verbalized")):
        counts = [getattr(one, kind) for one in shown]
        places = [place + offset for place in range(len(shown))]
        axis.barh(places, counts, 0.38, color=_COLOURS[kind], label=kind)
    axis.set(xlabel="claims")
    axis.locator_params(axis="x", nbins=5)
    axis.set_yticks(range(len(shown)), names, fontsize=8)
    axis.invert_yaxis()
    axis.legend(loc="lower right", fontsize=8)
    _finish(axis, "x")
    return figure


def _classes(figures: CardFigures) -> Figure | None:
    shown = figures.statistics.classes[:_BARS]
    if not shown:
        return None
    figure = new_figure(6.4, 0.9 + 0.28 * len(shown))
    axis = figure.subplots()
    names = [one.category.removeprefix("biolink:") for one in shown]
    mentions = [one.mentions for one in shown]
    _bars(axis, names, mentions, [_LITERATURE] * len(shown))
    for place, one in enumerate(shown):
        text = f"{one.entities:,} entities"
        axis.annotate(text, (one.mentions, place), (4, 0), textcoords="offset points", va="center", fontsize=8)
    axis.set(xlabel="mentions", xlim=(0, max(mentions) * 1.35))
    axis.locator_params(axis="x", nbins=5)  # seven-digit numbers would touch each other
    return figure


def _beliefs(figures: CardFigures) -> Figure | None:
    if not any(figures.beliefs):
        return None
    figure = new_figure(6.4, 2.6)
    axis = figure.subplots()
    width = 1 / BELIEF_BINS
    places = [number * width for number in range(BELIEF_BINS)]
    axis.bar(places, figures.beliefs, width, align="edge", color=_VERBALIZED, edgecolor="white", linewidth=0.5)
    axis.set(xlim=(0, 1), xlabel="belief of the least believed claim told", ylabel="passages")
    _finish(axis, "y")
    return figure


def _years(figures: CardFigures) -> Figure | None:
    known = [(year, papers) for year, papers in figures.years if year is not None]
    if not known:
        return None
    figure = new_figure(6.4, 2.6)
    axis = figure.subplots()
    axis.bar([year for year, _ in known], [papers for _, papers in known], 0.9, color=_LITERATURE)
    axis.set(xlabel=f"year of publication ({sum(papers for _, papers in known):,} papers say it)", ylabel="papers")
    axis.locator_params(integer=True)
    _finish(axis, "y")
    return figure


def _bars(axis: Axes, names: Sequence[str], values: Sequence[int], colours: Sequence[str]) -> None:
    axis.barh(range(len(names)), values, 0.8, color=list(colours))
    axis.set_yticks(range(len(names)), names, fontsize=8)
    axis.invert_yaxis()
    _finish(axis, "x")


def _finish(axis: Axes, counts: Literal["x", "y"]) -> None:
    """A grid behind the bars, and thousands separated on the axis that counts (unless it is logarithmic)."""
    axis.set_axisbelow(True)
    axis.grid(alpha=0.3, axis="x" if counts == "x" else "both")
    chosen = axis.xaxis if counts == "x" else axis.yaxis
    chosen.set_major_formatter("{x:,.0f}")
