"""What was shown and what was not, in sentences made from the comparisons."""

from __future__ import annotations

from collections.abc import Sequence

from training.ablation.comparisons import ArmComparison

__all__ = ["summary", "verdicts"]


def summary(comparisons: Sequence[ArmComparison]) -> str:
    """One sentence over all figures."""
    helped, total = [], 0
    for text, shuffled in _first_questions(comparisons):
        total += 1
        if text.verdict == shuffled.verdict == "better":
            helped.append(text.figure)
    if not total:
        return "Nothing was asked of the graph: text, all and all_shuffled are not all among the arms."
    if not helped:
        return f"It was not shown that the graph helps: on none of {_figures(total)} is `all` better than both `text` and `all_shuffled`."
    return f"The graph helped on {len(helped)} of {_figures(total)}: {', '.join(helped)}.{_of_one_seed(comparisons)}"


def _of_one_seed(comparisons: Sequence[ArmComparison]) -> str:
    if min(one.difference.seeds for one in comparisons) > 1:
        return ""
    return " Each arm was trained once: this is of these models, and other seeds may say otherwise."


def verdicts(comparisons: Sequence[ArmComparison]) -> list[str]:
    """A sentence for each figure: against no graph, and against a graph of the same form in which nothing is true.

    Then one for each arm that learns from the graph in another way than `all`.
    """
    first = [f"**{text.figure}**: {_verdict(text, shuffled)}" for text, shuffled in _first_questions(comparisons)]
    others = dict.fromkeys(one.first for one in comparisons if one.second == "all")
    return first + [
        _beside_all([one for one in comparisons if (one.first, one.second) == (name, "all")]) for name in others
    ]


def _beside_all(found: Sequence[ArmComparison]) -> str:
    parts = [f"{one.verdict} on {one.figure} {_by(one)}" for one in found if one.verdict != "unknown"]
    unknown = [f"{one.figure} {_by(one)}" for one in found if one.verdict == "unknown"]
    parts += [f"nothing was shown on {', '.join(unknown)}"] if unknown else []
    return f"**{found[0].first}** beside `all`: {'; '.join(parts)}."


def _verdict(text: ArmComparison, shuffled: ArmComparison) -> str:
    match text.verdict, shuffled.verdict:
        case "better", "better":
            return f"the graph helps. `all` is better than `text` {_by(text)} and than `all_shuffled` {_by(shuffled)}."
        case "better", "unknown":
            return (
                f"`all` is better than `text` {_by(text)}, but not shown to be better than `all_shuffled` {_by(shuffled)}: "
                f"what helps need not be what the graph says. {_power(shuffled)}"
            )
        case "better", _:
            return (
                f"`all` is better than `text` {_by(text)}, and worse than `all_shuffled` {_by(shuffled)}: what helps is not what "
                "the graph says."
            )
        case "unknown", "better":
            return (
                f"the true graph is better than a shuffled one {_by(shuffled)}, but not shown to be better than none {_by(text)}. "
                f"{_power(text)}"
            )
        case "unknown", "unknown":
            return (
                f"nothing was shown: against `text` {_by(text)}, against `all_shuffled` {_by(shuffled)}. Differences of "
                f"{_number(text.detectable)} and {_number(shuffled.detectable)} would have been found four times in five."
            )
        case "unknown", _:
            return f"the true graph is worse than a shuffled one {_by(shuffled)}, and no difference from none was shown {_by(text)}."
        case _, "better":
            return (
                f"the graph part costs: `all` is worse than `text` {_by(text)}; its truth counts, for `all_shuffled` is worse still "
                f"{_by(shuffled)}."
            )
        case _:
            return (
                f"the graph part costs: `all` is worse than `text` {_by(text)}; against `all_shuffled` {_by(shuffled)}."
            )


def _power(comparison: ArmComparison) -> str:
    return f"A difference of {_number(comparison.detectable)} would have been found four times in five."


def _by(comparison: ArmComparison) -> str:
    d = comparison.difference
    return f"({_signed(d.value)}, from {_signed(d.low)} to {_signed(d.high)}, Holm p = {comparison.p_holm:.3g})"


def _signed(value: float) -> str:
    return f"{'-' if value < 0 else '+'}{_number(abs(value))}"


def _number(value: float) -> str:
    return f"{value:.4f}" if value < 10 else f"{value:,.1f}"


def _figures(count: int) -> str:
    return f"{count} figure{'s' * (count != 1)}"


def _first_questions(comparisons: Sequence[ArmComparison]) -> list[tuple[ArmComparison, ArmComparison]]:
    """By figure, `all` against `text` and against `all_shuffled`."""
    of = {(one.first, one.second, one.figure): one for one in comparisons}
    return [
        (one, of["all", "all_shuffled", one.figure])
        for one in comparisons
        if (one.first, one.second) == ("all", "text") and ("all", "all_shuffled", one.figure) in of
    ]
