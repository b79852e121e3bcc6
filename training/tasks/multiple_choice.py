"""Questions with options of which one is right, as MedQA and MedMCQA ask them.

Shapes: MedQA (Jin et al. 2021, https://github.com/jind11/MedQA): `question`, `options` by letter or as a list, `answer_idx` a letter;
MedMCQA (Pal et al. 2022, https://github.com/medmcqa/medmcqa): `opa` to `opd` and `cop`, which counts from 1 in the
authors' files and from 0 in the hub's; a file's own values tell which, and one where neither 0 nor the last is an answer is refused.
`answer` is an option's text, its letter, or its number from 0. A `context` is optional and read before the question.

The model scores each option beside its question. What comes before the last sentence of the question (the case it tells, its context) is
cut at its beginning where there is no room; that sentence and the options never are. Where examples have fewer options
than others, empty ones, which are never right, fill them up: the library's loss takes one number of options a batch.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import MateriaError, SetAside
from pipeline.readers.columns import column_key
from training.statistics.outcomes import Outcomes, count_means
from training.tasks.base import Example, Features, Task
from training.tasks.loading import load_with_head
from training.tasks.pairs import check_room, encode_pairs, named
from training.tasks.question_answering import CONTEXTS, QUESTIONS, context_of
from training.tasks.records import Record, read_records

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedTokenizerFast

    from training.tasks.config import TaskDataConfig

__all__ = ["MultipleChoice"]

_OPTIONS: Final = ("options", "choices")
_OPTION: Final = re.compile(r"(?:op|option_?)([a-z])")
#: Columns of the answer's letter, and of what may be its text; the former count where both are there.
_NAMES: Final = ("answer_idx", "answerkey", "answer_key")
_ANSWERS: Final = ("answer", "label")
_SENTENCE: Final = re.compile(r"(?<=[.?!])\s+(?=\S)|(?<=[。？！])(?=\S)")


class MultipleChoice(Task[int]):
    """The place of the right option."""

    name = "multiple_choice.v1"
    metric = "accuracy"

    @classmethod
    def read(cls, files: Sequence[str], settings: TaskDataConfig) -> Iterator[Example[int] | SetAside]:
        """Examples of files; set aside: `no-question`, `too-few-options`, `no-label`, `unknown-label`, and what is no record.

        Raises:
            MateriaError: a file's `cop` may count from 0 or from 1.
        """
        for file in files:
            records = list(read_records(file))
            first = _first_number(file, [record for record in records if isinstance(record, Record)], settings)
            for record in records:
                yield record if isinstance(record, SetAside) else _example(record, settings, first)

    @classmethod
    def learn(cls, examples: Sequence[Example[int]]) -> Self:
        """The task; options are not classes, so it has no labels. Each is scored by what it says, wherever it stands."""
        if not examples:
            raise MateriaError("there are no questions to learn from", remedy="Give files with questions and options")
        return cls(())

    def check(self, examples: Sequence[Example[int]]) -> None:
        """Any options can be scored."""

    def make_model(self, encoder: Path, tokenizer: PreTrainedTokenizerFast) -> nn.Module:
        """The library's scorer of options."""
        from transformers import AutoModelForMultipleChoice

        model: nn.Module = load_with_head(AutoModelForMultipleChoice, encoder)
        return model

    def features(
        self, examples: Sequence[Example[int]], tokenizer: PreTrainedTokenizerFast, max_length: int
    ) -> list[Features]:
        """A row for each, of a row for each of its options."""
        if not examples:
            return []
        most = max(len(example.texts) for example in examples) - 1
        owners = [example for example in examples for _ in range(most)]
        options = [
            text for example in examples for text in (*example.texts[1:], *[""] * (most + 1 - len(example.texts)))
        ]
        stems = [example.texts[0] for example in owners]
        check_room(options, owners, tokenizer, max_length, what="option")
        rows = encode_pairs(tokenizer, stems, options, cut="only_first", side="left", max_length=max_length)
        cut = [example for example, row in zip(owners, rows, strict=True) if _begins(row) > _last_sentence(example)]
        if cut:
            raise MateriaError(
                "the last sentence of the question and an option are longer than a row (max_length "
                f"{max_length}): {named(list(dict.fromkeys(cut)))}",
                remedy="Raise max_length, or take these out",
            )
        return [
            _joined(number, [*rows[number * most : (number + 1) * most]], example.target)
            for number, example in enumerate(examples)
        ]

    def predict(
        self, examples: Sequence[Example[int]], features: Sequence[Features], logits: Sequence[NDArray[np.float32]]
    ) -> list[int]:
        """The best option of each; empty ones are passed over."""
        return [
            int(np.argmax(scores[: len(example.texts) - 1])) for example, scores in zip(examples, logits, strict=True)
        ]

    def outcomes(self, examples: Sequence[Example[int]], predicted: Sequence[int]) -> Outcomes:
        """Right answers, by document."""
        right = [float(example.target == said) for example, said in zip(examples, predicted, strict=True)]
        return count_means("mean", [example.document for example in examples], right, [1.0] * len(right))


def _joined(example: int, rows: Sequence[Features], target: int) -> Features:
    return Features(
        example=example,
        inputs={name: [row.inputs[name] for row in rows] for name in rows[0].inputs},
        labels=target,
        offsets=[row.offsets for row in rows],
        text=[[option if place == 1 else place for place in row.text] for option, row in enumerate(rows, 1)],
    )


def _begins(row: Features) -> int:
    """Where what is left of the question begins."""
    return min((start for (start, _), text in zip(row.offsets, row.text, strict=True) if text == 0), default=0)


def _last_sentence(example: Example[int]) -> int:
    """Where the last sentence of the question starts."""
    return max((match.end() for match in _SENTENCE.finditer(example.texts[0])), default=0)


def _example(record: Record, settings: TaskDataConfig, first: int) -> Example[int] | SetAside:
    question = record.get(QUESTIONS)
    if not isinstance(question, str) or not question.strip():
        return record.set_aside("no-question", "The record asks nothing. Give it a question.")
    options = _options(record)
    stated = [place for place, (_, text) in enumerate(options) if text]
    if len(stated) < 2:
        said = f"The question has {len(stated)} option{'s' * (len(stated) != 1)}. Give it at least two."
        return record.set_aside("too-few-options", said)
    column, given = _given(record, settings)
    if given is None:
        return record.set_aside("no-label", "The question has no answer. Say which option is right.")
    place = _place(given, options, first if column == "cop" else 0, is_name=column in _NAMES)
    if place not in stated:
        said = f"The answer {str(given)[:40]!r} is none of the options. Correct it."
        return record.set_aside("unknown-label", said)
    context = context_of(record.column(settings.text, CONTEXTS, "data.text"))
    stem = f"{context} {question.strip()}".strip()
    texts = (stem, *(options[place][1] for place in stated))
    return Example(record.id, record.document(settings.id, context or stem), texts, stated.index(place))


def _options(record: Record) -> list[tuple[str, str]]:
    """Name and text of each option, "" where it says nothing."""
    value = record.get(_OPTIONS)
    if isinstance(value, str):  # in a cell
        try:
            value = json.loads(value)
        except ValueError:
            value = None
    if isinstance(value, dict) and isinstance(value.get("text"), list):  # as ARC has them
        value = dict(zip(value.get("label") or _letters(value["text"]), value["text"], strict=False))
    elif isinstance(value, list) and all(isinstance(item, dict) for item in value):
        value = {item.get("key"): item.get("value") for item in value}
    elif isinstance(value, list):
        value = dict(zip(_letters(value), value, strict=True))
    if not isinstance(value, dict):
        found = ((match[1], text) for name, text in record.fields.items() if (match := _OPTION.fullmatch(name)))
        value = dict(sorted(found))
    return [(str(name), "" if text is None else str(text).strip()) for name, text in value.items()]


def _letters(texts: Sequence[Any]) -> list[str]:
    return [chr(ord("a") + place) for place in range(len(texts))]


def _given(record: Record, settings: TaskDataConfig) -> tuple[str, Any]:
    """The column of the answer and what it says; None where it says nothing, or -1, as MedMCQA hides answers."""
    for column in (settings.label,) if settings.label else (*_NAMES, "cop", *_ANSWERS):
        value = record.column(settings.label, (column,), "data.label")
        if value is not None and str(value) not in ("-1", "-1.0"):
            return column_key(column), value
    return "", None


def _place(given: Any, options: Sequence[tuple[str, str]], first: int, *, is_name: bool) -> int:
    """The place of the option that an answer names, quotes or numbers; -1 where it is none."""
    said = str(given).strip().removesuffix(".0").casefold()
    names, texts = ([part.casefold() for part in parts] for parts in zip(*options, strict=True))
    for known in (names, texts) if is_name else (texts, names):
        if said in known:
            return known.index(said)
    return int(said) - first if said.isdecimal() and int(said) - first < len(options) else -1


def _first_number(file: str, records: Sequence[Record], settings: TaskDataConfig) -> int:
    """What `cop` counts from in a file."""
    found = [(record, int(cop)) for record in records if (cop := _cop(record, settings)) is not None]
    zeros = [record for record, cop in found if cop == 0]
    lasts = [record for record, cop in found if cop == len(_options(record))]
    if found and bool(zeros) == bool(lasts):
        why = (
            f"it is 0 in {zeros[0].place} and {len(_options(lasts[0]))} in {lasts[0].place}"
            if zeros
            else "no row tells"
        )
        raise MateriaError(
            f"cop counts from 0 or from 1, and {why}", file=file, remedy="Give the answers as letters, in answer_idx"
        )
    return 1 if lasts else 0


def _cop(record: Record, settings: TaskDataConfig) -> str | None:
    column, value = _given(record, settings)
    said = str(value).strip().removesuffix(".0")
    return said if column == "cop" and said.isdecimal() else None
