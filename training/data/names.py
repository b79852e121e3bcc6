"""Names of entities as tokens: encoded once, 4 bytes a token, and looked up at each step."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from training.data.batches import Language
from training.data.ragged import Integers, aranges, offsets
from training.data.special_tokens import special_tokens, text_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

__all__ = ["EncodedNames"]

_AT_ONCE = 10_000


class EncodedNames:
    """Each name as a sequence of its own, with the special tokens of the family, cut to a length.

    Args:
        names: by number of the entity.
        tokenizer: a fast one.
        language: the language objective of its family.
        length: tokens of a name at most, special tokens included.
    """

    def __init__(
        self, names: Sequence[str], tokenizer: PreTrainedTokenizerFast, *, language: Language, length: int
    ) -> None:
        self.special = special_tokens(tokenizer, language)
        room = length - self.special.around(1)
        plain = text_tokenizer(tokenizer)
        counts, tokens = [], []
        for start in range(0, len(names), _AT_ONCE):
            encodings = plain.encode_batch_fast(list(names[start : start + _AT_ONCE]), add_special_tokens=False)
            kept = [encoding.ids[:room] for encoding in encodings]
            counts.append(np.fromiter(map(len, kept), np.int64, len(kept)))
            tokens.append(np.fromiter(chain.from_iterable(kept), np.int32))
        self._tokens = np.concatenate(tokens) if tokens else np.zeros(0, np.int32)
        self._begins = offsets(np.concatenate(counts) if counts else np.zeros(0, np.int64))

    def batch(self, entities: Integers) -> tuple[Tensor, Tensor]:
        """Token numbers and attention mask of the names of some entities, (entities, longest) both."""
        special = self.special
        sizes = self._begins[entities + 1] - self._begins[entities]
        before = int(special.before is not None)
        lengths = sizes + special.around(1)
        width = int(lengths.max(initial=1))
        ids = np.full((len(entities), width), special.pad, dtype=np.int64)
        rows = np.arange(len(entities))
        if special.before is not None:
            ids[:, 0] = special.before
        ids.reshape(-1)[aranges(rows * width + before, sizes)] = self._tokens[aranges(self._begins[entities], sizes)]
        ids[rows, before + sizes] = special.after
        if special.last is not None:
            ids[rows, lengths - 1] = special.last
        mask = (np.arange(width) < lengths[:, None]).astype(np.int64)
        return torch.from_numpy(ids), torch.from_numpy(mask)
