"""A fine-tuned model: what it says of examples, and the folder it lies in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from training.statistics.outcomes import Outcomes
from training.tasks.base import Example, Features, Task

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedTokenizerFast

__all__ = ["Finetuned", "Fusion", "load_finetuned", "save_finetuned"]

Target = TypeVar("Target")


class Fusion(Protocol):
    """Graph vectors in the encoder of a model (`training.finetuning.fusion`)."""

    def annotate(self, examples: Sequence[Example[Any]], features: Sequence[Features]) -> list[Features]:
        """The features with `entity_ids` among their inputs: of each token the entity it mentions, 0 for none."""

    def save(self, folder: Path) -> None:
        """Write graph_fusion.safetensors and graph_fusion.json."""


@dataclass(frozen=True)
class Finetuned(Generic[Target]):
    """A model for a task.

    Attributes:
        task: with the labels it tells apart.
        model: what `task.make_model` made, trained.
        tokenizer: the encoder's.
        max_length: tokens of a row.
        fusion: graph vectors in its encoder, where it has any.
    """

    task: Task[Target]
    model: nn.Module
    tokenizer: PreTrainedTokenizerFast
    max_length: int
    fusion: Fusion | None = None

    def features(self, examples: Sequence[Example[Target]]) -> list[Features]:
        """What the model reads of the examples."""
        features = self.task.features(examples, self.tokenizer, self.max_length)
        return features if self.fusion is None else self.fusion.annotate(examples, features)

    def predict(self, examples: Sequence[Example[Target]]) -> list[Target]:
        """What the model says of each example; their targets are not looked at."""
        raise NotImplementedError

    def outcomes(self, examples: Sequence[Example[Target]]) -> Outcomes:
        """What it gets right and wrong, by document."""
        return self.task.outcomes(examples, self.predict(examples))


def save_finetuned(finetuned: Finetuned[Any], folder: Path, *, record: Mapping[str, Any]) -> None:
    """Write the model as the library does, its tokenizer, materia_task.json and README.md."""
    raise NotImplementedError


def load_finetuned(folder: Path) -> Finetuned[Any]:
    """The model in a folder that `finetune` wrote.

    Raises:
        MateriaError: there is none, or it is not complete.
    """
    raise NotImplementedError
