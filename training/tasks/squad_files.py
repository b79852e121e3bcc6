"""Questions whose answers are spans of a context, from SQuAD's JSON and from flat records.

SQuAD's (https://rajpurkar.github.io/SQuAD-explorer/, versions 1.1 and 2.0), in which BioASQ's factoid questions come too: articles
of paragraphs of a `context` and `qas`, each with `id`, `question`, `answers` and `is_impossible`. Flat records, as the hub has
them: `question`, `context`, and `answers` as `{"text": [...], "answer_start": [...]}` or a list of `{"text", "answer_start"}`; or
`answer` and `answer_start` in columns. An empty list of answers says that the context does not answer the question; no list
at all, that nobody has looked.

A document is what the record names, else the article where a file has several, else, in BioASQ, the question, which is asked of
several abstracts and numbered `..._001`; else the context.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from pipeline.errors import SetAside
from pipeline.readers.columns import column_key
from training.tasks.base import Example
from training.tasks.question_answering import CONTEXTS, QUESTIONS
from training.tasks.records import Record, read_records

if TYPE_CHECKING:
    from training.tasks.config import TaskDataConfig

__all__ = ["Spans", "read_squad"]

#: [start, end) in the context of each right answer, sorted; none where the context does not answer.
Spans = tuple[tuple[int, int], ...]

_BIOASQ: Final = re.compile(r"([0-9a-f]{24})_[0-9]+")
_ANSWERS: Final = ("answer", "answer_text")


def read_squad(file: str, settings: TaskDataConfig) -> Iterator[Example[Spans] | SetAside]:
    """The questions of a file; set aside: `no-question`, `no-context`, `no-label`, `empty-answer`, `span-outside-text`,
    `answer-not-there` (the text at its place is another), and what is no record.

    Raises:
        MateriaError: the file cannot be read.
    """
    records = list(read_records(file))
    articles = sum(isinstance(record, Record) and "paragraphs" in record.fields for record in records)
    for record in records:
        if isinstance(record, SetAside):
            yield record
        elif "paragraphs" in record.fields:
            for question in _article(record):
                yield _example(question, settings, article=articles > 1)
        else:
            yield _example(record, settings, article=False)


def _article(article: Record) -> Iterator[Record]:
    """The questions of an article as flat records."""
    for part, paragraph in enumerate(_objects(article.fields["paragraphs"])):
        shared = {**article.fields, **{column_key(name): value for name, value in paragraph.items()}}
        shared = {name: value for name, value in shared.items() if name not in ("paragraphs", "qas")}
        for number, question in enumerate(_objects(paragraph.get("qas"))):
            place = f"{article.place}, paragraph {part}, question {question.get('id', number)}"
            yield replace(article, place=place, fields={**shared, **question})


def _objects(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _example(record: Record, settings: TaskDataConfig, *, article: bool) -> Example[Spans] | SetAside:
    question = record.get(QUESTIONS)
    if not isinstance(question, str) or not question.strip():
        return record.set_aside("no-question", "The record asks nothing. Give it a question.")
    context = record.column(settings.text, CONTEXTS, "data.text")
    if not isinstance(context, str) or not context.strip():
        return record.set_aside("no-context", "The question has no context. Give it one, as a text.")
    answers = _answers(record, settings)
    if answers is None:
        return record.set_aside(
            "no-label", "The question has no answers. Give them, or an empty list if there are none."
        )
    spans = set()
    for text, start in answers:
        if not isinstance(text, str) or not text.strip():
            return record.set_aside("empty-answer", "An answer is empty. Give its text, or no answer at all.")
        if not str(start).removesuffix(".0").isdecimal() or int(start) + len(text) > len(context):
            said = f"The answer {text[:40]!r} at {start} is outside of the context ({len(context)} characters). Correct it."
            return record.set_aside("span-outside-text", said)
        there = context[int(start) : int(start) + len(text)]
        if there != text:
            said = f"The answer is {text[:40]!r}, but at {start} the context has {there[:40]!r}. Correct answer_start."
            return record.set_aside("answer-not-there", said)
        spans.add((int(start), int(start) + len(text)))
    document = _document(record, context, settings, article=article)
    return Example(record.id, document, (question.strip(), context), tuple(sorted(spans)))


def _answers(record: Record, settings: TaskDataConfig) -> list[tuple[Any, Any]] | None:
    """Text and start of each answer; None where nothing is said of any."""
    if str(record.fields.get("is_impossible")).casefold() == "true":
        return []
    value = record.fields.get("answers")
    if isinstance(value, str) and value.strip():  # in a cell
        try:
            value = json.loads(value)
        except ValueError:
            return None
    if isinstance(value, dict) and isinstance(value.get("text"), list):
        starts = value.get("answer_start") or []
        return [(text, starts[place] if place < len(starts) else None) for place, text in enumerate(value["text"])]
    if isinstance(value, list):
        return [(answer.get("text"), answer.get("answer_start")) for answer in _objects(value)]
    text = record.column(settings.label, _ANSWERS, "data.label")
    return None if text is None else [(text, record.fields.get("answer_start"))]


def _document(record: Record, context: str, settings: TaskDataConfig, *, article: bool) -> str:
    named = record.document(settings.id, context)
    if settings.id or not named.startswith("text:"):
        return named
    if article and (title := record.get(("title",))):
        return f"title:{title}"
    asked = _BIOASQ.fullmatch(str(record.fields.get("id", "")))
    return f"BioASQ:{asked[1]}" if asked else named
