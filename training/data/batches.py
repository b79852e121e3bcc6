"""What one step of training reads: sequences with what is asked about them, and triples with their corruptions.

A row holds one sequence, or several where rows are packed. One pass of the encoder over the rows serves every objective over
text: places to predict, next sentences, pairs of entities, mentions of entities are tables that point into the rows. Entities
are found again by pooling over their tokens, so no marker tokens are added: markers would need a sequence of their own for
every pair, and hence a pass each.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final, Literal, NamedTuple, TypeVar

import torch
from torch import Tensor

__all__ = ["BEGINNING", "IGNORE", "NO_RELATION", "Language", "LinkBatch", "Position", "TextBatch"]

#: Label of what does not count, as torch's cross-entropy has it.
IGNORE: Final = -100
#: Class of a pair of entities without a relation.
NO_RELATION: Final = 0

#: The language objective that a batch is made for.
Language = Literal["masked", "causal", "permutation"]


class Position(NamedTuple):
    """A place in the stream of rows: that many epochs, then windows of the epoch's order, then rows of the window, are behind.

    It means the same for any number of workers and ranks, and is plain integers, for a checkpoint.
    """

    epoch: int = 0
    window: int = 0
    row: int = 0


#: Where a stream begins.
BEGINNING: Final = Position()


@dataclass(frozen=True)
class TextBatch:
    """Rows of sequences and what is asked about them. Tensors are int64 unless said.

    Attributes:
        input_ids, token_type_ids: (rows, tokens), masked already.
        position_ids: (rows, tokens): from 0 in each sequence.
        sequence_ids: (rows, tokens): from 1 within a row, 0 for padding. Tokens attend to their own sequence only.
        sequences: (sequences, 3): row, start, end of each sequence, its special tokens included; by row, then start.
        follows: (sequences,): 0 where B follows A, 1 where it does not (BERT's coding), IGNORE where there is no B.
        targets: (targets,): places in the flattened (rows * tokens) whose state predicts something, ascending.
        target_labels: (targets,) the token to predict. Masked: what stood there. Causal: the next token of the same
            sequence. Permutation: the token that stands there.
        permutation: (rows, tokens) or None. Permutation only: 0 for tokens that are given, which every token of their sequence
            sees; from 1 for those that are predicted, which only those of higher number see (and they themselves, in
            the content stream).
        pairs: (pairs, 5): row, subject [start, end), object [start, end).
        pair_sequences: (pairs,): number of the pair's sequence in `sequences`.
        pair_labels: (pairs,): class of the relation, NO_RELATION where there is none.
        pair_beliefs: (pairs,) float32: belief of the claim, 1 where there is none.
        mentions: (mentions, 3): row, start, end of each linked entity.
        mention_entities: (mentions,): number among the entities of the graph, -1 where it is not in it.
        tokens: number of tokens that are no padding.
        position: where the stream stands after this batch.
    """

    input_ids: Tensor
    token_type_ids: Tensor
    position_ids: Tensor
    sequence_ids: Tensor
    sequences: Tensor
    follows: Tensor
    targets: Tensor
    target_labels: Tensor
    permutation: Tensor | None
    pairs: Tensor
    pair_sequences: Tensor
    pair_labels: Tensor
    pair_beliefs: Tensor
    mentions: Tensor
    mention_entities: Tensor
    tokens: int
    position: Position

    def to(self, device: torch.device | str) -> TextBatch:
        """The same batch with its tensors on a device."""
        return _moved(self, device)


@dataclass(frozen=True)
class LinkBatch:
    """Triples and their corruptions over the entities of one step. Tensors are int64 unless said.

    Attributes:
        entities: (entities,) numbers of the step's entities in the graph, ascending.
        heads, relations, tails: (triples,): heads and tails count the entities of this step.
        corrupted_heads, corrupted_tails: (triples, negatives): each differs from the triple at one end.
        valid: (triples, negatives) bool: the corruption is false as far as the train split tells.
        weights: (triples,) float32: belief, or 1.
        names: (input_ids, attention_mask) of the entities' names, (entities, length) both; None where no objective reads them.
    """

    entities: Tensor
    heads: Tensor
    relations: Tensor
    tails: Tensor
    corrupted_heads: Tensor
    corrupted_tails: Tensor
    valid: Tensor
    weights: Tensor
    names: tuple[Tensor, Tensor] | None = None

    def to(self, device: torch.device | str) -> LinkBatch:
        """The same batch with its tensors on a device."""
        return _moved(self, device)


_Batch = TypeVar("_Batch", TextBatch, LinkBatch)


def _moved(batch: _Batch, device: torch.device | str) -> _Batch:
    values = {field.name: getattr(batch, field.name) for field in fields(batch)}
    for name, value in values.items():
        if isinstance(value, Tensor):
            values[name] = value.to(device, non_blocking=True)
        elif name == "names" and value is not None:
            values[name] = tuple(tensor.to(device, non_blocking=True) for tensor in value)
    return type(batch)(**values)
