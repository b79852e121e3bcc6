"""The examples of a task's files in three parts: to learn from, to stop by, to judge on. No document and no text is in two.

Parts that have no files of their own are a share of the training documents, chosen by a hash of the document, so that a file that
grows moves nothing from one part to another. Documents with the same text go together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from pipeline.errors import MateriaError, SetAside
from pipeline.hashing import fraction_of, hash_fields
from training.tasks.base import REFUSED, Example, Task

if TYPE_CHECKING:
    from training.tasks.config import TaskDataConfig

__all__ = ["Examples", "Parts", "folds", "learn_task", "read_examples", "read_parts"]

Target = TypeVar("Target")
#: Rows that a message names.
_NAMED: Final = 5
_WORDS: Final = {"train": "training", "validation": "validation", "test": "test"}


@dataclass(frozen=True)
class Examples(Generic[Target]):
    """Examples of files, in their order, and what of the files could not be used."""

    examples: tuple[Example[Target], ...]
    set_aside: tuple[SetAside, ...] = ()


@dataclass(frozen=True)
class Parts(Generic[Target]):
    """Examples by what they are for. `labelled` are those whose labels the model gets: all that are in the training files."""

    train: tuple[Example[Target], ...]
    validation: tuple[Example[Target], ...]
    test: tuple[Example[Target], ...]
    labelled: tuple[Example[Target], ...]
    set_aside: tuple[SetAside, ...] = ()

    def counts(self) -> dict[str, dict[str, int]]:
        """Examples and documents of each part."""
        return {
            name: {"examples": len(part), "documents": len({example.document for example in part})}
            for name, part in (("train", self.train), ("validation", self.validation), ("test", self.test))
        }

    def aside(self) -> dict[str, int]:
        """How many rows were set aside, by reason."""
        return dict(sorted(Counter(one.reason for one in self.set_aside).items()))

    def aside_rows(self) -> list[dict[str, str]]:
        """The first rows that were set aside for each reason, as far as a message names rows: file, record, reason, detail."""
        by_reason = {reason: [one for one in self.set_aside if one.reason == reason] for reason in self.aside()}
        return [asdict(one) for rows in by_reason.values() for one in rows[:_NAMED]]


def read_examples(task: type[Task[Target]], files: Sequence[str], settings: TaskDataConfig) -> Examples[Target]:
    """The examples of files.

    Raises:
        MateriaError: a file cannot be read, holds no example, or has rows without a label or with spans outside the text.
    """
    examples: list[Example[Target]] = []
    set_aside: list[SetAside] = []
    for item in task.read(files, settings):
        if isinstance(item, SetAside):
            set_aside.append(item)
        else:
            examples.append(item)
    for reason in REFUSED:
        rows = [one for one in set_aside if one.reason == reason]
        if rows:
            problem = f"{len(rows):,} rows are refused ({reason}): {_named(f'{r.file}, {r.record}' for r in rows)}"
            raise MateriaError(f"{problem}. {rows[0].detail.rstrip('.')}", remedy="Correct these rows or take them out")
    if files and not examples:
        why = f" ({set_aside[0].detail.rstrip('.')})" if set_aside else ""
        problem = f"holds no example of {task.name}{why}"
        raise MateriaError(problem, file=", ".join(files), remedy="Give files in a form that the task reads")
    return Examples(tuple(examples), tuple(set_aside))


def read_parts(task: type[Task[Target]], settings: TaskDataConfig) -> Parts[Target]:
    """The examples of a task in their parts.

    Raises:
        MateriaError: see `read_examples`; no training files are named, a document or a text is in two parts, or there are too few
            documents for a share of them.
    """
    if not settings.train:
        raise MateriaError("no files to learn from are named", remedy="Give --train FILE, or set data.train")
    given = {name: read_examples(task, getattr(settings, name), settings) for name in _WORDS}
    parts = {name: read.examples for name, read in given.items()}
    for first, second in (("train", "validation"), ("train", "test"), ("validation", "test")):
        _check_apart(parts[first], parts[second], first, second)
    labelled = parts["train"]
    for name, share in (("test", settings.test_share), ("validation", settings.validation_share)):
        if not getattr(settings, name) and share:
            parts["train"], parts[name] = _share(parts["train"], name, share)
    set_aside = tuple(one for read in given.values() for one in read.set_aside)
    return Parts(**parts, labelled=labelled, set_aside=set_aside)


def learn_task(task: type[Task[Target]], parts: Parts[Target]) -> Task[Target]:
    """The task with the labels of its training files.

    Raises:
        MateriaError: there is one class only, or examples to judge on have a label that the training files lack.
    """
    learned = task.learn(parts.labelled)
    for part in (parts.validation, parts.test):
        learned.check(part)
    return learned


def folds(parts: Parts[Target], number: int, settings: TaskDataConfig) -> Iterator[Parts[Target]]:
    """The training examples as so many parts, each the test of a model that learns from the others. Documents stay whole.

    Raises:
        MateriaError: there are too few documents.
    """
    group = _groups(parts.labelled)
    for fold in range(number):

        def is_test(example: Example[Target], fold: int = fold) -> bool:
            return int(fraction_of("finetuning fold", group(example)) * number) == fold

        rest, test = _divided(parts.labelled, is_test)
        if not (rest and test):
            raise MateriaError(f"there are too few documents for {number} folds", remedy="Ask for fewer folds")
        validation: tuple[Example[Target], ...] = ()
        if settings.validation_share:
            rest, validation = _share(rest, "validation", settings.validation_share)
        yield Parts(rest, validation, test, parts.labelled, parts.set_aside)


def _share(
    examples: Sequence[Example[Target]], name: str, share: float
) -> tuple[tuple[Example[Target], ...], tuple[Example[Target], ...]]:
    """What is left, and the share of the documents that a hash chooses."""
    group = _groups(examples)
    left, chosen = _divided(examples, lambda example: fraction_of(f"finetuning {name}", group(example)) < share)
    if not (left and chosen):
        number = len({example.document for example in examples})
        problem = f"of {number:,} documents a share of {share:g} leaves none for {name if left else 'training'}"
        raise MateriaError(problem, remedy=f"Give --{name} FILE, or set data.{name}_share")
    return left, chosen


def _divided(
    examples: Sequence[Example[Target]], chosen: Callable[[Example[Target]], bool]
) -> tuple[tuple[Example[Target], ...], tuple[Example[Target], ...]]:
    marks = [chosen(example) for example in examples]
    pairs = list(zip(examples, marks, strict=True))
    return tuple(e for e, mark in pairs if not mark), tuple(e for e, mark in pairs if mark)


def _groups(examples: Sequence[Example[Any]]) -> Callable[[Example[Any]], str]:
    """The group of an example: documents that share a text are one, named by the first of their names."""
    above: dict[str, str] = {}

    def top(name: str) -> str:
        while (found := above.setdefault(name, name)) != name:
            above[name] = above[found]
            name = above[name]
        return name

    first: dict[str, str] = {}
    for example in examples:
        one, other = sorted((top(example.document), top(first.setdefault(_text(example), example.document))))
        above[other] = one
    return lambda example: top(example.document)


def _text(example: Example[Any]) -> str:
    """A hash of the texts, whatever their case and spaces."""
    return hash_fields(*(" ".join(text.casefold().split()) for text in example.texts))


def _check_apart(
    first: Sequence[Example[Any]], second: Sequence[Example[Any]], first_name: str, second_name: str
) -> None:
    """Refuse examples of a document or with a text that another part has."""
    documents = {example.document: example.id for example in reversed(first)}
    texts = {_text(example): example.id for example in reversed(first)}
    found = []
    for example in second:
        if example.document in documents:
            found.append(f"{example.id} (document {example.document}, as {documents[example.document]})")
        elif (text := _text(example)) in texts:
            found.append(f"{example.id} (text of {texts[text]})")
    if found:
        raise MateriaError(
            f"{len(found):,} {_WORDS[second_name]} examples are among the {_WORDS[first_name]} examples: {_named(found)}",
            remedy="Take them out of one of the files: what a model has learned from cannot judge it",
        )


def _named(rows: Sequence[str] | Iterator[str]) -> str:
    rows = list(rows)
    more = f"; and {len(rows) - _NAMED:,} more" if len(rows) > _NAMED else ""
    return "; ".join(rows[:_NAMED]) + more
