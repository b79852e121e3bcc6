"""What a model says of features: its logits, row by row, in batches of rows of about one length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from training.finetuning.collate import Collator
from training.tasks.base import Features

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedTokenizerFast

__all__ = ["logits_of"]

#: Rows of a pass.
_ROWS: Final = 32


def logits_of(
    model: nn.Module, tokenizer: PreTrainedTokenizerFast, features: Sequence[Features]
) -> list[NDArray[np.float32]]:
    """Logits of each of the features, without padding; of spans (tokens, 2), the scores of start and end.

    Rows of about one length pass together, so little is padding. The model is left in the mode it was in.
    """
    collate = Collator(tokenizer)
    order = sorted(range(len(features)), key=lambda place: len(_tokens(features[place])))
    found: dict[int, NDArray[np.float32]] = {}
    device, training = next(model.parameters()).device, model.training
    model.eval()
    try:
        with torch.inference_mode():
            for start in range(0, len(order), _ROWS):
                places = order[start : start + _ROWS]
                rows = [features[place] for place in places]
                output = model(**{name: tensor.to(device) for name, tensor in collate.inputs(rows).items()})
                found.update(zip(places, collate.unpadded(_logits(output), rows), strict=True))
    finally:
        model.train(training)
    return [found[place] for place in range(len(features))]


def _tokens(feature: Features) -> list[Any]:
    ids = feature.inputs["input_ids"]
    return max(ids, key=len) if isinstance(ids[0], list) else ids


def _logits(output: Any) -> torch.Tensor:
    """The scores in an output of the library's, whatever the head."""
    if "start_logits" in output:
        return torch.stack((output.start_logits, output.end_logits), -1)
    logits: torch.Tensor = output.logits
    return logits
