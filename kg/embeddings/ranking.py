"""Filtered ranks of held-out triples: how far up a model puts the true head and the true tail.

The filtered setting of Bordes et al. (NIPS 2013): other answers known to be true do not count as errors. Ties take the
mean rank, so a model that scores everything alike gets the middle, not the top (Sun et al., ACL 2020, show how much the
"first" rule flatters). Triples with an entity or relation that training never saw are kept, and take the worst rank
there is in their list: the number of candidates left after filtering. A vector that was never trained must not win by
luck. So does a true answer whose score is not a number, and a candidate without a score counts as better: a model that
broke must not look perfect, which it would where nothing compares as greater.

Cost: one row of scores for each query; memory is batch x entities. The known answers lie in one sorted array, so a
batch is filtered by two binary searches and one assignment.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["KnownAnswers", "ScoreAll", "filtered_ranks", "rank_metrics"]

#: Scores of every entity for a batch of (entity, relation): (batch,), (batch,) give (batch, entities).
ScoreAll = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class KnownAnswers:
    """The true answers of every query (entity, relation) in one direction.

    Attributes:
        keys: entity * relations + relation of every true triple, sorted.
        answers: the other end of each, in the same order.
        relations: number of relations.
    """

    keys: NDArray[np.int64]
    answers: NDArray[np.int64]
    relations: int

    @classmethod
    def of(cls, triples: NDArray[np.int64], relations: int, *, heads: bool = False) -> KnownAnswers:
        """Known tails of (head, relation), or with `heads` known heads of (tail, relation)."""
        asked, answer = (triples[:, 2], triples[:, 0]) if heads else (triples[:, 0], triples[:, 2])
        keys = asked * relations + triples[:, 1]
        order = np.lexsort((answer, keys))
        return cls(keys[order], answer[order], relations)

    def of_batch(
        self, entities: NDArray[np.int64], relations: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(row of the batch, answer) of every known answer to a batch of queries."""
        keys = entities * self.relations + relations
        start, stop = np.searchsorted(self.keys, keys, "left"), np.searchsorted(self.keys, keys, "right")
        counts = stop - start
        rows = np.repeat(np.arange(len(keys)), counts)
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        return rows, self.answers[np.repeat(start, counts) + within]


def filtered_ranks(
    triples: NDArray[np.int64],
    known: NDArray[np.int64],
    score_tails: ScoreAll,
    score_heads: ScoreAll,
    *,
    relations: int,
    seen_entities: NDArray[np.bool_] | None = None,
    seen_relations: NDArray[np.bool_] | None = None,
    batch: int = 256,
) -> NDArray[np.float64]:
    """Filtered rank of the true tail and of the true head of each triple.

    Args:
        triples: (n, 3) integers to rank.
        known: (m, 3) triples whose answers are filtered: train and validation when selecting on validation; all when
            testing.
        score_tails: scores of all tails for (heads, relations).
        score_heads: scores of all heads for (tails, relations).
        relations: number of relations.
        seen_entities: which entities training saw; triples with others take the worst rank. None: all.
        seen_relations: the same for relations.
        batch: triples scored at once.

    Returns:
        (n, 2) ranks of the tail and of the head, from 1, ties at the mean.
    """
    ranks = np.empty((len(triples), 2), dtype=np.float64)
    for column, (asked, answer, score) in enumerate(((0, 2, score_tails), (2, 0, score_heads))):
        answers = KnownAnswers.of(np.unique(np.concatenate([known, triples]), axis=0), relations, heads=asked == 2)
        for start in range(0, len(triples), batch):
            part = triples[start : start + batch]
            entity, relation, target = part[:, asked], part[:, 1], torch.from_numpy(part[:, answer].copy())
            scores = score(torch.from_numpy(entity.copy()), torch.from_numpy(relation.copy()))
            rows, others = answers.of_batch(entity, relation)
            ranks[start : start + batch, column] = _ranks(scores, target, rows, others)
            true = np.bincount(rows, minlength=len(part))
            worst = _unseen(part, seen_entities, seen_relations) | np.isnan(ranks[start : start + batch, column])
            ranks[start : start + batch, column][worst] = (scores.shape[1] - true + 1)[worst]
    return ranks


def _ranks(scores: Tensor, target: Tensor, rows: NDArray[np.int64], answers: NDArray[np.int64]) -> NDArray[np.float64]:
    """1 + number of better candidates + half the number of equal ones, after known answers are removed; NaN without a score."""
    own = scores.gather(1, target[:, None])
    scores = scores.clone()
    scores[torch.from_numpy(rows), torch.from_numpy(answers)] = -torch.inf
    better = (~(scores <= own)).sum(1)
    equal = (scores == own).sum(1)
    ranks = (1 + better + equal / 2).masked_fill(own[:, 0].isnan(), torch.nan)
    return np.asarray(ranks.double().numpy())


def _unseen(
    triples: NDArray[np.int64], entities: NDArray[np.bool_] | None, relations: NDArray[np.bool_] | None
) -> NDArray[np.bool_]:
    unseen = np.zeros(len(triples), dtype=bool)
    if entities is not None:
        unseen |= ~entities[triples[:, 0]] | ~entities[triples[:, 2]]
    if relations is not None:
        unseen |= ~relations[triples[:, 1]]
    return unseen


def rank_metrics(ranks: NDArray[np.float64]) -> dict[str, float]:
    """Mean reciprocal rank and hits@1, 3, 10 over heads and tails; an empty set of ranks gives no figures.

    >>> rank_metrics(np.array([[1.0, 2.0]]))["mrr"]
    0.75
    """
    if not ranks.size:
        return {}
    values = {"mrr": float((1.0 / ranks).mean())}
    return values | {f"hits@{k}": float((ranks <= k).mean()) for k in (1, 3, 10)}
