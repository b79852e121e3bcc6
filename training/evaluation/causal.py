"""A causal language model of any folder, asked how likely tokens are after those before them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from pipeline.content import model_folder
from training.data.special_tokens import special_tokens
from training.evaluation.loading import LogProbabilities, load, pieces_of

__all__ = ["CausalLanguageModel", "is_causal"]

#: Their logits are held at once, each over the whole vocabulary.
_TOKENS_AT_ONCE: Final = 2_048


def is_causal(folder: Path) -> bool:
    """Whether the library has the model in a folder as a causal one and not as a masked one (BERT it has as both)."""
    from transformers import AutoConfig
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
        MODEL_FOR_MASKED_LM_MAPPING_NAMES,
    )

    try:
        family = AutoConfig.from_pretrained(model_folder(str(folder)), local_files_only=True).model_type
    except (OSError, ValueError, KeyError):
        return False  # whoever loads it says what is wrong
    # XLNet learns tokens in the order of a permutation: read from left to right, it is not what it was trained to be.
    return family in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES and family not in {*MODEL_FOR_MASKED_LM_MAPPING_NAMES, "xlnet"}


class CausalLanguageModel:
    """A model that tells the next token.

    Args:
        folder: any Hugging Face causal language model.

    Attributes:
        pieces: tokens of texts, without special ones.
        room: tokens of a row at most, without the one that begins it.

    Raises:
        MateriaError: there is none.
    """

    def __init__(self, folder: Path) -> None:
        model, tokenizer = load(folder, "AutoModelForCausalLM")
        special = special_tokens(tokenizer, "causal")
        self._first = special.after if special.before is None else special.before
        self._pad = special.pad
        self.room = int(getattr(model.config, "max_position_embeddings", 512)) - 1
        self.pieces = pieces_of(tokenizer)
        self._likely = LogProbabilities(model)

    def log_probabilities(
        self, rows: Sequence[Sequence[int]], contexts: Sequence[Sequence[int]] | None = None
    ) -> list[NDArray[np.float32]]:
        """Log-probability of each token of each row, after the token that begins a text, its context, and those before it in the row.

        Args:
            rows: tokens of each.
            contexts: tokens that stand before each row; with it, `room` at most.
        """
        whole = rows if contexts is None else [[*context, *row] for context, row in zip(contexts, rows, strict=True)]
        found: list[NDArray[np.float32]] = [np.zeros(0, np.float32)] * len(rows)
        order = sorted(range(len(rows)), key=lambda number: len(whole[number]))  # alike in length: little is padding
        while order:
            size = max(1, _TOKENS_AT_ONCE // (len(whole[order[-1]]) + 1))
            part, order = order[-size:], order[:-size]
            read = self._read([whole[number] for number in part], [len(rows[number]) for number in part])
            for number, likely in zip(part, read, strict=True):
                found[number] = likely
        return found

    def _read(self, rows: Sequence[Sequence[int]], asked: Sequence[int]) -> list[NDArray[np.float32]]:
        """Log-probabilities of the last so many tokens of each row."""
        lengths = torch.tensor([len(row) for row in rows])
        places = torch.arange(int(lengths.max()) + 1)
        attended = places <= lengths[:, None]
        ids = torch.full(attended.shape, self._pad)
        ids[:, 0] = self._first
        ids[attended & (places > 0)] = torch.tensor([token for row in rows for token in row], dtype=torch.long)
        own = (attended & (places > (lengths - torch.tensor(asked))[:, None])).flatten().nonzero()[:, 0]
        likely = self._likely(ids, attended.long(), own - 1)  # what follows a token is told at its place
        told = likely[torch.arange(len(own)), ids.flatten()[own]].numpy()
        return np.split(told, np.cumsum(asked)[:-1])
