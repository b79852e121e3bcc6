"""The table of tasks, by the name a configuration uses. To add one: one file, one line here and one in `config`.

A task is imported when it is asked for, so that a command that trains one loads no other.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from training.tasks.config import TaskName

if TYPE_CHECKING:
    from training.tasks.base import Task

__all__ = ["TASKS"]


class _Tasks(Mapping[TaskName, "type[Task[Any]]"]):
    """The classes by name; each lies in the module of the task's name."""

    def __init__(self, classes: Mapping[TaskName, str]) -> None:
        self._classes = classes

    def __getitem__(self, name: TaskName) -> type[Task[Any]]:
        found: type[Task[Any]] = getattr(importlib.import_module(f"training.tasks.{name}"), self._classes[name])
        return found

    def __iter__(self) -> Iterator[TaskName]:
        return iter(self._classes)

    def __len__(self) -> int:
        return len(self._classes)


TASKS: Final[Mapping[TaskName, type[Task[Any]]]] = _Tasks(
    {
        "entity_recognition": "EntityRecognition",
        "relation_extraction": "RelationExtraction",
        "question_answering": "QuestionAnswering",
        "multiple_choice": "MultipleChoice",
        "extractive_question_answering": "ExtractiveQuestionAnswering",
        "record_classification": "RecordClassification",
    }
)
