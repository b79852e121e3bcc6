"""The figures of a model as a Markdown page: a table a section, then what stands against a control."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kg.markdown import table
from training.library_versions import as_sentence

__all__ = ["as_page"]

_SECTIONS = {
    "probing": (
        "Knowledge probing",
        "Cloze questions over held-out triples. blind: the same questions without what is known; gain: less the blind ones; "
        "frequency: candidates by how often training triples have them, without any model.",
    ),
    "link_probe": (
        "Link prediction from frozen encodings",
        "One small probe, trained alike. random: encodings without content; bag_of_wordpieces: words of names alone.",
    ),
    "perplexity": (
        "Perplexity",
        "Of words of held-out literature (of a masked model, pseudo-perplexity); lower is better.",
    ),
    "tasks": ("Fine-tuned tasks", "On documents that the model did not learn from; the mean over seeds."),
}


def as_page(figures: Mapping[str, Any]) -> str:
    """A page from what `figures_of` gives, with the suite beside it."""
    level = figures["suite"]["bootstrap"]["level"]
    lines = ["# Evaluation", "", "![figures with their intervals](evaluation.png)", ""]
    for section, (heading, text) in _SECTIONS.items():
        own = {name: found for name, found in figures["figures"].items() if name.partition(".")[0] == section}
        if own:
            rows = [
                (name.removeprefix(f"{section}."), _said(f), _between(f), f["units"], f["seeds"])
                for name, f in own.items()
            ]
            headings = ("figure", "value", f"{level:.0%} interval", "units", "runs")
            lines += [f"## {heading}", "", text, "", table(headings, rows, text=1), ""]
    if figures["comparisons"]:
        rows = [
            (c["figure"], c["control"], _said(c["difference"]), _between(c["difference"]), f"{c['p_holm']:.4f}")
            for c in figures["comparisons"]
        ]
        headings = ("figure", "control", "difference", f"{level:.0%} interval", "p (Holm)")
        lines += ["## Against controls", "", table(headings, rows, text=2), ""]
    lines += [f"Judged with {as_sentence(figures['versions'])}.", ""]
    return "\n".join(lines)


def _said(figure: Mapping[str, float]) -> str:
    return f"{figure['value']:,.4f}" if abs(figure["value"]) < 10 else f"{figure['value']:,.1f}"


def _between(figure: Mapping[str, float]) -> str:
    digits = 4 if abs(figure["value"]) < 10 else 1
    return f"{figure['low']:,.{digits}f} to {figure['high']:,.{digits}f}"
