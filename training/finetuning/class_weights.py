"""A loss in which rare labels count more: each class as much as any other over the whole of the training rows.

Weights are those that scikit-learn calls balanced: rows / (classes x rows of the class). With several labels a row, what a
row has of a label weighs as much as what the others lack of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from pipeline.errors import MateriaError
from training.tasks.base import Features

if TYPE_CHECKING:
    from training.tasks.base import Task

__all__ = ["balanced_loss"]


def balanced_loss(task: Task[Any], features: Sequence[Features]) -> Callable[..., Tensor]:
    """The loss as `Trainer` takes one: of an output, the labels, and what it calls num_items_in_batch.

    Raises:
        MateriaError: the task has no classes to weigh.
    """
    labels = [feature.labels for feature in features]
    several = isinstance(labels[0], list) and isinstance(labels[0][0], float)
    if isinstance(labels[0], dict) or not task.labels:
        problem = f"there are no classes to weigh in {task.name}"
        raise MateriaError(problem, remedy="Set class_weights to none")
    if several:
        has = torch.tensor(labels).sum(0)
        ratio = (len(labels) - has) / has.clamp_min(1)
        binary = torch.nn.BCEWithLogitsLoss(pos_weight=ratio)
        return lambda output, target, **_: binary.to(target.device)(output.logits, target)
    flat = torch.tensor([n for label in labels for n in (label if isinstance(label, list) else [label]) if n >= 0])
    counts = torch.bincount(flat).float()
    weights = counts.sum() / (counts.count_nonzero() * counts.clamp_min(1))

    def loss(output: Any, target: Tensor, **_: Any) -> Tensor:
        # A head may tell classes that no row has; what these weigh is never asked.
        missing = output.logits.shape[-1] - len(weights)
        padded = torch.nn.functional.pad(weights, (0, missing), value=1.0).to(target.device)
        return torch.nn.functional.cross_entropy(output.logits.flatten(0, -2), target.flatten(), weight=padded)

    return loss
