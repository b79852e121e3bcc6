"""Batches of sequences for the objectives that share one pass of the encoder.

One sequence serves masked LM, next sentence prediction and relation classification at once: [CLS] A [SEP] B [SEP],
where B follows A in its passage or comes from another passage of the batch. Entities are found again by pooling over
their tokens, so no marker tokens are added: markers would need a sequence of their own for every pair, and hence a pass
each.

Everything random in a batch (where A ends, whether B follows, what is masked, which pairs are negatives) is drawn from
(seed, step).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from training.encoding import EncodedPassage, Integers

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

    from training.config import PretrainingConfig

__all__ = ["IGNORE", "NO_RELATION", "TextBatch", "make_text_batch"]

#: Label of what does not count, as torch's cross-entropy has it.
IGNORE = -100
#: Class of a pair of entities without a relation.
NO_RELATION = 0


@dataclass(frozen=True)
class TextBatch:
    """Sequences and what is asked about them.

    Attributes:
        input_ids, token_type_ids, attention_mask: (batch, tokens) int64, masked already.
        masked: (masked,) places in the flattened (batch * tokens) input that are to be predicted.
        masked_labels: (masked,) the tokens that stood there.
        follows: (batch,) 0 where B follows A, 1 where it does not, IGNORE where there is no B. BERT's own coding.
        pairs: (pairs, 5) row, subject [start, end), object [start, end), in tokens.
        pair_labels: (pairs,) class of the relation, NO_RELATION where there is none.
        tokens: number of tokens that are no padding.
    """

    input_ids: Tensor
    token_type_ids: Tensor
    attention_mask: Tensor
    masked: Tensor
    masked_labels: Tensor
    follows: Tensor
    pairs: Tensor
    pair_labels: Tensor
    tokens: int


@dataclass(frozen=True)
class _Piece:
    """Tokens [start, stop) of a passage, that stand from `at` in a sequence."""

    passage: EncodedPassage
    start: int
    stop: int
    at: int


def make_text_batch(
    passages: Sequence[EncodedPassage], tokenizer: PreTrainedTokenizerFast, config: PretrainingConfig, *, step: int
) -> TextBatch:
    """Sequences of at most `config.max_length` tokens from encoded passages, one each, padded to the longest."""
    random = np.random.Generator(np.random.Philox(key=[config.seed, step]))
    rows = [_pieces(passages, i, config.max_length, random) for i in range(len(passages))]
    length = max(pieces[-1].at + pieces[-1].stop - pieces[-1].start + 1 for pieces, _ in rows)
    ids = np.full((len(rows), length), tokenizer.pad_token_id, dtype=np.int64)
    types, attention = np.zeros_like(ids), np.zeros_like(ids)
    units = np.full_like(ids, -1)
    next_unit = 0
    for row, (pieces, _) in enumerate(rows):
        ids[row, 0] = tokenizer.cls_token_id
        for kind, piece in enumerate(pieces):
            end = piece.at + piece.stop - piece.start
            ids[row, piece.at : end] = piece.passage.ids[piece.start : piece.stop]
            ids[row, end] = tokenizer.sep_token_id
            types[row, piece.at : end + 1] = kind
            attention[row, : end + 1] = 1
            units[row, piece.at : end] = piece.passage.units[piece.start : piece.stop] + next_unit
            next_unit += len(piece.passage.ids)
    masked, labels = _mask(ids, units, next_unit, tokenizer, config, random=random)
    pairs, classes = _pairs([pieces for pieces, _ in rows], config.no_relation, random)
    return TextBatch(
        input_ids=torch.from_numpy(ids),
        token_type_ids=torch.from_numpy(types),
        attention_mask=torch.from_numpy(attention),
        masked=torch.from_numpy(masked),
        masked_labels=torch.from_numpy(labels),
        follows=torch.tensor([label for _, label in rows]),
        pairs=torch.from_numpy(pairs),
        pair_labels=torch.from_numpy(classes),
        tokens=int(attention.sum()),
    )


def _pieces(
    passages: Sequence[EncodedPassage], i: int, max_length: int, random: np.random.Generator
) -> tuple[list[_Piece], int]:
    """A and B of the sequence made from passage i, and whether B follows A (0), does not (1), or there is none (IGNORE)."""
    passage, size = passages[i], len(passages[i].ids)
    inner = passage.sentences[(passage.sentences > 0) & (passage.sentences < size)]
    if not len(inner):
        return [_Piece(passage, 0, min(size, max_length - 2), 1)], IGNORE
    cut = int(random.choice(inner))
    other = passages[(i + 1) % len(passages)]
    follows = len(passages) == 1 or not len(other.ids) or bool(random.random() < 0.5)
    source, begin = (
        (passage, cut) if follows else (other, int(random.choice(other.sentences[other.sentences < len(other.ids)])))
    )
    room = max_length - 3
    right = min(len(source.ids) - begin, max(room // 2, room - cut))
    left = min(cut, room - right)
    # A keeps its end and B its beginning, so that the two still meet where they are cut.
    return [_Piece(passage, cut - left, cut, 1), _Piece(source, begin, begin + right, left + 2)], 0 if follows else 1


def _mask(
    ids: Integers,
    units: Integers,
    count: int,
    tokenizer: PreTrainedTokenizerFast,
    config: PretrainingConfig,
    *,
    random: np.random.Generator,
) -> tuple[Integers, Integers]:
    """Mask whole units in place: of those chosen, 80% become [MASK], 10% another token, 10% stay (Devlin et al., 2019).

    Each unit is chosen on its own with probability `config.mask`, so the share of tokens is that too, on the average.
    """
    chosen = random.random(count) < config.mask
    fate = random.random(count)
    picked = (units >= 0) & chosen[units]
    masked = np.flatnonzero(picked)
    labels = ids.reshape(-1)[masked]
    fates = fate[units.reshape(-1)[masked]]
    noise = random.integers(len(tokenizer.all_special_ids), len(tokenizer), len(masked))
    ids.reshape(-1)[masked] = np.where(fates < 0.8, tokenizer.mask_token_id, np.where(fates < 0.9, noise, labels))
    return masked, labels


def _pairs(rows: Sequence[Sequence[_Piece]], share: float, random: np.random.Generator) -> tuple[Integers, Integers]:
    """Pairs of entities with a relation, and at most `share` times as many of one sentence without."""
    positive: list[tuple[int, int, int, int, int]] = []
    classes: list[int] = []
    negative: list[tuple[int, int, int, int, int]] = []
    for row, pieces in enumerate(rows):
        for piece in pieces:
            passage = piece.passage
            inside = (passage.spans[:, 0] >= piece.start) & (passage.spans[:, 1] <= piece.stop)
            inside &= passage.spans[:, 1] > passage.spans[:, 0]
            places = passage.spans + (piece.at - piece.start)
            related = set()
            for subject, kind, target in passage.relations:
                related |= {(subject, target), (target, subject)}
                if inside[subject] and inside[target]:
                    positive.append((row, *places[subject].tolist(), *places[target].tolist()))
                    classes.append(kind)
            kept = np.flatnonzero(inside)
            sentence = passage.sentence_of(passage.spans[:, 0])
            for n, one in enumerate(kept):
                for two in kept[n + 1 :]:
                    if sentence[two] != sentence[one]:
                        continue
                    if (one, two) not in related and passage.concepts[one] != passage.concepts[two]:
                        negative.append((row, *places[one].tolist(), *places[two].tolist()))
    wanted = min(len(negative), max(1, round(share * len(positive)))) if share else 0
    taken = np.sort(random.permutation(len(negative))[:wanted])
    turned = random.random(wanted) < 0.5
    extra = [_turn(negative[i]) if turn else negative[i] for i, turn in zip(taken, turned, strict=True)]
    pairs = np.array(positive + extra, dtype=np.int64).reshape(-1, 5)
    return pairs, np.array(classes + [NO_RELATION] * wanted, dtype=np.int64)


def _turn(pair: tuple[int, int, int, int, int]) -> tuple[int, int, int, int, int]:
    return pair[0], *pair[3:5], *pair[1:3]
