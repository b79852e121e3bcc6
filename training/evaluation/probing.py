"""What a masked language model knows of held-out triples: cloze questions (LAMA, Petroni et al., EMNLP 2019) over candidates.

A candidate of n word pieces is put in as n masks, and its score is the mean log-probability of its pieces (Kassner et al.,
EACL 2021). A sum would put one likely piece above a long name whose every piece is likely. For a model that knows nothing
of the subject it ranks a little better (MRR 0.089 against 0.082 on 500 triples, two layers of 128), blind as well, so not by knowing the
subject.
All candidates of one length share a forward pass. A candidate longer than `longest` is judged by its first pieces.

Much of what such a probe counts is no knowledge of the subject: common answers are likely whatever is asked. Hence each model
is asked again *blind*, with masks in place of what is known, and `gain` is the figure less the blind one, question by
question. `frequency` ranks by how often training triples have each candidate, and reads nothing.

Cost: 12 s of processor time for 1,000 questions in two phrasings (two layers of 128). Rejected: one mask at a time, left to
right (as many passes as pieces and candidates, for a score that whole-entity masking did not train), and generated answers
(a model that paraphrases would be wrong).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray

from kg.embeddings.determinism import deterministic
from training.evaluation.config import ProbingConfig
from training.evaluation.masked import MaskedLanguageModel
from training.evaluation.questions import Questions, make_questions
from training.statistics.outcomes import Outcomes, count_means

__all__ = ["probe"]

_Scores = NDArray[np.float64]
_TOKENS_AT_ONCE = 8_192


def probe(folder: Path, triples: pa.Table, names: Mapping[str, str], config: ProbingConfig) -> dict[str, Outcomes]:
    """Ranks of true answers among candidates.

    Args:
        folder: any Hugging Face masked language model.
        triples: subject, predicate, object, split (kg.tables.TRIPLES).
        names: name of each entity by CURIE.

    Returns:
        mrr, hits@1, hits@10; the same blind, of frequency, and as gain over blind (blind_mrr, frequency_mrr, gain_mrr ...);
        the units are the entities that are known in the questions.

    Raises:
        MateriaError: the folder holds no masked model, or no triple can be asked about.
    """
    asked = make_questions(triples, names, config)
    model = MaskedLanguageModel(folder)
    ranks: dict[str, list[_Scores]] = {"": [], "blind_": [], "frequency_": []}
    units: list[str] = []
    with deterministic(0, 1):
        for questions in asked:
            scores, blind = _scores(model, questions, config)
            for name, found in (("", scores), ("blind_", blind), ("frequency_", questions.frequency[None])):
                ranks[name].append(questions.ranks(found))
            units += [questions.known[number] for number in questions.answers[:, 0]]
    figures = {name: _figures(np.concatenate(found)) for name, found in ranks.items()}
    figures["gain_"] = {key: values - figures["blind_"][key] for key, values in figures[""].items()}
    one = [1.0] * len(units)
    return {
        f"{name}{key}": count_means("mean", units, values.tolist(), one)
        for name, found in figures.items()
        for key, values in found.items()
    }


def _figures(ranks: _Scores) -> dict[str, _Scores]:
    return {"mrr": 1 / ranks, "hits@1": (ranks <= 1).astype(float), "hits@10": (ranks <= 10).astype(float)}


def _scores(model: MaskedLanguageModel, questions: Questions, config: ProbingConfig) -> tuple[_Scores, _Scores]:
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
        scores += _of_rows(model, rows, questions, number, config) / phrasings
        before, between, after = model.pieces([part.rstrip() for part in nobody.phrase[1:]])
        masked = (before + hidden + between, after) if nobody.known_first else (before, between + hidden + after)
        blind += _of_rows(model, [masked], questions, number, config) / phrasings
    return scores, blind


def _of_rows(
    model: MaskedLanguageModel,
    rows: Sequence[tuple[list[int], list[int]]],
    questions: Questions,
    number: int,
    config: ProbingConfig,
) -> _Scores:
    """Scores of all candidates in the hole between left and right of each row, (rows, candidates)."""
    cloze = questions.clozes[False][number]
    nobody = questions.known_names[0]
    texts = [cloze.parts(nobody, name)[1] for name in questions.names]
    space = " " if cloze.parts(nobody)[0].endswith(" ") else ""  # which tokenizers of bytes hold to be part of the word
    pieces = [found[: config.longest] for found in model.pieces([f"{space}{text}" for text in texts])]
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
