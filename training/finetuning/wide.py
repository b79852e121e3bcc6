"""A linear model beside the encoder: wide and deep learning (Cheng et al. 2016, arXiv:1606.07792).

    logits = scores of the linear model + logits of the encoder's head

The linear model (`pipeline.linear_text`) is fitted first, and stays as it is; the encoder learns what it leaves over. The scores that
training rows are given come from models that did not see their documents (stacked generalization, Wolpert 1992): of rows that a linear
model has learned by heart it leaves nothing over. Penalty and scale are those with the least loss on these scores.

A small encoder that learns from few thousand examples reads words worse than a linear model, and adds what words alone do not say.
For a large one there is little in it. Cost: sixteen fits of the linear model, some seconds for some thousand examples.
Rejected: learning both by one optimizer, as the paper does. AdamW needs many epochs for the linear half, in which the encoder
learns its rows by heart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.errors import MateriaError
from pipeline.hashing import fraction_of
from pipeline.linear_text import LinearText, train_linear_text
from training.tasks.base import Example, Features

if TYPE_CHECKING:
    from torch import nn

    from training.tasks.base import Task

__all__ = ["add_to_logits", "fit_wide", "loss_of_logits", "with_scores"]

#: Parts of the documents, each scored by a model of the others.
_FOLDS: Final = 5
#: Penalties that are tried.
_C: Final = (3.0, 10.0, 30.0)
#: The model's argument.
_SCORES: Final = "wide_scores"


def fit_wide(task: Task[Any], examples: Sequence[Example[Any]]) -> tuple[LinearText, NDArray[np.float32]]:
    """The linear model of a task, and scores [examples, labels] of its training examples by models that did not see their documents.

    Raises:
        MateriaError: the task has no label of a whole example.
    """
    bags = task.bags(examples)
    if bags is None:
        problem = f"{task.name} gives no labels to whole examples, so there is nothing for a linear model to say"
        raise MateriaError(problem, remedy="Set wide to false")
    targets = np.array([task.has_labels(example) for example in examples])
    fold = np.array([int(fraction_of("wide fold", example.document) * _FOLDS) for example in examples])
    tried = {c: _apart(bags, targets, fold, c) for c in _C}
    scales = {c: _scale(scores, targets, several=task.several) for c, scores in tried.items()}
    best = min(_C, key=lambda c: scales[c][1])
    scale = scales[best][0]
    return train_linear_text(bags, targets, best).scaled(scale), (tried[best] * scale).astype(np.float32)


def with_scores(features: Sequence[Features], scores: NDArray[np.float32]) -> list[Features]:
    """The features with the linear model's scores [examples, labels] among their inputs."""
    rows = scores.tolist()
    return [replace(one, inputs={**one.inputs, _SCORES: rows[one.example]}) for one in features]


def add_to_logits(model: nn.Module) -> None:
    """Have a model take the scores among its inputs, and add them to its logits. Nothing of it is replaced."""
    taken: list[Tensor] = []

    def take(model: nn.Module, args: tuple[Any, ...], inputs: dict[str, Any]) -> tuple[Any, Any]:
        taken.append(inputs[_SCORES])
        return args, {name: value for name, value in inputs.items() if name != _SCORES}

    def add(model: nn.Module, args: tuple[Any, ...], output: Any) -> Any:
        output.logits = output.logits + taken[-1]
        return output

    def forget(model: nn.Module, args: tuple[Any, ...], output: object) -> None:
        taken.clear()

    model.register_forward_pre_hook(take, with_kwargs=True)
    model.register_forward_hook(add)
    model.register_forward_hook(forget, always_call=True)


def loss_of_logits(output: Any, target: Tensor, **_: Any) -> Tensor:
    """The loss as `Trainer` takes one: of the sums, which the model's own loss does not see."""
    if target.is_floating_point():
        return torch.nn.functional.binary_cross_entropy_with_logits(output.logits, target)
    return torch.nn.functional.cross_entropy(output.logits, target)


def _apart(
    bags: Sequence[Sequence[str]], targets: NDArray[np.bool_], fold: NDArray[np.int64], c: float
) -> NDArray[np.float64]:
    """Scores of each example by a model of the other folds."""
    scores = np.zeros(targets.shape)
    for number in sorted(set(fold.tolist())):
        here = fold == number
        rest, judged = ([bag for bag, is_it in zip(bags, mask, strict=True) if is_it] for mask in (~here, here))
        if rest:
            scores[here] = train_linear_text(rest, targets[~here], c).scores(judged)
    return scores


def _scale(scores: NDArray[np.float64], targets: NDArray[np.bool_], *, several: bool) -> tuple[float, float]:
    """The scale with the least loss, and that loss."""
    from scipy.optimize import minimize_scalar

    logits = torch.from_numpy(scores)
    target = torch.from_numpy(targets.astype(np.float64) if several else targets.argmax(axis=1))

    def loss(log_scale: float) -> float:
        found = torch.nn.functional.binary_cross_entropy_with_logits if several else torch.nn.functional.cross_entropy
        return float(found(logits * float(np.exp(log_scale)), target))

    found = minimize_scalar(loss, bounds=(-4.0, 4.0), method="bounded")
    return float(np.exp(found.x)), float(found.fun)
