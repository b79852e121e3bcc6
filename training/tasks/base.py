"""What a task is: examples from files, a Hugging Face model with the right head, features for it, and outcomes of what it said.

A task knows neither optimizer nor graph: `training.finetuning` trains any of them, with or without graph vectors in the
encoder, and `training.evaluation` judges any of them. The model is the library's own class where it has one, so the folder
loads by `AutoModelFor...` without this project.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import SetAside
from training.statistics.outcomes import Outcomes

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedTokenizerFast

    from training.tasks.config import TaskDataConfig

__all__ = ["REFUSED", "Example", "Features", "Target", "Task"]

#: Why rows are set aside, where a whole file with such rows is refused.
REFUSED: Final = ("no-label", "span-outside-text")

Target = TypeVar("Target")


@dataclass(frozen=True, slots=True)
class Example(Generic[Target]):
    """One thing to learn from or to judge.

    Attributes:
        id: file and record, as a person finds it.
        document: what it is from: a paper's CURIE where it has one. Splits, folds and bootstrap draw documents.
        texts: one text; or a question and its context; or a question and its options.
        target: what is to be said of it.
        marks: [start, end) of what is asked about in the first text, where the task marks something.
    """

    id: str
    document: str
    texts: tuple[str, ...]
    target: Target
    marks: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Features:
    """What the model reads of an example: a row, or a window of a long text.

    Attributes:
        example: its place among the examples.
        inputs: by name of the model's argument: input_ids, attention_mask and so on, without padding.
        labels: as the model takes them.
        offsets: [start, end) in its text of each token, (0, 0) of special ones; of multiple choice, of each option.
        text: which of the texts each token is of; -1 of special ones.
    """

    example: int
    inputs: dict[str, list[Any]]
    labels: Any
    offsets: list[Any]
    text: list[Any]


class Task(ABC, Generic[Target]):
    """A task with the labels it tells apart."""

    #: Name and version, as records state it.
    name: ClassVar[str]
    #: What the figure is called that tables show and early stopping watches, as `Outcomes.figure` or a word such as accuracy.
    metric: ClassVar[str]
    #: Whether an example may have any number of its labels.
    several: bool = False

    def __init__(self, labels: Sequence[str]) -> None:
        self.labels = tuple(labels)

    def arguments(self) -> dict[str, Any]:
        """What its class is called with beside the labels, as JSON: so is a task loaded again."""
        return {}

    @classmethod
    @abstractmethod
    def read(cls, files: Sequence[str], settings: TaskDataConfig) -> Iterator[Example[Target] | SetAside]:
        """Examples of files, in their order; what cannot be used is set aside with its reason.

        Of the reasons, `no-label` and `span-outside-text` (REFUSED) are mistakes of whoever made the file: fine-tuning refuses it.

        Raises:
            MateriaError: a file does not exist, or is of no form that the task reads.
        """

    @classmethod
    @abstractmethod
    def learn(cls, examples: Sequence[Example[Target]]) -> Self:
        """The task with the labels that the training examples have, sorted.

        Raises:
            MateriaError: there is nothing to tell apart (one class only).
        """

    @abstractmethod
    def check(self, examples: Sequence[Example[Target]]) -> None:
        """Refuse examples with a label that the training examples lack.

        Raises:
            MateriaError: names the labels, and the first examples that have them.
        """

    @abstractmethod
    def make_model(self, encoder: Path, tokenizer: PreTrainedTokenizerFast) -> nn.Module:
        """The model: the encoder of a folder under a new head, whose weights come from torch's global seed.

        Of the folder of a model that was fine-tuned for this task, that model (`training.tasks.loading`).
        """

    @abstractmethod
    def features(
        self, examples: Sequence[Example[Target]], tokenizer: PreTrainedTokenizerFast, max_length: int
    ) -> list[Features]:
        """What the model reads of the examples, in their order; long texts as windows or cut, as suits the task."""

    def bags(self, examples: Sequence[Example[Target]]) -> list[list[str]] | None:
        """What a linear model reads of each example (`pipeline.linear_text`); None: the task gives no labels to whole examples."""
        return None

    def has_labels(self, example: Example[Target]) -> list[bool]:
        """Of a task with `bags`: which of its labels an example has."""
        has = example.target if isinstance(example.target, frozenset) else {example.target}
        return [label in has for label in self.labels]

    def unlearned(self, examples: Sequence[Example[Target]], tokenizer: PreTrainedTokenizerFast) -> dict[str, int]:
        """How many parts of the examples' targets features cannot say as they stand, by reason; they are judged all the same."""
        return {}

    @abstractmethod
    def predict(
        self, examples: Sequence[Example[Target]], features: Sequence[Features], logits: Sequence[NDArray[np.float32]]
    ) -> list[Target]:
        """What the model says of each example.

        Args:
            logits: of each of the features, without padding.
        """

    def calibrate(
        self, examples: Sequence[Example[Target]], features: Sequence[Features], logits: Sequence[NDArray[np.float32]]
    ) -> None:
        """Learn from validation examples how sure the trained model may be; few tasks say how sure they are."""
        return

    @abstractmethod
    def outcomes(self, examples: Sequence[Example[Target]], predicted: Sequence[Target]) -> Outcomes:
        """What is right and wrong, by document; its `value()` is the task's metric."""

    def figures(self, examples: Sequence[Example[Target]], predicted: Sequence[Target]) -> dict[str, float]:
        """The metric, and what else people look at: by label, accuracy, exact match."""
        return {self.metric: self.outcomes(examples, predicted).value()}
