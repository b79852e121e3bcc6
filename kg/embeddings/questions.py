"""The training triples as questions "which tail": each with all its answers, so that a question is scored once.

A triple asks twice, (h, r) for t, and (t, r + R) for h. Triples that ask the same share one row of scores: on UMLS 10,432
askings are 2,000 questions. A loss that takes the answers one by one gets them in pieces, so that a question with
thousands of answers (the sex of a person) does not outweigh a whole step; a loss that needs all of them gets whole questions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from kg.embeddings.encode import EncodedTriples

__all__ = ["Questions"]

#: Most answers in a piece.
_PIECE = 16


@dataclass(frozen=True)
class Questions:
    """Questions in arrays; question i has answers[starts[i] : starts[i + 1]].

    Attributes:
        entities, relations: (questions,) what is asked; relations count to 2 * R.
        starts: (questions + 1,) places in `answers`.
        answers: (askings,) entities.
        weights: (askings,) float32.
    """

    entities: Tensor
    relations: Tensor
    starts: Tensor
    answers: Tensor
    weights: Tensor

    @classmethod
    def of(cls, encoded: EncodedTriples, *, whole: bool) -> Questions:
        """The questions of the training triples, whole or in pieces."""
        heads, relations, tails = encoded.train.T
        count = len(encoded.relations)
        asked, answers = np.concatenate([heads, tails]), np.concatenate([tails, heads])
        relation = np.concatenate([relations, relations + count])
        order = np.lexsort((answers, relation, asked))
        asked, relation, answers = asked[order], relation[order], answers[order]
        first = np.ones(len(asked), dtype=bool)
        first[1:] = (asked[1:] != asked[:-1]) | (relation[1:] != relation[:-1])
        if not whole:
            within = np.arange(len(asked)) - np.maximum.accumulate(np.where(first, np.arange(len(asked)), 0))
            first |= within % _PIECE == 0
        starts = np.append(np.flatnonzero(first), len(asked))
        return cls(
            entities=torch.from_numpy(asked[starts[:-1]]),
            relations=torch.from_numpy(relation[starts[:-1]]),
            starts=torch.from_numpy(starts),
            answers=torch.from_numpy(answers),
            weights=torch.from_numpy(np.tile(encoded.weights, 2)[order]),
        )

    def __len__(self) -> int:
        return len(self.entities)

    def answers_of(self, chosen: Tensor) -> tuple[Tensor, Tensor]:
        """(row of the batch, place in `answers`) of every answer to the chosen questions."""
        start = self.starts[chosen]
        counts = self.starts[chosen + 1] - start
        rows = torch.repeat_interleave(counts)
        before = counts.cumsum(0) - counts
        return rows, (start - before)[rows] + torch.arange(len(rows))
