"""A fine-tuned model: what it says of examples, and the folder it lies in.

config.json, model.safetensors, tokenizer files   as the library writes them: AutoModelFor... loads them
materia_task.json                                 task, labels, settings, hashes of what it was made from, figures
graph_fusion.json, graph_fusion.safetensors       graph vectors, where it has any
wide.safetensors                                  a linear model beside the encoder, where it has one
README.md                                         the model card
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import MateriaError
from pipeline.linear_text import LinearText, load_linear_text
from pipeline.quiet_loading import quiet
from training.statistics.outcomes import Outcomes
from training.tasks.base import Example, Features, Task
from training.tasks.table import TASKS

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

    from training.finetuning.fusion.fusion import GraphFusion

__all__ = ["SCHEMA", "Finetuned", "load_finetuned", "read_record", "save_finetuned"]

SCHEMA: Final = "materia_task.v1"
_RECORD: Final = "materia_task.json"
Target = TypeVar("Target")


@dataclass(frozen=True)
class Finetuned(Generic[Target]):
    """A model for a task.

    Attributes:
        task: with the labels it tells apart.
        model: what `task.make_model` made.
        tokenizer: the encoder's.
        max_length: tokens of a row.
        fusion: graph vectors in its encoder, where it has any.
        wide: a linear model whose scores are added to its logits, where it has one.
    """

    task: Task[Target]
    model: Any
    tokenizer: PreTrainedTokenizerFast
    max_length: int
    fusion: GraphFusion | None = None
    wide: LinearText | None = None

    def features(self, examples: Sequence[Example[Target]]) -> list[Features]:
        """What the model reads of the examples."""
        features = self.task.features(examples, self.tokenizer, self.max_length)
        return features if self.fusion is None else self.fusion.annotate(examples, features)

    def logits(self, examples: Sequence[Example[Target]], features: Sequence[Features]) -> list[NDArray[np.float32]]:
        """Scores of each of the features: the model's, and those of the linear model beside it."""
        from training.finetuning.predictions import logits_of

        logits = logits_of(self.model, self.tokenizer, features)
        if self.wide is None:
            return logits
        wide = self.wide_scores(examples)
        return [row + wide[feature.example] for row, feature in zip(logits, features, strict=True)]

    def wide_scores(self, examples: Sequence[Example[Target]]) -> NDArray[np.float32]:
        """What its linear model says of the examples [examples, labels]."""
        if self.wide is None:
            raise ValueError("there is no linear model beside it")
        return self.wide.scores(self.task.bags(examples) or [])

    def predict(self, examples: Sequence[Example[Target]]) -> list[Target]:
        """What the model says of each example; their targets are not looked at."""
        return self.predict_features(examples, self.features(examples))

    def predict_features(self, examples: Sequence[Example[Target]], features: Sequence[Features]) -> list[Target]:
        """The same from features that are there already."""
        return self.task.predict(examples, features, self.logits(examples, features))

    def outcomes(self, examples: Sequence[Example[Target]]) -> Outcomes:
        """What it gets right and wrong, by document."""
        return self.task.outcomes(examples, self.predict(examples))

    def figures(self, examples: Sequence[Example[Target]]) -> dict[str, float]:
        """The task's figures; none where there are no examples."""
        return self.task.figures(examples, self.predict(examples)) if examples else {}


def save_finetuned(finetuned: Finetuned[Any], folder: Path, record: Mapping[str, Any], card: str) -> None:
    """Write the model with its record and card.

    Args:
        folder: does not exist yet.
        record: what materia_task.json says beside the task.
        card: the README.md.
    """
    fusion, model = finetuned.fusion, finetuned.model
    if fusion is not None:
        from training.finetuning.fusion.attach import detach

        detach(model)  # so that the model is written as its class alone
    with quiet():
        model.save_pretrained(folder)
    finetuned.tokenizer.model_max_length = finetuned.max_length  # so that others read rows as long as it was trained on
    finetuned.tokenizer.save_pretrained(folder)
    if fusion is not None:
        fusion.save(folder)
        fusion.attach(model)
    if finetuned.wide is not None:
        finetuned.wide.save(folder)
    described = {
        "schema": SCHEMA,
        "task": finetuned.task.name,
        "labels": list(finetuned.task.labels),
        "arguments": finetuned.task.arguments(),
        "max_length": finetuned.max_length,
        **record,
    }
    text = json.dumps(described, indent=1, sort_keys=True, ensure_ascii=False)
    (folder / _RECORD).write_text(text + "\n", encoding="utf-8")
    (folder / "README.md").write_text(card, encoding="utf-8")
    for tensors in folder.glob("*.safetensors"):
        shutil.copymode(folder / _RECORD, tensors)  # safetensors shuts out every other user


def load_finetuned(folder: Path, vocabulary: Sequence[str] = ()) -> Finetuned[Any]:
    """The model in a folder that `finetune` wrote.

    Args:
        folder: see above.
        vocabulary: where the model has graph vectors, the vocabulary that mentions were found by in training.

    Raises:
        MateriaError: there is none, it is of another version, or not complete; or the vocabulary is another one.
    """
    from training.data.tokenizers import load_tokenizer

    described = read_record(folder)
    task = TASKS[described["settings"]["task"]](tuple(described["labels"]), **described["arguments"])
    if task.name != described["task"]:
        problem = f"was fine-tuned for {described['task']}, and this version of Materia knows {task.name}"
        raise MateriaError(problem, file=str(folder), remedy="Fine-tune it again")
    tokenizer = load_tokenizer(str(folder))
    model = task.make_model(folder, tokenizer)
    fusion = None
    if (folder / "graph_fusion.json").exists():
        from training.finetuning.fusion.fusion import load_fusion

        fusion = load_fusion(folder, vocabulary)
        if fusion is not None:
            fusion.attach(model)
    model.eval()
    return Finetuned(task, model, tokenizer, described["max_length"], fusion, load_linear_text(folder))


def read_record(folder: Path) -> dict[str, Any]:
    """The record of a fine-tuned model.

    Raises:
        MateriaError: there is none, or it is none that this version knows.
    """
    try:
        described: dict[str, Any] = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
        known = described["schema"] == SCHEMA and described["settings"]["task"] in TASKS
        _ = described["task"], described["labels"], described["arguments"], described["max_length"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _none(folder, str(error).splitlines()[0]) from error
    if not known:
        raise _none(folder, "it is of another version")
    return described


def _none(folder: Path, why: str) -> MateriaError:
    problem = f"holds no fine-tuned model ({why})"
    return MateriaError(problem, file=str(folder), remedy="Give a folder that materia finetune wrote")
