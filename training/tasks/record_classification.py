"""Labels of whole records: which class a paper, a note or a sentence is of, or which of several labels it has.

Files are records (`training.tasks.records`) with a column of text and one of labels, found by their usual names; or the archive of
the Hallmarks of Cancer corpus. A record has several labels where its cell is a list, or holds the separator that settings name;
then none at all is an answer too. Texts are cut to the longest row that settings allow.

One label is chosen by the highest score, several by what is likelier than not. The metric is macro-F1 of single labels, where rare
classes count as much as common ones; of several labels micro-F1, as BLURB has it (Gu et al. 2021, arXiv:2007.15779).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import MateriaError, SetAside
from pipeline.linear_text import words_and_pairs
from pipeline.readers.columns import column_key
from training.statistics.outcomes import Figure, Outcomes, count_labels, count_means
from training.tasks.base import Example, Features, Task
from training.tasks.hallmarks_of_cancer import is_hallmarks_archive, read_hallmarks
from training.tasks.loading import load_with_head, numbered
from training.tasks.records import Record, read_records

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedTokenizerFast

    from training.tasks.config import TaskDataConfig

__all__ = ["RecordClassification"]

Labels = frozenset[str]
#: Columns by what they hold, the likelier ones first.
_TEXT: Final = (
    "text", "abstract", "medical_abstract", "abstract_text", "transcription", "sentence", "note_text", "note", "report",
    "content", "body", "passage", "document", "description",
)  # fmt: skip
_LABEL: Final = (
    "label", "labels", "condition_label", "class", "category", "target", "medical_specialty", "specialty", "topic",
    "subjects", "subject",
)  # fmt: skip
_NAMED: Final = 5


class RecordClassification(Task[Labels]):
    """One label a record, or with `several` any number of them."""

    name: ClassVar[str] = "record_classification.v1"
    metric: ClassVar[str] = "macro_f1"

    def __init__(self, labels: Sequence[str], *, several: bool = False) -> None:
        super().__init__(labels)
        self.several = several
        if several:
            self.metric = "micro_f1"  # type: ignore[misc]  # of this model, not of the class

    def arguments(self) -> dict[str, Any]:
        """Whether a record may have several labels."""
        return {"several": self.several}

    @classmethod
    def read(cls, files: Sequence[str], settings: TaskDataConfig) -> Iterator[Example[Labels] | SetAside]:
        """Records with their labels; without text they are set aside (`no-text`), without a label too (`no-label`).

        Raises:
            MateriaError: a file cannot be read, or has not the columns that settings name.
        """
        for file in files:
            if is_hallmarks_archive(file):
                yield from read_hallmarks(file)
                continue
            for record in read_records(file):
                yield record if isinstance(record, SetAside) else _example(record, settings)

    @classmethod
    def learn(cls, examples: Sequence[Example[Labels]]) -> RecordClassification:
        """Labels of the examples; several where any example has another number than one.

        Raises:
            MateriaError: there are fewer than two classes.
        """
        labels = sorted(frozenset().union(*(example.target for example in examples)))
        several = any(len(example.target) != 1 for example in examples)
        if not labels or (len(labels) == 1 and not several):
            have = f"all have the label {labels[0]}" if labels else "none has a label"
            problem = f"there is nothing to tell apart among {len(examples):,} examples: {have}"
            raise MateriaError(problem, remedy="Give training files with at least two labels")
        return cls(labels, several=several)

    def check(self, examples: Sequence[Example[Labels]]) -> None:
        """Refuse labels that training lacks, and several labels where the model tells one."""
        known = frozenset(self.labels)
        strange = [example for example in examples if not example.target <= known]
        if strange:
            labels = sorted(frozenset().union(*(example.target for example in strange)) - known)
            raise MateriaError(
                f"{len(strange):,} examples have labels that training lacks ({', '.join(labels[:_NAMED])}): {_ids(strange)}",
                remedy="Take them out, or give training files that have these labels",
            )
        many = [example for example in examples if len(example.target) != 1]
        if many and not self.several:
            raise MateriaError(
                f"{len(many):,} examples have not one label, and all training examples have: {_ids(many)}",
                remedy="Give each a single label, or train on examples with several",
            )

    def make_model(self, encoder: Path, tokenizer: PreTrainedTokenizerFast) -> nn.Module:
        """AutoModelForSequenceClassification with the labels in its configuration."""
        from transformers import AutoModelForSequenceClassification

        kind = "multi_label_classification" if self.several else "single_label_classification"
        model: nn.Module = load_with_head(
            AutoModelForSequenceClassification, encoder, **numbered(self.labels), problem_type=kind
        )
        return model

    def features(
        self, examples: Sequence[Example[Labels]], tokenizer: PreTrainedTokenizerFast, max_length: int
    ) -> list[Features]:
        """A row each, cut at the end."""
        if not examples:
            return []
        texts = [example.texts[0] for example in examples]
        read = tokenizer(texts, truncation=True, max_length=max_length, return_offsets_mapping=True)
        offsets = read.pop("offset_mapping")
        made = []
        for place, example in enumerate(examples):
            text = [-1 if number is None else number for number in read.sequence_ids(place)]
            inputs = {name: values[place] for name, values in read.items()}
            made.append(Features(place, inputs, self._numbers(example.target), offsets[place], text))
        return made

    def bags(self, examples: Sequence[Example[Labels]]) -> list[list[str]]:
        """Words of the whole text, and pairs of them."""
        return [words_and_pairs(example.texts[0]) for example in examples]

    def _numbers(self, target: Labels) -> int | list[float]:
        if self.several:
            return [float(label in target) for label in self.labels]
        # What is not among the labels counts for nothing: a prediction does not ask what is right.
        return next((number for number, label in enumerate(self.labels) if label in target), -100)

    def predict(
        self, examples: Sequence[Example[Labels]], features: Sequence[Features], logits: Sequence[NDArray[np.float32]]
    ) -> list[Labels]:
        """The label of the highest score, or all that are likelier than not."""
        if self.several:
            return [
                frozenset(label for label, score in zip(self.labels, row, strict=True) if score > 0) for row in logits
            ]
        return [frozenset({self.labels[int(row.argmax())]}) for row in logits]

    def outcomes(self, examples: Sequence[Example[Labels]], predicted: Sequence[Labels]) -> Outcomes:
        """Labels right, wrong and missed, by document."""
        figure: Figure = "micro_f1" if self.several else "macro_f1"
        return count_labels(figure, [e.document for e in examples], [e.target for e in examples], predicted)

    def figures(self, examples: Sequence[Example[Labels]], predicted: Sequence[Labels]) -> dict[str, float]:
        """Macro-F1 and micro-F1, accuracy (all labels of a record right), and F1 of each label."""
        units, gold = [e.document for e in examples], [e.target for e in examples]
        macro, micro = (count_labels(name, units, gold, predicted).value() for name in ("macro_f1", "micro_f1"))
        right = [float(one == said) for one, said in zip(gold, predicted, strict=True)]
        accuracy = count_means("mean", units, right, [1.0] * len(right)).value()
        by_label = {}
        for label in self.labels:
            alone = [[labels & {label} for labels in side] for side in (gold, predicted)]
            by_label[f"f1 {label}"] = count_labels("micro_f1", units, *alone).value()
        return {"macro_f1": macro, "micro_f1": micro, "accuracy": accuracy} | by_label


def _example(record: Record, settings: TaskDataConfig) -> Example[Labels] | SetAside:
    text = _column(record, settings.text, _TEXT, "text")
    if not isinstance(text, str) or not text.strip():
        return record.set_aside("no-text", "The record has no text. Write one, or name its column as data.text.")
    labels = _labels(_column(record, settings.label, _LABEL, "label"), settings.separator)
    if labels is None:
        return record.set_aside("no-label", "The record has no label. Write one, or name its column as data.label.")
    return Example(record.id, record.document(settings.id, text), (text,), labels)


def _column(record: Record, named: str | None, usual: Sequence[str], what: str) -> Any:
    """The value in the column that settings name, or in the first of the usual ones.

    Raises:
        MateriaError: the record has no such column.
    """
    keys = [column_key(named)] if named is not None else usual
    if any(key in record.fields for key in keys):
        return record.first(keys)
    looked = f"no column {named}" if named is not None else f"none of the columns {', '.join(usual)}"
    raise MateriaError(
        f"has {looked}, but {', '.join(sorted(record.fields)) or 'none'}",
        file=record.file,
        record=record.place,
        remedy=f"Name the column of the {what}: --set data.{what}=COLUMN",
    )


def _labels(value: Any, separator: str | None) -> Labels | None:
    """The labels in a cell; None where there is none and must be one."""
    if isinstance(value, list):
        return frozenset(name for item in value if (name := _label(item)))
    name = _label(value)
    if separator is not None:
        return frozenset(part.strip() for part in name.split(separator) if part.strip())
    return frozenset({name}) if name else None


def _label(value: Any) -> str:
    """A label as text: whole numbers as such, whatever they were stored as."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip()


def _ids(examples: Sequence[Example[Any]]) -> str:
    more = f"; and {len(examples) - _NAMED:,} more" if len(examples) > _NAMED else ""
    return "; ".join(example.id for example in examples[:_NAMED]) + more
