"""Questions that a context answers with yes, no or maybe, as PubMedQA asks them (Jin et al. 2019, arXiv:1909.06146).

A record has a question (`question`, `query`), a context (`contexts`, `context`, `passage`, `abstract`; a text, a list of
texts, or PubMedQA's `{"contexts": [...]}`), and an answer (`final_decision`, `answer`; `true` and `false` are yes and
no). The model reads question and context as a pair; the question is never cut, a long context at its beginning, since abstracts
state results at their end. (A linear model over the question and the last 60 words of PubMedQA's contexts has a macro F1 of .379, over the
first 60 one of .326; mean of 5 times 5 folds.) The figure is accuracy, with macro F1 beside it, as PubMedQA reports both.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import MateriaError, SetAside
from pipeline.linear_text import words_and_pairs
from training.statistics.outcomes import Outcomes, count_labels, count_means
from training.tasks.base import Example, Features, Task
from training.tasks.loading import load_with_head, numbered
from training.tasks.pairs import check_room, encode_pairs, named
from training.tasks.records import Record, read_records

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedTokenizerFast

    from training.tasks.config import TaskDataConfig

__all__ = ["CONTEXTS", "QUESTIONS", "QuestionAnswering", "context_of"]

QUESTIONS: Final = ("question", "query")
CONTEXTS: Final = ("contexts", "context", "passage", "abstract", "text")
_ANSWERS: Final = ("final_decision", "answer", "label")
_LABELS: Final = {"yes": "yes", "no": "no", "maybe": "maybe", "true": "yes", "false": "no"}


class QuestionAnswering(Task[str]):
    """Yes, no or maybe."""

    name = "question_answering.v1"
    metric = "accuracy"

    @classmethod
    def read(cls, files: Sequence[str], settings: TaskDataConfig) -> Iterator[Example[str] | SetAside]:
        """Examples of files; set aside: `no-question`, `no-context`, `no-label`, `unknown-label`, and what is no record."""
        for file in files:
            for record in read_records(file):
                yield record if isinstance(record, SetAside) else _example(record, settings)

    @classmethod
    def learn(cls, examples: Sequence[Example[str]]) -> Self:
        """The task with the answers that there are."""
        labels = sorted({example.target for example in examples})
        if len(labels) < 2:
            said = f"all answers are {labels[0]}" if labels else "there are no answers"
            raise MateriaError(f"{said}, so there is nothing to tell apart", remedy="Add questions with other answers")
        return cls(labels)

    def check(self, examples: Sequence[Example[str]]) -> None:
        """Refuse answers that no training example has."""
        unknown = [example for example in examples if example.target not in self.labels]
        if unknown:
            answers = ", ".join(sorted({example.target for example in unknown}))
            raise MateriaError(
                f"no training example is answered {answers}, but these are: {named(unknown)}",
                remedy="Add such examples to the training files, or take these out",
            )

    def make_model(self, encoder: Path, tokenizer: PreTrainedTokenizerFast) -> nn.Module:
        """The library's classifier of sequences."""
        from transformers import AutoModelForSequenceClassification

        model: nn.Module = load_with_head(AutoModelForSequenceClassification, encoder, **numbered(self.labels))
        return model

    def features(
        self, examples: Sequence[Example[str]], tokenizer: PreTrainedTokenizerFast, max_length: int
    ) -> list[Features]:
        """A row for each: the question, and as much of the end of the context as there is room for."""
        questions, contexts = ([example.texts[place] for example in examples] for place in (0, 1))
        check_room(questions, examples, tokenizer, max_length, what="question")
        rows = encode_pairs(tokenizer, questions, contexts, cut="only_second", side="left", max_length=max_length)
        number = {label: place for place, label in enumerate(self.labels)}
        # What is not among the labels counts for nothing: a prediction does not ask what is right.
        return [
            replace(row, labels=number.get(example.target, -100)) for row, example in zip(rows, examples, strict=True)
        ]

    def bags(self, examples: Sequence[Example[str]]) -> list[list[str]]:
        """Words of the question and of the context, and pairs of them."""
        return [
            words_and_pairs(question, "question ") + words_and_pairs(context, "context ")
            for question, context in (example.texts for example in examples)
        ]

    def predict(
        self, examples: Sequence[Example[str]], features: Sequence[Features], logits: Sequence[NDArray[np.float32]]
    ) -> list[str]:
        """The likeliest answer to each."""
        return [self.labels[int(np.argmax(scores))] for scores in logits]

    def outcomes(self, examples: Sequence[Example[str]], predicted: Sequence[str]) -> Outcomes:
        """Right answers, by document."""
        right = [float(example.target == said) for example, said in zip(examples, predicted, strict=True)]
        return count_means("mean", [example.document for example in examples], right, [1.0] * len(right))

    def figures(self, examples: Sequence[Example[str]], predicted: Sequence[str]) -> dict[str, float]:
        """Accuracy, and F1 as a mean over the answers."""
        gold, said = [frozenset({example.target}) for example in examples], [frozenset({label}) for label in predicted]
        macro = count_labels("macro_f1", [example.document for example in examples], gold, said)
        return super().figures(examples, predicted) | {"macro_f1": macro.value()}


def _example(record: Record, settings: TaskDataConfig) -> Example[str] | SetAside:
    question = record.get(QUESTIONS)
    if not isinstance(question, str) or not question.strip():
        return record.set_aside("no-question", "The record asks nothing. Give it a question.")
    context = context_of(record.column(settings.text, CONTEXTS, "data.text"))
    if not context:
        return record.set_aside("no-context", "The record has no context that answers its question. Give it one.")
    answer = record.column(settings.label, _ANSWERS, "data.label")
    if answer is None:
        return record.set_aside("no-label", "The question has no answer. Answer it with yes, no or maybe.")
    label = _LABELS.get(str(answer).strip().casefold())
    if label is None:
        said = f"The answer {str(answer)[:40]!r} is none of yes, no and maybe. Correct it."
        return record.set_aside("unknown-label", said)
    return Example(record.id, record.document(settings.id, context), (question.strip(), context), label)


def context_of(value: Any) -> str:
    """A context as one text: a text, or the texts of a list joined by spaces; "" where there is none."""
    if isinstance(value, str) and value.startswith(("[", "{")):  # a list in a cell
        try:
            value = json.loads(value)
        except ValueError:
            return str(value).strip()
    if isinstance(value, dict):
        value = value.get("contexts")
    if isinstance(value, list):
        return " ".join(text.strip() for text in value if isinstance(text, str) and text.strip())
    return str(value).strip() if isinstance(value, str) else ""
