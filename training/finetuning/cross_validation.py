"""Cross-validation by document, and the spread of figures over folds or seeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.errors import MateriaError
from training.finetuning.examples import folds, read_parts
from training.finetuning.finetune import train
from training.finetuning.fit import OnStep, reproducible
from training.tasks.table import TASKS

if TYPE_CHECKING:
    from training.finetuning.config import FinetuningConfig
    from training.finetuning.fusion.sources import GraphSources

__all__ = ["cross_validate", "spread"]


def cross_validate(
    config: FinetuningConfig,
    number: int,
    *,
    model: Path,
    graph: GraphSources | None = None,
    on_step: OnStep = lambda step, steps: None,
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Figures of so many trainings, each judged on the documents that it did not see; nothing is written.

    Returns:
        as `finetune`, with folds (the figures of each) and test (those of all predictions together) in place of how the
        training went and of validation.

    Raises:
        MateriaError: as `finetune`; or test files are named.
    """
    if config.data.test or config.data.validation:
        problem = "folds of the training files are judged on, and validation or test files are named"
        raise MateriaError(problem, remedy="Leave out these files, or the folds")
    progress("reading")
    whole = read_parts(TASKS[config.task], config.data.model_copy(update={"validation_share": 0.0, "test_share": 0.0}))
    figures: list[dict[str, float]] = []
    examples: list[Any] = []
    predicted: list[Any] = []
    for place, parts in enumerate(folds(whole, number, config.data), start=1):

        def say(text: str, place: int = place) -> None:
            progress(f"fold {place} of {number}: {text}")

        finetuned, _ = train(config, parts, model=model, graph=graph, on_step=on_step, progress=say)
        with reproducible(config):
            said = finetuned.predict(parts.test)
        figures.append(finetuned.task.figures(parts.test, said))
        examples += parts.test
        predicted += said
    return {
        "task": finetuned.task.name,
        "labels": list(finetuned.task.labels),
        "examples": whole.counts(),
        "set_aside": whole.aside(),
        "set_aside_rows": whole.aside_rows(),
        "metric": finetuned.task.metric,
        "folds": figures,
        "test": finetuned.task.figures(examples, predicted),
    }


def spread(figures: Sequence[dict[str, float]]) -> dict[str, tuple[float, float]]:
    """Mean and standard deviation (of a sample) of each figure over several trainings."""
    return {
        name: (float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else 0.0)
        for name in figures[0]
        if (values := [one[name] for one in figures if name in one])
    }
