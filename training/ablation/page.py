"""The page of result: what was shown, the figures of each arm, comparisons, the controls of the control, and how it was made."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from kg.markdown import table
from training.ablation.arms import arm_of
from training.ablation.comparisons import ArmComparison, figure_names, headlines
from training.ablation.verdict import summary, verdicts
from training.library_versions import as_sentence
from training.statistics.bootstrap import Interval

__all__ = ["as_page"]


def as_page(
    facts: Mapping[str, Any], figures: Mapping[str, Mapping[str, Interval]], comparisons: Sequence[ArmComparison]
) -> str:
    """The page as Markdown.

    Args:
        facts: what `Ablation.facts` gives.
        figures: by arm and name.
        comparisons: the family.
    """
    level, seeds = facts["bootstrap"]["level"], ", ".join(map(str, facts["seeds"]))
    shown = headlines(figure_names(figures))
    lines = ["# Does the graph help?", "", summary(comparisons), ""]
    lines += [f"- {text}" for text in verdicts(comparisons)]
    lines += ["", "![each arm's figures with their intervals](results.png)", ""]
    lines += [
        "## Arms", "",
        f"Mean over {len(facts['seeds'])} seeds ({seeds}) with its {level:.0%} interval over held-out documents or entities and seeds. "
        "Every trained arm took the same number of steps over the same number of rows, with one tokenizer, and began with the same "
        "weights of the encoder. Tokens are those of passages. Link prediction also reads names of entities, whose tokens are not counted: "
        "arms with it read more than the others.", "",
        _arms(figures, shown), "",
        table(
            ("arm", "what it learns from", "tokens of passages", "parameters", "seconds of training, by the clock"),
            [(name, arm_of(name).what, *facts["trainings"][name]) for name in figures],
            text=2,
        ), "",
    ]  # fmt: skip
    if references := [(name, _said(one)) for name, one in _references(figures)]:
        lines += [
            "What is asked without any model, or of names without a reading of them:",
            "",
            table(("figure", "value"), references, text=1),
            "",
        ]
    if comparisons:
        lines += [
            "## Comparisons",
            "",
            _family(comparisons, level),
            "",
            "![differences with their intervals](differences.png)",
            "",
        ]
    lines += ["## Is the control a control?", "", *_control(facts["shuffles"]), ""]
    if facts.get("decontamination"):
        lines += ["## Decontamination", "", facts["decontamination"], ""]
    others = [name for name in figure_names(figures) if name not in shown and name not in dict(_references(figures))]
    if others:
        lines += ["## Other figures", "", "Shown, and not tested.", "", _arms(figures, others), ""]
    lines += ["## How it was made", "", facts["plan"], "", f"Judged with {as_sentence(facts['versions'])}.", ""]
    lines += ["```json", json.dumps(facts["settings"], indent=1, sort_keys=True), "```", ""]
    return "\n".join(lines)


def _arms(figures: Mapping[str, Mapping[str, Interval]], names: Sequence[str]) -> str:
    rows = [
        (arm, *(_said(found[name]) if name in found else "" for name in names))
        for arm, found in figures.items()
        if any(name in found for name in names)
    ]
    return table(("arm", *names), rows, text=1)


def _references(figures: Mapping[str, Mapping[str, Interval]]) -> list[tuple[str, Interval]]:
    """Figures that no training changes, since no model is asked: the same in every arm."""
    first = next(iter(figures.values()))
    return [
        (name, one)
        for name, one in first.items()
        if any(word in name for word in ("frequency_", ".random.", ".bag_of_wordpieces."))
    ]


def _family(comparisons: Sequence[ArmComparison], level: float) -> str:
    rows = [
        (
            one.figure, f"{one.first} - {one.second}", f"{one.difference.value:+,.4g}",
            f"{one.difference.low:+,.4g} to {one.difference.high:+,.4g}", f"{one.p:.4f}", f"{one.p_holm:.4f}",
            one.verdict.replace("unknown", ""), f"{one.detectable:,.4g}",
        )
        for one in comparisons
    ]  # fmt: skip
    headings = ("figure", "difference", "value", f"{level:.0%} interval", "p", "p (Holm)", "shown", "detectable")
    return (
        f"{len(comparisons)} comparisons on the same draws, one family for Holm's correction. Detectable: a true difference of this size "
        "would be found in four of five such ablations at the strictest step of the correction. Perplexity is better where "
        "it is lower.\n\n" + table(headings, rows, text=2)
    )


def _control(shuffles: Sequence[Mapping[str, Any]]) -> list[str]:
    if not shuffles:
        return ["No arm with a shuffled graph was asked for."]
    rows = [
        (one["seed"], one["triples"], one["true"], f"{one['true_by_chance']:.1f}", one["words"], one["words_of_told"])
        for one in shuffles
    ]
    headings = ("seed", "triples", "still true", "true by chance", "words, shuffled", "words, true")
    return [
        "Each entity keeps its number of triples for each relation on either side; true is a triple whose ends the graph relates at "
        "all, in any split.", "",
        table(headings, rows, text=0),
    ]  # fmt: skip


def _said(one: Interval) -> str:
    digits = 4 if abs(one.value) < 10 else 1
    return f"{one.value:,.{digits}f} ({one.low:,.{digits}f} to {one.high:,.{digits}f})"
