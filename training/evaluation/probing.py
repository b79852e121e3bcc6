"""What a language model knows of held-out triples: cloze questions (LAMA, Petroni et al., EMNLP 2019) over candidates.

Masked and causal models are asked the same questions with the same candidates; how each scores them is told in `masked_scores` and
`causal_scores`.

Much of what such a probe counts is no knowledge of the subject: common answers are likely whatever is asked. Hence each model
is asked again *blind*, not knowing what is known, and `gain` is the figure less the blind one, question by
question. `frequency` ranks by how often training triples have each candidate, and reads nothing.

Cost: 12 s of processor time for 1,000 questions in two phrasings (a masked model, two layers of 128). Rejected: generated answers
(a model that paraphrases would be wrong).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kg.embeddings.determinism import deterministic
from training.evaluation.causal import CausalLanguageModel, is_causal
from training.evaluation.causal_scores import causal_scores
from training.evaluation.config import ProbingConfig
from training.evaluation.masked import MaskedLanguageModel
from training.evaluation.masked_scores import masked_scores
from training.evaluation.questions import Questions, make_questions
from training.statistics.outcomes import Outcomes, count_means

__all__ = ["probe"]

_Scores = NDArray[np.float64]


def probe(folder: Path, triples: pa.Table, names: Mapping[str, str], config: ProbingConfig) -> dict[str, Outcomes]:
    """Ranks of true answers among candidates.

    Args:
        folder: any Hugging Face masked or causal language model.
        triples: subject, predicate, object, split (kg.tables.TRIPLES).
        names: name of each entity by CURIE.

    Returns:
        mrr, hits@1, hits@10; the same blind, of frequency, and as gain over blind (blind_mrr, frequency_mrr, gain_mrr ...);
        the units are the entities that are known in the questions.

    Raises:
        MateriaError: the folder holds no such model, or no triple can be asked about.
    """
    asked = make_questions(triples, names, config)
    scores_of: Callable[[Questions], tuple[_Scores, _Scores]]
    if is_causal(folder):
        scores_of = partial(causal_scores, CausalLanguageModel(folder))
    else:
        scores_of = partial(masked_scores, MaskedLanguageModel(folder), longest=config.longest)
    ranks: dict[str, list[_Scores]] = {"": [], "blind_": [], "frequency_": []}
    units: list[str] = []
    with deterministic(0, 1):
        for questions in asked:
            scores, blind = scores_of(questions)
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
