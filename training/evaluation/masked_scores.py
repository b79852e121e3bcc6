"""Scores of candidates by a masked language model: a candidate of n word pieces is put in as n masks.

A score is the mean log-probability of the candidate's pieces (Kassner et al., EACL 2021). A sum would put one likely piece above a
long name whose every piece is likely. For a model that knows nothing of the subject it ranks a little better (MRR 0.089 against
0.082 on 500 triples, two layers of 128), blind as well, so not by knowing the subject.
Blind, there are masks in place of what is known. All candidates of one length share a forward pass. A candidate longer than
`longest` is judged by its first pieces.

Rejected: one mask at a time, left to right (as many passes as pieces and candidates, for a score that whole-entity masking did
not train).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from training.evaluation.masked import MaskedLanguageModel
from training.evaluation.questions import Questions

__all__ = ["masked_scores"]

_Scores = NDArray[np.float64]
_TOKENS_AT_ONCE = 8_192


def masked_scores(model: MaskedLanguageModel, questions: Questions, *, longest: int) -> tuple[_Scores, _Scores]:
    """Scores of all candidates, (questions, candidates); and blind, (1, candidates). Means over phrasings."""
    scores, blind = (
        np.zeros((len(questions.known), len(questions.candidates))),
        np.zeros((1, len(questions.candidates))),
    )
    phrasings = len(questions.clozes[False])
    sizes = [len(pieces) for pieces in model.pieces([name.text for name in questions.known_names])]
    hidden = [model.mask] * int(np.median(sizes))
    for number in range(phrasings):
        rows, nobody = [], questions.clozes[False][number]
        for name in questions.known_names:
            left, _, right = questions.clozes[name.plural][number].parts(name)
            before, after = model.pieces([left.rstrip(), right])
            rows.append((before, after))
        scores += _of_rows(model, rows, questions, number, longest) / phrasings
        before, between, after = model.pieces([part.rstrip() for part in nobody.phrase[1:]])
        masked = (before + hidden + between, after) if nobody.known_first else (before, between + hidden + after)
        blind += _of_rows(model, [masked], questions, number, longest) / phrasings
    return scores, blind


def _of_rows(
    model: MaskedLanguageModel,
    rows: Sequence[tuple[list[int], list[int]]],
    questions: Questions,
    number: int,
    longest: int,
) -> _Scores:
    """Scores of all candidates in the hole between left and right of each row, (rows, candidates)."""
    cloze = questions.clozes[False][number]
    nobody = questions.known_names[0]
    texts = [cloze.parts(nobody, name)[1] for name in questions.names]
    space = " " if cloze.parts(nobody)[0].endswith(" ") else ""  # which tokenizers of bytes hold to be part of the word
    pieces = [found[:longest] for found in model.pieces([f"{space}{text}" for text in texts])]
    scores = np.full((len(rows), len(pieces)), -np.inf)
    for length in sorted({len(found) for found in pieces} - {0}):
        own = [place for place, found in enumerate(pieces) if len(found) == length]
        wanted = torch.tensor([pieces[place] for place in own])
        for start, stop in _batches(rows, length):
            filled, places = _filled(model, rows[start:stop], length)
            likely = model.log_probabilities(filled, places).reshape(stop - start, length, -1)
            found = likely[:, torch.arange(length), wanted]
            scores[start:stop, own] = found.mean(-1).double().numpy()
    return scores


def _batches(rows: Sequence[tuple[list[int], list[int]]], length: int) -> Iterator[tuple[int, int]]:
    """Ranges of rows that are read at once."""
    longest = max(len(left) + len(right) for left, right in rows) + length + 2
    size = max(1, _TOKENS_AT_ONCE // longest)
    for start in range(0, len(rows), size):
        yield start, min(start + size, len(rows))


def _filled(
    model: MaskedLanguageModel, rows: Sequence[tuple[list[int], list[int]]], length: int
) -> tuple[list[list[int]], list[range]]:
    """Rows with masks in their holes, and where these stand. What does not fit is cut away from the hole."""
    filled, places = [], []
    masks = [model.mask] * length
    for left, right in rows:
        room = model.room - 2 - length
        kept = left[-room:] if room < len(left) else left
        filled.append([*kept, *masks, *right[: max(0, room - len(kept))]])
        places.append(range(len(kept), len(kept) + length))
    return filled, places
