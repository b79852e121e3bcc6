"""Batches of triples whose ends are given by their names, for link prediction by the text encoder.

A step encodes each entity of its triples once; the other entities of the step serve as corruptions, so negatives cost
no further pass (in-batch negatives). Corruptions that are themselves true triples of the train split are masked out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kg.embeddings.encode import EncodedTriples

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

    from training.config import PretrainingConfig

__all__ = ["LinkBatch", "LinkSampler", "encode_names"]


@dataclass(frozen=True)
class LinkBatch:
    """Triples and corruptions over the entities of one step.

    Attributes:
        input_ids, attention_mask: (entities, tokens): the names of the entities of this step.
        heads, relations, tails: (triples,) numbers; heads and tails count the entities of this step.
        corrupted_heads, corrupted_tails: (triples, negatives): each differs from the triple at one end.
        valid: (triples, negatives) whether the corruption is false as far as the train split tells.
    """

    input_ids: Tensor
    attention_mask: Tensor
    heads: Tensor
    relations: Tensor
    tails: Tensor
    corrupted_heads: Tensor
    corrupted_tails: Tensor
    valid: Tensor


def encode_names(names: Sequence[str], tokenizer: PreTrainedTokenizerFast, length: int) -> tuple[Tensor, Tensor]:
    """[CLS] name [SEP] for each name, cut to a length and padded to the longest: (names, tokens) ids and attention mask."""
    encoded = tokenizer(list(names), truncation=True, max_length=length, padding=True, return_tensors="pt")
    return encoded["input_ids"], encoded["attention_mask"]


class LinkSampler:
    """Draws triples of the train split, every epoch in another order that depends on the seed.

    Args:
        triples: numbered triples.
        names: name by CURIE; an entity without one is read as its CURIE.
    """

    def __init__(
        self,
        triples: EncodedTriples,
        names: Mapping[str, str],
        tokenizer: PreTrainedTokenizerFast,
        config: PretrainingConfig,
    ) -> None:
        self.triples = triples
        self.tokenizer = tokenizer
        self.config = config
        self.names = [names.get(curie) or curie for curie in triples.entities]
        self._order: tuple[int, NDArray[np.int64]] | None = None
        self._keys = np.sort(self._key(triples.train[:, 0], triples.train[:, 1], triples.train[:, 2]))

    def batch(self, step: int) -> LinkBatch:
        """The triples of a step (from 0), the same for the same seed and step."""
        random = np.random.Generator(np.random.Philox(key=[self.config.seed ^ 0x6C696E6B, step]))
        rows = self.triples.train[self._chosen(step)]
        entities, local = np.unique(rows[:, [0, 2]], return_inverse=True)
        local = local.reshape(-1, 2)
        shape = (len(rows), self.config.negatives)
        drawn = random.integers(len(entities), size=shape)
        at_head = random.random(shape) < 0.5
        # The first corruption joins an entity to itself: else h + r stays nearest to h, and hits@1 is zero.
        drawn[:, 0] = np.where(at_head[:, 0], local[:, 1], local[:, 0])
        heads, tails = np.where(at_head, drawn, local[:, :1]), np.where(at_head, local[:, 1:], drawn)
        keys = self._key(entities[heads], rows[:, 1:2], entities[tails])
        valid = ~np.isin(keys, self._keys)
        ids, mask = encode_names([self.names[e] for e in entities], self.tokenizer, self.config.name_length)
        return LinkBatch(
            ids,
            mask,
            *(torch.from_numpy(a.copy()) for a in (local[:, 0], rows[:, 1], local[:, 1], heads, tails, valid)),
        )

    def _chosen(self, step: int) -> NDArray[np.int64]:
        """Rows of the train split for a step: consecutive places in the concatenated permutations of all epochs."""
        count = len(self.triples.train)
        places = step * self.config.triples + np.arange(self.config.triples)
        chosen = [
            self._permutation(int(epoch))[places[places // count == epoch] % count]
            for epoch in np.unique(places // count)
        ]
        return np.concatenate(chosen)

    def _permutation(self, epoch: int) -> NDArray[np.int64]:
        """The order of an epoch; the last one is kept, since steps ask for it in turn."""
        if self._order is None or self._order[0] != epoch:
            random = np.random.Generator(np.random.Philox(key=[self.config.seed ^ 0x65706F63, epoch]))
            self._order = epoch, random.permutation(len(self.triples.train))
        return self._order[1]

    def _key(
        self, heads: NDArray[np.int64], relations: NDArray[np.int64], tails: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """One integer for each triple."""
        return (heads * len(self.triples.relations) + relations) * len(self.triples.entities) + tails
