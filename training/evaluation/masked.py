"""A masked language model of any folder, asked for the probabilities at some places of some rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from pipeline.errors import MateriaError
from training.data.special_tokens import special_tokens
from training.evaluation.loading import LogProbabilities, load, pieces_of

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedTokenizerFast

__all__ = ["MaskedLanguageModel"]


def _check_masked(config: PretrainedConfig, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    if tokenizer.mask_token_id is None or config.model_type == "xlnet":
        raise MateriaError(
            f"is a {config.model_type} model, which has no masks to fill and does not read from left to right",
            file=str(folder),
            remedy="Cloze questions and perplexity are for masked models (BERT and its kin) and causal ones (GPT-2, Llama and "
            "theirs): leave them out of the suite (probing: null, perplexity: null)",
        )


class MaskedLanguageModel:
    """A model that fills masks.

    Args:
        folder: any Hugging Face masked language model.

    Attributes:
        pieces: tokens of texts, without special ones.
        mask: number of the token that stands for a piece that is asked.
        room: tokens of a row at most, special tokens included.

    Raises:
        MateriaError: there is none, or it has no masks to fill.
    """

    def __init__(self, folder: Path) -> None:
        model, tokenizer = load(folder, "AutoModelForMaskedLM")
        _check_masked(model.config, tokenizer, folder)
        self.special = special_tokens(tokenizer, "masked")
        self.mask = int(tokenizer.mask_token_id)
        self.room = int(getattr(model.config, "max_position_embeddings", 512)) - self.special.pad * (
            model.config.model_type
            in ("roberta", "xlm-roberta", "camembert")  # positions are counted from behind padding
        )
        self.pieces = pieces_of(tokenizer)
        self._likely = LogProbabilities(model)

    def log_probabilities(self, rows: Sequence[Sequence[int]], places: Sequence[Sequence[int]]) -> Tensor:
        """Log-probabilities of every token at places of rows, (places of all rows, vocabulary), in the order of rows and places.

        Args:
            rows: tokens of each, without the special ones around; room - 2 at most.
            places: in each row, those asked about.
        """
        special, width = self.special, max(map(len, rows)) + 2
        ids = torch.full((len(rows), width), special.pad)
        attended = torch.zeros_like(ids)
        for number, row in enumerate(rows):
            ids[number, : len(row) + 2] = torch.tensor([special.before, *row, special.after])
            attended[number, : len(row) + 2] = 1
        asked = [number * width + place + 1 for number, found in enumerate(places) for place in found]
        return self._likely(ids, attended, torch.tensor(asked, dtype=torch.long))
