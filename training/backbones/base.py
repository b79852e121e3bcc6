"""What every backbone is: a Hugging Face model, read through what the objectives need of it.

The model itself is kept as the library makes it, so `save` writes a folder that `AutoModel.from_pretrained` loads
without this project. What is added is the attention of packed rows: a mask of blocks, which costs rows x tokens x tokens
booleans a step and goes to the library's scaled dot product attention as it is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import torch
from torch import Tensor, nn
from transformers.utils import logging

from pipeline.errors import MateriaError
from pipeline.quiet_loading import unloadable
from training.backbones.config import LANGUAGE_OF, BackboneConfig, Family, Language
from training.data.special_tokens import special_tokens

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

    from training.data.batches import TextBatch

__all__ = ["Backbone", "Encoded"]


@dataclass(frozen=True)
class Encoded:
    """What one pass gives.

    Attributes:
        states: (rows, tokens, hidden): what stands at each place, in its context.
        target_states: (targets, hidden): from what each target is predicted; none where that was not asked for.
    """

    states: Tensor
    target_states: Tensor | None = None


class Backbone(nn.Module, ABC):
    """A language model of one family.

    Args:
        model: the library's model with its language head.
    """

    #: The family, as a configuration and the library's `model_type` name it.
    family: ClassVar[Family]
    #: The library's class: the model with its language head.
    model_class: ClassVar[Any]
    #: Whether the state of a whole sequence is that of its first token; else of its last, which alone has seen all.
    summary_is_first: ClassVar[bool] = False
    #: Whether it has a head that tells whether B follows A.
    has_next_sentence: ClassVar[bool] = False

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    @property
    def language(self) -> Language:
        """How it learns language."""
        return LANGUAGE_OF[self.family]

    @property
    def hidden(self) -> int:
        """Width of its states."""
        return int(self.model.config.hidden_size)

    @property
    def vocabulary(self) -> int:
        """Tokens it has vectors for."""
        return int(self.model.config.vocab_size)

    @property
    def longest(self) -> int | None:
        """Most tokens of a sequence it has positions for; None: any number."""
        return int(self.model.config.max_position_embeddings)

    @classmethod
    def from_config(cls, config: BackboneConfig, tokenizer: PreTrainedTokenizerFast, max_length: int) -> Self:
        """A new model of the configured sizes, for a tokenizer. Its weights come from torch's global seed."""
        roles = {f"{role}_token_id": getattr(tokenizer, f"{role}_token_id", None) for role in ("bos", "eos", "pad")}
        shared = {"vocab_size": len(tokenizer), "initializer_range": config.hidden**-0.5, **roles}
        settings = cls._settings(config, max_length)
        return cls(cls.model_class(cls.model_class.config_class(**shared, **settings)))

    @classmethod
    def from_pretrained(cls, folder: Path, name: str) -> Self:
        """The model in a folder; `name` is what the user calls it. Heads that the folder lacks are new, from torch's seed.

        Raises:
            MateriaError: the folder holds no complete model of this family.
        """
        from safetensors import SafetensorError

        try:
            with no_progress_bars():
                model = cls.model_class.from_pretrained(folder, local_files_only=True, use_safetensors=True)
        except SafetensorError as error:
            raise MateriaError(
                f"holds weights that cannot be read ({error})", file=name, remedy="Fetch or write the model again"
            ) from error
        except unloadable() as error:
            raise MateriaError(
                f"holds no complete {cls.family} model ({str(error).splitlines()[0]})",
                file=name,
                remedy="Give the folder of a model as save_pretrained writes it, with its weights as safetensors",
            ) from error
        return cls(model)

    def save(self, folder: Path) -> None:
        """Write the library's own folder: config.json and model.safetensors."""
        folder.mkdir(parents=True, exist_ok=True)
        with no_progress_bars():
            self.model.save_pretrained(folder)

    def enable_gradient_checkpointing(self) -> None:
        """Compute states again in the backward pass instead of keeping them.

        Raises:
            MateriaError: the library does not have it for this family.
        """
        if not self.model.supports_gradient_checkpointing:
            raise MateriaError(
                f"transformers has no gradient checkpointing for {self.family}",
                remedy="Set backbone.gradient_checkpointing to false",
            )
        self.model.activation_checkpointing_enable()

    def compile_encoder(self, backend: str = "inductor") -> None:
        """Compile the layers in place, so that parameters keep their names. Sizes differ from batch to batch, hence `dynamic`."""
        self.model.base_model.compile(backend=backend, dynamic=True)

    def check_tokenizer(self, tokenizer: PreTrainedTokenizerFast, max_length: int, name: str) -> None:
        """Refuse a tokenizer, or a length of sequences, that does not fit.

        Args:
            tokenizer: what turns the texts into numbers.
            max_length: tokens of the longest sequence.
            name: of the model or folder, for the message.

        Raises:
            MateriaError: it has more tokens than the model, another padding, lacks a special token, or the sequences are
                longer than the model's positions.
        """
        room, own = self.vocabulary, self.model.config.pad_token_id
        if len(tokenizer) > room:
            problem = f"the tokenizer has {len(tokenizer)} tokens but the model only {room}"
            raise MateriaError(problem, file=name, remedy="Use the tokenizer the model was trained with")
        special_tokens(tokenizer, self.language)
        if None not in (own, tokenizer.pad_token_id) and own != tokenizer.pad_token_id:
            raise MateriaError(
                f"the tokenizer pads with token {tokenizer.pad_token_id} but the model with {own}",
                file=name,
                remedy="Use the tokenizer the model was trained with",
            )
        if self.longest is not None and max_length > self.longest:
            raise MateriaError(
                f"sequences of {max_length} tokens are longer than the {self.longest} the model has positions for",
                file=name,
                remedy=f"Set the length of sequences to at most {self.longest}",
            )

    def encode(self, text: TextBatch, *, targets: bool) -> Encoded:
        """One pass over a batch.

        Args:
            text: rows of one or several sequences; no sequence sees another.
            targets: whether the language objective is asked, so that the states of its targets are wanted.
        """
        states = self._states(text.input_ids, text.sequence_ids, text.position_ids, text.token_type_ids)
        return Encoded(states, states.flatten(0, 1).index_select(0, text.targets) if targets else None)

    def encode_names(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """States of names as wholes: (names, tokens) ids and 1 where no padding is; gives (names, hidden)."""
        places = (attention_mask.cumsum(1) - 1).clamp_min(0)
        states = self._states(input_ids, attention_mask.long(), places, torch.zeros_like(input_ids))
        order = torch.arange(input_ids.shape[1], device=input_ids.device) * attention_mask
        rows = torch.arange(len(input_ids), device=input_ids.device)
        first, last = attention_mask.argmax(1), order.argmax(1)
        return states[rows, first if self.summary_is_first else last]

    def summaries(self, states: Tensor, sequences: Tensor) -> Tensor:
        """States of sequences as wholes: (rows, tokens, hidden) and (sequences, 3) row, start, end; (sequences, hidden)."""
        return states[sequences[:, 0], sequences[:, 1] if self.summary_is_first else sequences[:, 2] - 1]

    def language_logits(self, states: Tensor) -> Tensor:
        """Scores of every token of the vocabulary, (..., hidden) to (..., vocabulary)."""
        logits: Tensor = self.model.get_output_embeddings()(states)
        return logits

    @classmethod
    @abstractmethod
    def _settings(cls, config: BackboneConfig, max_length: int) -> dict[str, Any]:
        """The configured sizes under the names that the library's configuration gives them."""

    @abstractmethod
    def _states(self, input_ids: Tensor, sequence_ids: Tensor, position_ids: Tensor, token_type_ids: Tensor) -> Tensor:
        """States of every place, (rows, tokens) each to (rows, tokens, hidden); sequences do not see each other."""


@contextmanager
def no_progress_bars() -> Iterator[None]:
    """Keep transformers from drawing its own bars into a log or over another progress bar."""
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
