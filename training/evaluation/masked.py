"""A masked language model of any folder, asked for the probabilities at some places of some rows.

The library's own class computes logits at every place, and over a whole vocabulary that is most of the work. A hook in front
of the last layer keeps only the states that are asked about, whatever the family. Rejected: `training.backbones`, which knows one
masked family, where a comparison with published encoders wants all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from pipeline.content import model_folder
from pipeline.errors import MateriaError
from pipeline.quiet_loading import quiet
from training.data.special_tokens import special_tokens, text_tokenizer

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedTokenizerFast

__all__ = ["MaskedLanguageModel", "load_encoder"]


def load_encoder(folder: Path, kind: str) -> tuple[Any, PreTrainedTokenizerFast]:
    """A model in evaluation mode, on a GPU where there is one, and its tokenizer.

    Args:
        kind: the library's class, such as AutoModel.

    Raises:
        MateriaError: the folder holds no such model.
    """
    import transformers

    try:
        place = model_folder(str(folder))
        with quiet():
            model = getattr(transformers, kind).from_pretrained(place, local_files_only=True)
            tokenizer = transformers.AutoTokenizer.from_pretrained(place, local_files_only=True)
    except (OSError, ValueError, KeyError, RuntimeError, TypeError, AttributeError) as error:
        raise MateriaError(
            f"holds no model that can be judged as {kind} ({str(error).splitlines()[0]})",
            file=str(folder),
            remedy="Give the folder of a model and its tokenizer, as materia pretrain or save_pretrained writes it",
        ) from error
    return model.eval().to("cuda" if torch.cuda.is_available() else "cpu"), tokenizer


def _check_masked(config: PretrainedConfig, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    if tokenizer.mask_token_id is None or config.model_type in ("gpt2", "llama", "xlnet"):
        raise MateriaError(
            f"is a {config.model_type} model, which has no masks to fill",
            file=str(folder),
            remedy="Cloze questions are for masked models (BERT and its kin): set probing: null in the suite; of XLNet, "
            "perplexity: null too",
        )


class MaskedLanguageModel:
    """A model that fills masks.

    Args:
        folder: any Hugging Face masked language model.

    Attributes:
        mask: number of the token that stands for a piece that is asked.
        room: tokens of a row at most, special tokens included.

    Raises:
        MateriaError: there is none, or it has no masks to fill.
    """

    def __init__(self, folder: Path) -> None:
        self.model, tokenizer = load_encoder(folder, "AutoModelForMaskedLM")
        _check_masked(self.model.config, tokenizer, folder)
        self.special = special_tokens(tokenizer, "masked")
        self.mask = int(tokenizer.mask_token_id)
        self.room = int(getattr(self.model.config, "max_position_embeddings", 512)) - self.special.pad * (
            self.model.config.model_type
            in ("roberta", "xlm-roberta", "camembert")  # positions are counted from behind padding
        )
        self._text = text_tokenizer(tokenizer)
        self._asked: Tensor | None = None
        self.model.get_output_embeddings().register_forward_pre_hook(self._keep_asked)

    def pieces(self, texts: Sequence[str]) -> list[list[int]]:
        """Tokens of texts, without special ones."""
        return [encoding.ids for encoding in self._text.encode_batch_fast(list(texts), add_special_tokens=False)]

    @torch.no_grad()
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
        device = self.model.device
        self._asked = torch.tensor(asked, dtype=torch.long, device=device)
        logits = self.model(input_ids=ids.to(device), attention_mask=attended.to(device)).logits
        return torch.log_softmax(logits.float(), -1).cpu()

    def _keep_asked(self, module: Any, inputs: tuple[Tensor, ...]) -> tuple[Tensor]:
        """Of the states before the last layer, (rows, tokens, hidden), those that are asked about, (places, hidden)."""
        assert self._asked is not None
        return (inputs[0].flatten(0, -2).index_select(0, self._asked),)
