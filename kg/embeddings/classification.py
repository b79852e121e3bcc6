"""Triple classification: is this triple true? A threshold on the score, chosen on validation and judged on test.

Each held-out triple gets one corruption, a triple of the same relation with head or tail exchanged that is not known to be
true. The exchanged end is drawn among the entities that training saw at that end of the relation (Socher et al., NIPS 2013),
which is harder and nearer to use than any entity at all: "aspirin treats Tuesday" is easily told. The threshold is the one
with the highest accuracy on validation, where corruptions are checked against train and validation only; test is judged by
it once. A softmax or ranking loss does not make scores of different relations comparable, so an accuracy below what the
ranks promise is expected.

On UMLS, accuracy on test (and filtered MRR): ComplEx .877 (.953), RotatE .851 (.878), DistMult .811 (.910), TransE .589 (.840).

Cost: two scores a held-out triple.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kg.embeddings.corruptions.typed import Typed
from kg.embeddings.corruptions.uniform import Uniform
from kg.embeddings.encode import EncodedTriples

__all__ = ["best_threshold", "classify_triples", "corrupt"]

#: Scores of triples given by number, (n,) each: gives (n,).
ScoreTriples = Callable[[Tensor, Tensor, Tensor], Tensor]

_ROUNDS: Final = 20
_BATCH: Final = 4096


def classify_triples(score: ScoreTriples, encoded: EncodedTriples, seed: int) -> tuple[float | None, dict[str, float]]:
    """The threshold, and the share of right answers on validation and test, half of whose triples are corruptions.

    Args:
        score: scores of (heads, relations, tails).
        encoded: the triples, of which training saw `train`.
        seed: seed of the corruptions.

    Returns:
        A triple is taken for true if its score is at least the threshold; None without validation triples. Accuracy by
        split; a split without triples is absent.
    """
    known = np.concatenate([encoded.train, encoded.validation])
    true, false = corrupt(encoded.validation, known, encoded, seed)
    if not len(true):
        return None, {}
    threshold, accuracy = best_threshold(_scores(score, true), _scores(score, false))
    accuracies = {"validation": accuracy}
    true, false = corrupt(encoded.test, np.concatenate([known, encoded.test]), encoded, seed + 1)
    if len(true):
        right = (_scores(score, true) >= threshold).sum() + (_scores(score, false) < threshold).sum()
        accuracies["test"] = float(right / (2 * len(true)))
    return threshold, accuracies


def best_threshold(true: NDArray[np.float64], false: NDArray[np.float64]) -> tuple[float, float]:
    """The cut between scores with the most right answers, the lowest of several, and its accuracy.

    >>> best_threshold(np.array([2.0, 3.0]), np.array([0.0, 1.0]))
    (1.5, 1.0)
    """
    cuts = np.unique(np.concatenate([true, false]))
    cuts = np.concatenate([[cuts[0] - 1], (cuts[:-1] + cuts[1:]) / 2, [cuts[-1] + 1]])
    kept = len(true) - np.searchsorted(np.sort(true), cuts, "left")
    right = kept + np.searchsorted(np.sort(false), cuts, "left")
    best = int(right.argmax())
    return float(cuts[best]), float(right[best] / (len(true) + len(false)))


def corrupt(
    triples: NDArray[np.int64], known: NDArray[np.int64], encoded: EncodedTriples, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The triples, and for each a corruption that is not known; those are left out for which none was found.

    Args:
        triples: (n, 3).
        known: (m, 3) triples that no corruption may be.
        encoded: what to draw from: the ends of each relation in `train`; any entity where these do not serve.
        seed: seed of the draws.

    Returns:
        (k, 3) triples and (k, 3) corruptions, k <= n.
    """
    generator = torch.Generator().manual_seed(seed)
    known_keys = np.unique(_keys(np.concatenate([known, triples]), encoded))
    trained = np.bincount(encoded.train[:, 1], minlength=len(encoded.relations)) > 0
    heads = torch.rand(len(triples), generator=generator).numpy() < 0.5
    false, waiting = triples.copy(), np.arange(len(triples))
    for number, corruption in enumerate([Typed(encoded)] * _ROUNDS + [Uniform(encoded)] * _ROUNDS):
        # A relation that training never saw has no ends to draw from.
        now = waiting if number >= _ROUNDS else waiting[trained[triples[waiting, 1]]]
        asked = triples[now, 1] + np.where(heads[now], len(encoded.relations), 0)
        drawn = corruption.draw(torch.from_numpy(asked), 1, generator)[:, 0].numpy()
        false[now, np.where(heads[now], 0, 2)] = drawn
        waiting = waiting[np.isin(_keys(false[waiting], encoded), known_keys)]
    found = np.ones(len(triples), dtype=bool)
    found[waiting] = False
    return triples[found], false[found]


def _keys(triples: NDArray[np.int64], encoded: EncodedTriples) -> NDArray[np.int64]:
    """One integer for each triple."""
    heads, relations, tails = triples.T
    return np.asarray((heads * len(encoded.relations) + relations) * len(encoded.entities) + tails)


def _scores(score: ScoreTriples, triples: NDArray[np.int64]) -> NDArray[np.float64]:
    with torch.no_grad():
        parts = [score(*part.unbind(1)) for part in torch.split(torch.from_numpy(triples), _BATCH)]
    return np.asarray(torch.cat(parts).double().numpy())
