"""BERT (Devlin et al., NAACL 2019): every token sees its whole sequence, and learns by telling masked ones."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor
from transformers import BertForPreTraining

from training.backbones.base import Backbone
from training.backbones.config import BackboneConfig, Family
from training.backbones.masks import same_sequence

__all__ = ["Bert"]


class Bert(Backbone):
    """A BertForPreTraining: encoder, language head, and the head that tells whether B follows A."""

    family: ClassVar[Family] = "bert"
    model_class: ClassVar[Any] = BertForPreTraining
    summary_is_first: ClassVar[bool] = True
    has_next_sentence: ClassVar[bool] = True

    @classmethod
    def _settings(cls, config: BackboneConfig, max_length: int) -> dict[str, Any]:
        return {
            "hidden_size": config.hidden,
            "num_hidden_layers": config.layers,
            "num_attention_heads": config.heads,
            "intermediate_size": config.feed_forward,
            "hidden_dropout_prob": config.dropout,
            "attention_probs_dropout_prob": config.dropout,
            "max_position_embeddings": max_length,
        }

    def _states(self, input_ids: Tensor, sequence_ids: Tensor, position_ids: Tensor, token_type_ids: Tensor) -> Tensor:
        states: Tensor = self.model.bert(
            input_ids=input_ids,
            attention_mask=same_sequence(sequence_ids)[:, None],
            position_ids=position_ids,
            token_type_ids=token_type_ids,
        ).last_hidden_state
        return states

    def language_logits(self, states: Tensor) -> Tensor:
        """Scores of every token of the vocabulary: BERT's head has a layer of its own before the shared vectors."""
        logits: Tensor = self.model.cls.predictions(states)
        return logits

    def next_sentence_logits(self, summaries: Tensor) -> Tensor:
        """Scores of {B follows A, B does not} from the states of [CLS], (sequences, hidden) to (sequences, 2)."""
        pooler = self.model.bert.pooler
        logits: Tensor = self.model.cls.seq_relationship(pooler.activation(pooler.dense(summaries)))
        return logits
