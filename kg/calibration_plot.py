"""A reliability diagram: share true against belief, with how many claims each bin holds below; and a histogram of beliefs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kg.plots import new_figure
from kg.reliability import Bin

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["belief_histogram", "reliability_diagram"]


def reliability_diagram(bins: Sequence[Bin], title: str) -> Figure:
    """Points on the diagonal are calibrated; below it, claims are believed too much. Bins without claims have no point.

    Bars are 95% intervals of the share (Jeffreys; Brown, Cai, DasGupta 2001, doi:10.1214/ss/1009213286): few claims say little.
    """
    from scipy.stats import beta

    figure = new_figure(4.2, 4.6)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    above.plot([0, 1], [0, 1], color="0.6", linewidth=1, linestyle="--")
    for one in bins:
        if one.share_true is not None:
            true = one.share_true * one.n
            interval = beta.ppf([0.025, 0.975], true + 0.5, one.n - true + 0.5)
            above.plot([one.mean_belief] * 2, interval, color="C0", linewidth=1.5, alpha=0.5)
            above.plot(one.mean_belief, one.share_true, color="C0", marker="o", markersize=5)
    above.set(xlim=(0, 1), ylim=(0, 1), ylabel="share true", title=title)
    below.bar(
        [one.least for one in bins], [one.n for one in bins], [one.most - one.least for one in bins], align="edge"
    )
    below.set(xlabel="belief", ylabel="claims", yscale="symlog")
    for axis in (above, below):
        axis.grid(alpha=0.3)
    return figure


def belief_histogram(counts: Sequence[int], title: str) -> Figure:
    """How many triples are believed how much, in bins of equal width from 0 to 1."""
    figure = new_figure(4.2, 2.6)
    axis = figure.subplots()
    width = 1 / len(counts)
    axis.bar([place * width for place in range(len(counts))], counts, width, align="edge")
    axis.set(xlim=(0, 1), xlabel="belief", ylabel="triples", title=title)
    axis.grid(alpha=0.3)
    return figure
