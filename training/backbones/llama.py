"""Llama (Touvron et al., arXiv:2302.13971): as GPT-2 every token sees those before it; positions are rotations."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor
from transformers import LlamaForCausalLM

from training.backbones.base import Backbone
from training.backbones.config import BackboneConfig, Family
from training.backbones.masks import backwards

__all__ = ["Llama"]


class Llama(Backbone):
    """A LlamaForCausalLM. A new one shares its vectors of tokens between input and output, as small models do."""

    family: ClassVar[Family] = "llama"
    model_class: ClassVar[Any] = LlamaForCausalLM

    @classmethod
    def _settings(cls, config: BackboneConfig, max_length: int) -> dict[str, Any]:
        return {
            "hidden_size": config.hidden,
            "num_hidden_layers": config.layers,
            "num_attention_heads": config.heads,
            "intermediate_size": config.feed_forward,
            "attention_dropout": config.dropout,
            "max_position_embeddings": max_length,
            "tie_word_embeddings": True,
        }

    def _states(self, input_ids: Tensor, sequence_ids: Tensor, position_ids: Tensor, token_type_ids: Tensor) -> Tensor:
        states: Tensor = self.model.model(
            input_ids=input_ids,
            attention_mask=backwards(sequence_ids)[:, None],
            position_ids=position_ids,
            use_cache=False,
        ).last_hidden_state
        return states
