"""GPT-2 (Radford et al., 2019): every token sees those before it, and learns by telling the next."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor
from transformers import GPT2LMHeadModel

from training.backbones.base import Backbone
from training.backbones.config import BackboneConfig, Family
from training.backbones.masks import backwards

__all__ = ["GPT2"]


class GPT2(Backbone):
    """A GPT2LMHeadModel. Token types are not given to it: it has no vectors of their own for them."""

    family: ClassVar[Family] = "gpt2"
    model_class: ClassVar[Any] = GPT2LMHeadModel

    @classmethod
    def _settings(cls, config: BackboneConfig, max_length: int) -> dict[str, Any]:
        return {
            "n_embd": config.hidden,
            "n_layer": config.layers,
            "n_head": config.heads,
            "n_inner": config.feed_forward,
            "resid_pdrop": config.dropout,
            "embd_pdrop": config.dropout,
            "attn_pdrop": config.dropout,
            "n_positions": max_length,
        }

    def _states(self, input_ids: Tensor, sequence_ids: Tensor, position_ids: Tensor, token_type_ids: Tensor) -> Tensor:
        states: Tensor = self.model.transformer(
            input_ids=input_ids,
            attention_mask=backwards(sequence_ids)[:, None],
            position_ids=position_ids,
            use_cache=False,
        ).last_hidden_state
        return states
