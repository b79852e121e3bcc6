"""Questions whose answer is a span of a context, or that it does not answer: SQuAD, and BioASQ in SQuAD's form.

A long context is read in windows that share half of their tokens, at most 128; the question stands before each, whole. The answer is
the best span of all windows: the sum of the scores of its first and last token, which are at most 30 tokens apart. Where the
training examples have questions without an answer, there is none if the first special token scores higher than any span, in
every window (Devlin et al. 2019, arXiv:1810.04805). The figure is SQuAD's F1, with exact match beside it.

Rejected: the search of transformers' example script among the 20 best starts and ends, which can miss the best span; over
all spans it is 30 sums of arrays, 0.11 ms a window of 384 (making a window of 128 costs 0.4 ms).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import MateriaError, SetAside
from training.statistics.outcomes import Outcomes, count_means
from training.tasks.base import Example, Features, Task
from training.tasks.loading import load_with_head
from training.tasks.pairs import check_room, encode_pairs, named
from training.tasks.squad_evaluation import exact_match, token_f1
from training.tasks.squad_files import Spans, read_squad

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedTokenizerFast

    from training.tasks.config import TaskDataConfig

__all__ = ["ExtractiveQuestionAnswering", "best_span"]

_OVERLAP: Final = 128
_LONGEST: Final = 30
_ANSWERED, _UNANSWERED = "answered", "unanswered"


class ExtractiveQuestionAnswering(Task[Spans]):
    """The span that answers; of several right ones, as a target, any. No span: the context does not answer."""

    name = "extractive_question_answering.v1"
    metric = "f1"

    @classmethod
    def read(cls, files: Sequence[str], settings: TaskDataConfig) -> Iterator[Example[Spans] | SetAside]:
        """Examples of files (`training.tasks.squad_files`)."""
        for file in files:
            yield from read_squad(file, settings)

    @classmethod
    def learn(cls, examples: Sequence[Example[Spans]]) -> Self:
        """The task; its labels say whether some questions have no answer."""
        labels = {_label(example) for example in examples}
        if _ANSWERED not in labels:
            raise MateriaError("no question has an answer, so there is no span to learn", remedy="Add some that have")
        return cls(sorted(labels))

    def check(self, examples: Sequence[Example[Spans]]) -> None:
        """Refuse questions without an answer where no training example is one."""
        unknown = [example for example in examples if _label(example) not in self.labels]
        if unknown:
            raise MateriaError(
                f"each training question has an answer, but these have none: {named(unknown)}",
                remedy="Add questions without an answer to the training files, or take these out",
            )

    def make_model(self, encoder: Path, tokenizer: PreTrainedTokenizerFast) -> nn.Module:
        """The library's scorer of starts and ends."""
        from transformers import AutoModelForQuestionAnswering

        model: nn.Module = load_with_head(AutoModelForQuestionAnswering, encoder)
        return model

    def features(
        self, examples: Sequence[Example[Spans]], tokenizer: PreTrainedTokenizerFast, max_length: int
    ) -> list[Features]:
        """The windows of each; those without the whole answer point to the first special token."""
        questions = [example.texts[0] for example in examples]
        check_room(questions, examples, tokenizer, max_length, what="question")
        special = tokenizer.num_special_tokens_to_add(pair=True)
        windows = []
        for number, example in enumerate(examples):
            question, context = example.texts
            asked = len(tokenizer(question, add_special_tokens=False, verbose=False)["input_ids"])
            overlap = min(_OVERLAP, (max_length - special - asked) // 2)
            rows = encode_pairs(
                tokenizer,
                [question],
                [context],
                cut="only_second",
                side="right",
                max_length=max_length,
                overlap=overlap,
            )
            windows += [replace(row, example=number, labels=_labels(row, example)) for row in rows]
        return windows

    def predict(
        self, examples: Sequence[Example[Spans]], features: Sequence[Features], logits: Sequence[NDArray[np.float32]]
    ) -> list[Spans]:
        """The best span of each, or none."""
        spans: list[Spans] = [()] * len(examples)
        best = np.full(len(examples), -np.inf)
        none = np.full(len(examples), np.inf)
        for row, scores in zip(features, logits, strict=True):
            none[row.example] = min(none[row.example], scores[_first_special(row)].sum())
            places = [place for place, text in enumerate(row.text) if text == 1]
            if not places:
                continue
            start, end, score = best_span(*scores[places].T, longest=_LONGEST)
            if score > best[row.example]:
                best[row.example] = score
                first, last = row.offsets[places[start]][0], row.offsets[places[end]][1]
                spans[row.example] = (_without_space(examples[row.example].texts[1], first, last),)
        if _UNANSWERED not in self.labels:
            return spans
        return [() if none[place] > best[place] else found for place, found in enumerate(spans)]

    def outcomes(self, examples: Sequence[Example[Spans]], predicted: Sequence[Spans]) -> Outcomes:
        """F1 of each answer, by document."""
        scores = [token_f1(*texts) for texts in _texts(examples, predicted)]
        return count_means("mean", [example.document for example in examples], scores, [1.0] * len(scores))

    def figures(self, examples: Sequence[Example[Spans]], predicted: Sequence[Spans]) -> dict[str, float]:
        """F1 and exact match."""
        exact = [exact_match(*texts) for texts in _texts(examples, predicted)]
        return super().figures(examples, predicted) | {"exact_match": float(np.mean(exact)) if exact else 0.0}


def best_span(starts: NDArray[np.float32], ends: NDArray[np.float32], *, longest: int) -> tuple[int, int, float]:
    """First and last token of the span whose scores sum to most, and the sum; of equal ones the shortest, then the first.

    Args:
        starts, ends: (tokens,) score of each token as the first or last one.
        longest: tokens of a span, at most.
    """
    best = (0, 0, -np.inf)
    for more in range(min(longest, len(starts))):
        sums = starts[: len(starts) - more] + ends[more:]
        place = int(np.argmax(sums))
        if sums[place] > best[2]:
            best = (place, place + more, float(sums[place]))
    return best


def _first_special(row: Features) -> int:
    """Where a window points to that has no answer; its first token where the tokenizer adds none."""
    return row.text.index(-1) if -1 in row.text else 0


def _without_space(text: str, start: int, end: int) -> tuple[int, int]:
    """A span without the space before it, which tokenizers of bytes count to the word."""
    return end - len(text[start:end].lstrip()), end


def _label(example: Example[Spans]) -> str:
    return _ANSWERED if example.target else _UNANSWERED


def _labels(row: Features, example: Example[Spans]) -> dict[str, int]:
    """Where the first answer begins and ends in a window."""
    first = _first_special(row)
    start = end = first
    places = [place for place, text in enumerate(row.text) if text == 1]
    if example.target and places:
        begins, ends = np.array([row.offsets[place] for place in places]).T
        answer = example.target[0]
        if begins[0] <= answer[0] and answer[1] <= ends[-1]:
            start = places[int(np.searchsorted(begins, answer[0], "right")) - 1]
            end = places[int(np.searchsorted(ends, answer[1], "left"))]
    return {"start_positions": start, "end_positions": end}


def _texts(examples: Sequence[Example[Spans]], predicted: Sequence[Spans]) -> Iterator[tuple[str, list[str]]]:
    """What is said and what is right, in words; "" for no answer."""
    for example, said in zip(examples, predicted, strict=True):
        answers = [[example.texts[1][start:end] for start, end in spans] or [""] for spans in (said, example.target)]
        yield answers[0][0], answers[1]
