"""Features as padded tensors, and logits back without the padding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.tasks.base import Features

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

__all__ = ["Collator"]

#: A label that no loss counts.
_IGNORED: Final = -100


class Collator:
    """Makes a batch of features: each input padded to the longest of the batch, as the encoder's tokenizer pads.

    A list of lists (the options of a multiple choice) is padded along both.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        self._padding = {"input_ids": tokenizer.pad_token_id, "token_type_ids": tokenizer.pad_token_type_id}
        self._left = tokenizer.padding_side == "left"

    def __call__(self, features: Sequence[Features]) -> dict[str, Tensor]:
        """Inputs and labels; labels that have names of their own (places of starts, of ends) under these."""
        batch = self.inputs(features)
        labels = [feature.labels for feature in features]
        if isinstance(labels[0], dict):
            ids = [feature.inputs["input_ids"] for feature in features]
            before = torch.tensor([max(map(len, ids)) - len(row) if self._left else 0 for row in ids])
            batch |= {name: torch.tensor([label[name] for label in labels]) + before for name in labels[0]}
        else:
            batch["labels"] = self._stacked(labels, _IGNORED)
        return batch

    def inputs(self, features: Sequence[Features]) -> dict[str, Tensor]:
        """Inputs without labels."""
        names = features[0].inputs
        return {n: self._stacked([f.inputs[n] for f in features], self._padding.get(n, 0)) for n in names}

    def unpadded(self, logits: Tensor, features: Sequence[Features]) -> list[NDArray[np.float32]]:
        """Of each row its own part: of (rows, tokens, ...) its tokens, of (rows, options) its options."""
        nested = isinstance(features[0].inputs["input_ids"][0], list)
        rows = logits.detach().float().cpu().numpy()
        if logits.ndim < 3 and not nested:
            return list(rows)
        sizes = (len(feature.inputs["input_ids"]) for feature in features)
        left = self._left and not nested  # options stand at the left wherever their tokens do
        return [row[len(row) - size :] if left else row[:size] for row, size in zip(rows, sizes, strict=True)]

    def _stacked(self, values: Sequence[Any], padding: float) -> Tensor:
        """Numbers, or lists or lists of lists of them, of several lengths as one tensor."""
        if not isinstance(values[0], list):
            return torch.tensor(values)
        if values[0] and isinstance(values[0][0], list):
            most, longest = max(map(len, values)), max(len(inner) for value in values for inner in value)
            rows = [self._padded(inner, longest, padding) for value in values for inner in value]
            ends = np.cumsum([len(value) for value in values])
            empty = [padding] * longest
            return torch.tensor(
                [
                    rows[end - len(value) : end] + [empty] * (most - len(value))
                    for end, value in zip(ends, values, strict=True)
                ]
            )
        longest = max(map(len, values))
        return torch.tensor([self._padded(value, longest, padding) for value in values])

    def _padded(self, values: list[Any], length: int, padding: float) -> list[Any]:
        missing = [padding] * (length - len(values))
        return missing + values if self._left else values + missing
