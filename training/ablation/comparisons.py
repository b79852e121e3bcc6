"""What is compared with what, how sure it is, and how large a difference would have to be to be found.

Two questions come first: is `all` above `text` (does the graph part help?), and above `all_shuffled` (because of what the graph
says?). Then each single thing against `text`, and every further arm against `all`. All of them over all headline
figures are one family for Holm's correction; other figures are shown and not tested.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

from training.ablation.judge import Runs
from training.statistics.bootstrap import Interval, compare, enough_draws
from training.statistics.config import BootstrapConfig
from training.statistics.multiple import holm

__all__ = ["ArmComparison", "compare_arms", "figure_names", "headlines"]

_HEADLINES: Final = ("probing.mrr", "probing.gain_mrr", "link_probe.mrr", "perplexity.per_word")
_SINGLE: Final = ("verbalized", "links", "relations")
_LEVEL: Final = 0.05
_POWER: Final = 0.8


@dataclass(frozen=True)
class ArmComparison:
    """An arm against another by one figure.

    Attributes:
        first, second: names of arms.
        figure: name of the figure.
        difference: the first less the second.
        p, p_holm: alone, and among all comparisons.
        detectable: a true difference of this size would be found four times in five, by the strictest step of Holm; an estimate,
            as the noise it is made from is estimated from the same few seeds.
    """

    first: str
    second: str
    figure: str
    difference: Interval
    p: float
    p_holm: float
    detectable: float

    @property
    def verdict(self) -> str:
        """better, worse, or unknown."""
        if self.p_holm >= _LEVEL:
            return "unknown"
        return "better" if (self.difference.value > 0) != self.figure.startswith("perplexity") else "worse"


def figure_names(of_arms: Mapping[str, Mapping[str, object]]) -> list[str]:
    """The figures that any arm has, in their order; the tasks of a suite may be asked of some arms alone."""
    return list(dict.fromkeys(name for of in of_arms.values() for name in of))


def headlines(figures: Sequence[str]) -> list[str]:
    """The figures that are tested, of those there are."""
    return [name for name in _HEADLINES if name in figures] + sorted(n for n in figures if n.startswith("tasks."))


def compare_arms(runs: Runs, config: BootstrapConfig) -> list[ArmComparison]:
    """Every comparison of the family, the two first questions first."""
    asked = [
        (first, second, figure)
        for first, second in _pairs(list(runs))
        for figure in headlines(list(runs[first]))
        if figure in runs[second]
    ]
    config = enough_draws(config, len(asked))
    strict = config.model_copy(update={"level": 1 - _LEVEL / max(len(asked), 1)})
    found = [compare(runs[first][figure], runs[second][figure], config) for first, second, figure in asked]
    needed = [compare(runs[first][figure], runs[second][figure], strict).difference for first, second, figure in asked]
    adjusted = holm([one.p for one in found])
    power = NormalDist().inv_cdf(_POWER) / NormalDist().inv_cdf((1 + config.level) / 2)
    return [
        ArmComparison(*words, one.difference, one.p, p, _half(least) + power * _half(one.difference))
        for words, one, p, least in zip(asked, found, adjusted, needed, strict=True)
    ]


def _half(interval: Interval) -> float:
    return (interval.high - interval.low) / 2


def _pairs(arms: Sequence[str]) -> list[tuple[str, str]]:
    first = [("all", "text"), ("all", "all_shuffled"), *((name, "text") for name in _SINGLE)]
    known = {"untrained", "text", "all", "all_shuffled", *_SINGLE}
    further = [(name, "all") for name in arms if name not in known]
    return [pair for pair in [*first, *further] if set(pair) <= set(arms)]
