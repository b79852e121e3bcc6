"""How much of the examples a graph reaches: without mentions that have vectors there is nothing that fusion could change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from training.finetuning.fusion.attach import ENTITY_IDS
from training.tasks.base import Features

__all__ = ["coverage"]


def coverage(features: Sequence[Features]) -> dict[str, float | int]:
    """Shares of annotated features that the graph reaches.

    Returns:
        examples, tokens: the share of them that have a vector, special tokens aside; entities: how many different ones are mentioned.
    """
    reached: set[int] = set()
    entities: set[int] = set()
    tokens = with_vector = 0
    for feature in features:
        numbers = [*_flat(feature.inputs[ENTITY_IDS])]
        mentioned = [number for number in numbers if number]
        tokens += sum(text >= 0 for text in _flat(feature.text))
        with_vector += len(mentioned)
        entities.update(mentioned)
        if mentioned:
            reached.add(feature.example)
    examples = len({feature.example for feature in features})
    return {
        "examples": round(len(reached) / examples, 4) if examples else 0.0,
        "tokens": round(with_vector / tokens, 4) if tokens else 0.0,
        "entities": len(entities),
    }


def _flat(values: Sequence[Any]) -> Iterator[int]:
    """The integers of a list, or of a list of lists, one of each option."""
    for value in values:
        if isinstance(value, int):
            yield value
        else:
            yield from _flat(value)
