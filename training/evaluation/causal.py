"""A causal language model of any folder, asked how likely each token of a row is after those before it.

`training.backbones` knows two causal families, where a comparison with published models wants all of them. Logits over a large
vocabulary are most of the memory, so only a few rows are read at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import torch

from pipeline.content import model_folder
from training.data.special_tokens import special_tokens, text_tokenizer
from training.evaluation.masked import load_encoder

__all__ = ["CausalLanguageModel", "is_causal"]

_AT_ONCE: Final = 8


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
        room: tokens of a row at most, without the one that begins it.

    Raises:
        MateriaError: there is none.
    """

    def __init__(self, folder: Path) -> None:
        self.model, tokenizer = load_encoder(folder, "AutoModelForCausalLM")
        special = special_tokens(tokenizer, "causal")
        self._first = special.after if special.before is None else special.before
        self._pad = special.pad
        self.room = int(getattr(self.model.config, "max_position_embeddings", 512)) - 1
        self._text = text_tokenizer(tokenizer)

    def pieces(self, texts: Sequence[str]) -> list[list[int]]:
        """Tokens of texts, without special ones."""
        return [encoding.ids for encoding in self._text.encode_batch_fast(list(texts), add_special_tokens=False)]

    def log_probabilities(self, rows: Sequence[Sequence[int]]) -> list[list[float]]:
        """Log-probability of each token of each row, after the token that begins a text and those before it in the row."""
        return [
            found for start in range(0, len(rows), _AT_ONCE) for found in self._read(rows[start : start + _AT_ONCE])
        ]

    @torch.no_grad()
    def _read(self, rows: Sequence[Sequence[int]]) -> list[list[float]]:
        width = max(map(len, rows)) + 1
        ids = torch.full((len(rows), width), self._pad)
        attended = torch.zeros_like(ids)
        for number, row in enumerate(rows):
            ids[number, : len(row) + 1] = torch.tensor([self._first, *row])
            attended[number, : len(row) + 1] = 1
        ids = ids.to(self.model.device)
        logits = self.model(input_ids=ids, attention_mask=attended.to(ids.device)).logits[:, :-1].float()
        likely = torch.log_softmax(logits, -1).gather(-1, ids[:, 1:, None]).squeeze(-1).cpu()
        return [found[: len(row)].tolist() for found, row in zip(likely, rows, strict=True)]
