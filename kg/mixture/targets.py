"""How many tokens of each kind the training split is to have.

Papers come once. The graph is drawn to the wanted ratio: sampled down, or repeated up to `repeats` times; four epochs of
the same text are worth nearly as much as new text (Muennighoff et al., NeurIPS 2023). Only where the graph does not
suffice even so, papers are sampled down. Wanted numbers that follow from the data are put on a grid of about one percent, so that
one new paper does not change what is wanted of every bucket. Rejected: an error where the graph has to be repeated more
often than allowed (the user would have to guess), repeating papers (their number is what costs training).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from kg.config import MixtureConfig
from pipeline.errors import MateriaError

__all__ = ["KINDS", "Target", "on_grid", "targets"]

KINDS = ("verbalized", "literature")
#: Steps of an octave: numbers next to each other differ by 1.1%.
_STEPS = 64


@dataclass(frozen=True)
class Target:
    """Tokens wanted of a kind, None for every passage once; and why a passage is not taken then: ratio or token-budget."""

    tokens: float | None = None
    reason: str = "temperature"


def on_grid(number: float, steps: int = _STEPS) -> float:
    """The power of 2^(1/steps) next to a number; 0 for 0."""
    return 2 ** (round(math.log2(number) * steps) / steps) if number > 0 else 0.0


def targets(once: Mapping[str, float], most: Mapping[str, float], config: MixtureConfig) -> dict[str, Target]:
    """Tokens wanted of each kind.

    Args:
        once: tokens of each kind's passages, each once, within the shares.
        most: the same with as many repeats as are allowed.

    Raises:
        MateriaError: there is a ratio to meet, and nothing of one kind.
    """
    graph, text = (once[kind] for kind in KINDS)
    wanted = {kind: Target() for kind in KINDS}
    ratio = config.graph_to_text
    if ratio is not None:
        for kind, name, remedy in (
            ("verbalized", "facts told from the graph", "lower corpus.minimum_belief"),
            ("literature", "passages of papers", "add literature"),
        ):
            if not once[kind]:
                raise MateriaError(
                    f"asks for a ratio of {ratio:g}, but there are no {name} to train on",
                    file="corpus.mixture.graph_to_text",
                    remedy=f"Leave the ratio out, or {remedy}",
                )
        graph = on_grid(ratio * text)
        if graph > most["verbalized"]:
            graph = most["verbalized"]
            text = min(text, on_grid(graph / ratio))
            wanted["literature"] = Target(text, "ratio")
        wanted["verbalized"] = Target(graph, "ratio")
    if config.tokens is not None and graph + text > config.tokens:
        part = ratio or (on_grid(graph / text) if text else None)
        share = 1.0 if part is None else part / (1 + part)
        budget = {"verbalized": config.tokens * share, "literature": config.tokens * (1 - share)}
        wanted = {kind: Target(budget[kind], "token-budget") for kind in KINDS}
    return wanted
