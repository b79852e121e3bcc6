"""What a user may set about the data of a task. This module imports no torch. Unknown keys are errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["TaskDataConfig", "TaskName"]

TaskName = Literal[
    "entity_recognition",
    "relation_extraction",
    "question_answering",
    "multiple_choice",
    "extractive_question_answering",
    "record_classification",
]


class TaskDataConfig(BaseModel):
    """Files of a task, and what their columns are called."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    train: tuple[str, ...] = Field((), description="files to learn from")
    validation: tuple[str, ...] = Field((), description="files that early stopping watches; none: a share of train")
    test: tuple[str, ...] = Field((), description="files to judge on; none: a share of train")
    validation_share: float = Field(
        0.1, ge=0, lt=1, description="share of the training documents, by hash, where there are no validation files"
    )
    test_share: float = Field(0.2, ge=0, lt=1, description="likewise, where there are no test files")
    text: str | None = Field(None, description="column of the text; none: found by its usual names")
    label: str | None = Field(None, description="column of the label; none: found by its usual names")
    id: str | None = Field(None, description="column of the document; none: found by its usual names, else the row")
    separator: str | None = Field(None, description="what stands between several labels in a cell; none: one label")

    def with_paths(self, whole: Callable[[str], str]) -> TaskDataConfig:
        """The same with the paths of its files written whole."""
        files = {name: tuple(map(whole, getattr(self, name))) for name in ("train", "validation", "test")}
        return self.model_copy(update=files)
