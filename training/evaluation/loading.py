"""A model of any folder, whoever made it, and what it holds likely at some places of some rows.

The library's own classes compute logits at every place, and over a whole vocabulary that is most of the work. A hook in front of the
last layer keeps only the states that are asked about, whatever the family. Rejected: `training.backbones`, which knows
one masked family, where a comparison with published models wants all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from pipeline.content import model_folder
from pipeline.errors import MateriaError
from pipeline.quiet_loading import quiet, unloadable
from training.data.special_tokens import text_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

__all__ = ["LogProbabilities", "load", "pieces_of"]


def load(folder: Path, kind: str) -> tuple[Any, PreTrainedTokenizerFast]:
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
    except unloadable() as error:
        raise MateriaError(
            f"holds no model that can be judged as {kind} ({str(error).splitlines()[0]})",
            file=str(folder),
            remedy="Give the folder of a model and its tokenizer, as materia pretrain or save_pretrained writes it",
        ) from error
    return model.eval().to("cuda" if torch.cuda.is_available() else "cpu"), tokenizer


def pieces_of(tokenizer: PreTrainedTokenizerFast) -> Callable[[Sequence[str]], list[list[int]]]:
    """A function from texts to the numbers of their tokens, without special ones."""
    plain = text_tokenizer(tokenizer)
    return lambda texts: [found.ids for found in plain.encode_batch_fast(list(texts), add_special_tokens=False)]


class LogProbabilities:
    """Log-probabilities of every token at some places.

    Args:
        model: of the library, with a language head.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._asked: Tensor | None = None
        model.get_output_embeddings().register_forward_pre_hook(self._keep_asked)

    @torch.no_grad()
    def __call__(self, ids: Tensor, attended: Tensor, asked: Tensor) -> Tensor:
        """(places, vocabulary), in the order of rows and places.

        Args:
            ids: (rows, tokens).
            attended: (rows, tokens): 0 at padding.
            asked: numbers of places in the rows one after another.
        """
        device = self._model.device
        self._asked = asked.to(device)
        logits = self._model(input_ids=ids.to(device), attention_mask=attended.to(device)).logits
        return torch.log_softmax(logits.float(), -1).cpu()

    def _keep_asked(self, module: Any, inputs: tuple[Tensor, ...]) -> tuple[Tensor]:
        """Of the states before the last layer, (rows, tokens, hidden), those that are asked about, (places, hidden)."""
        assert self._asked is not None
        return (inputs[0].flatten(0, -2).index_select(0, self._asked),)
