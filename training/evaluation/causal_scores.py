"""Scores of candidates by a causal language model: how likely the whole sentence is with each of them in it.

The log-probability of the sentence, as a sum over its tokens (BEAR, Wiland et al., Findings of NAACL 2024): it is the same
whether the candidate stands before what is known or behind it. What all sentences of a question share says nothing and is left out.

    known first       log p(candidate and what follows | known)
    candidate first   log p(candidate) + log p(known and what follows | candidate)

*Blind* is what the model holds likely whatever is asked: log p(candidate) where the candidate comes first, else the candidate's
probability in the mean over all that is known in the questions. The second holds a part of what the model knows of each (1 of so many),
so a gain over it is a little too small where few are asked about.

Cost: a sentence for each candidate of each question, 0.8 ms of processor time (two layers of 128), where a masked model's masks answer
for all candidates of a length. Of a large model lower `candidates` or `questions` of the suite, or use a GPU.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.evaluation.causal import CausalLanguageModel
from training.evaluation.questions import Questions

__all__ = ["causal_scores"]

_Scores = NDArray[np.float64]
#: Pairs that are sorted by length together.
_PAIRS_AT_ONCE: Final = 16_384


def causal_scores(model: CausalLanguageModel, questions: Questions) -> tuple[_Scores, _Scores]:
    """Scores of all candidates, (questions, candidates); and blind, (1, candidates). Means over phrasings."""
    found = [
        _candidate_last(model, questions, number) if first.known_first else _candidate_first(model, questions, number)
        for number, first in enumerate(questions.clozes[False])
    ]
    scores, blind = (np.mean(each, axis=0) for each in zip(*found, strict=True))
    return scores, blind


def _candidate_last(model: CausalLanguageModel, questions: Questions, number: int) -> tuple[_Scores, _Scores]:
    pairs = []
    for name in questions.known_names:
        cloze = questions.clozes[name.plural][number]
        left, _, right = cloze.parts(name)
        space = left[len(left.rstrip()) :]  # belongs to the word behind it, as tokenizers of bytes have it
        pairs += [(left.rstrip(), f"{space}{cloze.parts(name, candidate)[1]}{right}") for candidate in questions.names]
    scores = _likely(model, pairs).reshape(len(questions.known), -1)
    return scores, np.logaddexp.reduce(scores, axis=0, keepdims=True) - np.log(len(scores))


def _candidate_first(model: CausalLanguageModel, questions: Questions, number: int) -> tuple[_Scores, _Scores]:
    nobody = questions.known_names[0]
    beginnings = [
        "".join(questions.clozes[False][number].parts(nobody, candidate)[:2]) for candidate in questions.names
    ]
    ends = [questions.clozes[name.plural][number].parts(name)[2] for name in questions.known_names]
    alone = _likely(model, [("", beginning) for beginning in beginnings])
    rest = _likely(model, [(beginning, end) for end in ends for beginning in beginnings])
    return alone + rest.reshape(len(ends), -1), alone[None]


def _likely(model: CausalLanguageModel, pairs: Sequence[tuple[str, str]]) -> _Scores:
    """Log-probability of each text behind its context. What a model has no room for is left out of the context, then of the text."""
    texts = sorted({text for pair in pairs for text in pair})
    pieces = dict(zip(texts, model.pieces(texts), strict=True))
    found = []
    for start in range(0, len(pairs), _PAIRS_AT_ONCE):
        rows, contexts = [], []
        for context, text in pairs[start : start + _PAIRS_AT_ONCE]:
            rows.append(pieces[text][: model.room])
            before = pieces[context]
            contexts.append(before[max(0, len(before) + len(rows[-1]) - model.room) :])
        found += [likely.sum(dtype=np.float64) for likely in model.log_probabilities(rows, contexts)]
    return np.array(found)
