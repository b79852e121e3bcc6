"""A linear model beside the encoder: wide and deep learning (Cheng et al. 2016, arXiv:1606.07792), as the paper's ensemble.

    logits = logits of the encoder's head + weight * scores of the linear model

Encoder and linear model (`pipeline.linear_text`) learn from the same training examples, each for itself; the encoder's training
is the same with it and without. Then penalty and weight are those with the least loss on the validation examples, which neither
has learned from; with these the linear model learns once more, from train and validation together, as a search over penalties
does in the end everywhere. The weight goes into the linear model, so that a sum is all that is left to do.

A small encoder that learns from few thousand examples reads words worse than a linear model, and adds little that words alone do not say
(docs/finetuning.md); large encoders were not measured. Cost: four fits of the linear model, some seconds for some thousand examples.
Rejected: an encoder that learns what the linear model leaves over, from scores of models that did not see a row's document. It learns
by heart what is left (ChemProt sentences, validation micro-F1: linear model .740, with the encoder .729 after one epoch, .634 after four).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import MateriaError
from pipeline.linear_text import LinearText, train_linear_text
from training.tasks.base import Example

if TYPE_CHECKING:
    from training.finetuning.examples import Parts
    from training.tasks.base import Task

__all__ = ["check_wide", "fit_wide"]

#: Penalties that are tried.
_C: Final = (3.0, 10.0, 30.0)
#: Between what the weights of encoder and linear model lie.
_BOUNDS: Final = ((0.01, 10.0), (0.01, 10.0))


@dataclass(frozen=True)
class _Weights:
    """Weights of the encoder and of the linear model, and the loss that they leave."""

    deep: float
    wide: float
    loss: float


def check_wide(task: Task[Any], parts: Parts[Any]) -> None:
    """Refuse, before anything is trained, what no linear model can stand beside.

    Raises:
        MateriaError: the task has no labels of whole examples, or there is nothing to weigh the two by.
    """
    if task.bags(()) is None:
        problem = f"{task.name} gives no labels to whole examples, so there is nothing for a linear model to say"
        raise MateriaError(problem, remedy="Set wide to false")
    if not parts.validation:
        problem = "encoder and linear model are weighed on validation examples, and there are none"
        raise MateriaError(problem, remedy="Give --validation FILE, or set data.validation_share")


def fit_wide(
    task: Task[Any],
    train: Sequence[Example[Any]],
    validation: Sequence[Example[Any]],
    logits: Sequence[NDArray[np.float32]],
) -> LinearText:
    """The linear model of a task, with its weight in it.

    Args:
        train: what it learns from at first.
        validation: what it is weighed by, and learns from in the end.
        logits: of the encoder, of each validation example.
    """
    bags, targets = _bags(task, train), _targets(task, train)
    judged, right, deep = _bags(task, validation), _targets(task, validation), np.stack(logits).astype(np.float64)
    models = [train_linear_text(bags, targets, c) for c in _C]
    weighed = [_weigh(deep, model.scores(judged).astype(np.float64), right, several=task.several) for model in models]
    best = min(range(len(_C)), key=lambda place: weighed[place].loss)
    whole = train_linear_text([*bags, *judged], np.concatenate([targets, right]), _C[best])
    return whole.scaled(weighed[best].wide / weighed[best].deep)


def _bags(task: Task[Any], examples: Sequence[Example[Any]]) -> list[list[str]]:
    return task.bags(examples) or []


def _targets(task: Task[Any], examples: Sequence[Example[Any]]) -> NDArray[np.bool_]:
    return np.array([task.has_labels(example) for example in examples])


def _weigh(
    deep: NDArray[np.float64], wide: NDArray[np.float64], targets: NDArray[np.bool_], *, several: bool
) -> _Weights:
    """The weights with the least cross-entropy; it is convex in them."""
    from scipy.optimize import minimize
    from scipy.special import logsumexp

    def loss(weights: NDArray[np.float64]) -> float:
        logits = weights[0] * deep + weights[1] * wide
        if several:
            return float((np.logaddexp(0, logits) - targets * logits).mean())
        return float((logsumexp(logits, axis=1) - (targets * logits).sum(axis=1)).mean())

    found = minimize(loss, [1.0, 1.0], method="L-BFGS-B", bounds=_BOUNDS)
    return _Weights(float(found.x[0]), float(found.x[1]), float(found.fun))
