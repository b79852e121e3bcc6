"""XLNet (Yang et al., NeurIPS 2019): tokens are told in the order of a permutation, by two streams in one pass.

The content stream knows what stands at its place, and gives the states; the query stream knows only where it stands,
and predicts. Where the language objective is not asked, there is no permutation, one stream, and every token sees its
whole sequence. Positions are distances between places, so they need no restart in packed rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor
from transformers import XLNetLMHeadModel

from training.backbones.base import Backbone, Encoded
from training.backbones.config import BackboneConfig, Family
from training.backbones.masks import lower_ranks, same_sequence

if TYPE_CHECKING:
    from training.data.batches import TextBatch

__all__ = ["XLNet"]


class XLNet(Backbone):
    """An XLNetLMHeadModel. The state of a sequence is that of its last token, where XLNet has its [CLS]."""

    family: ClassVar[Family] = "xlnet"
    model_class: ClassVar[Any] = XLNetLMHeadModel

    @property
    def longest(self) -> int | None:
        """None: distances are computed, so there is no longest."""
        return None

    @classmethod
    def _settings(cls, config: BackboneConfig, max_length: int) -> dict[str, Any]:
        return {
            "d_model": config.hidden,
            "n_layer": config.layers,
            "n_head": config.heads,
            "d_inner": config.feed_forward,
            "dropout": config.dropout,
        }

    def encode(self, text: TextBatch, *, targets: bool) -> Encoded:
        """One pass over a batch: both streams where targets are asked for, else the content stream alone."""
        if not targets or text.permutation is None:
            return super().encode(text, targets=targets)
        rows, tokens = text.input_ids.shape
        mapping, places = _target_mapping(text.targets, rows, tokens, self.model.dtype)
        output = self.model.transformer(
            input_ids=text.input_ids,
            token_type_ids=text.token_type_ids,
            perm_mask=self._hidden(lower_ranks(text.sequence_ids, text.permutation)),
            target_mapping=mapping,
            use_mems=False,
            output_hidden_states=True,
        )
        # The last two of the states are those of the two streams; only the query stream is the output.
        return Encoded(output.hidden_states[-2], output.last_hidden_state.flatten(0, 1).index_select(0, places))

    def _states(self, input_ids: Tensor, sequence_ids: Tensor, position_ids: Tensor, token_type_ids: Tensor) -> Tensor:
        states: Tensor = self.model.transformer(
            input_ids=input_ids,
            token_type_ids=token_type_ids,
            perm_mask=self._hidden(same_sequence(sequence_ids)),
            use_mems=False,
        ).last_hidden_state
        return states

    def _hidden(self, visible: Tensor) -> Tensor:
        """The library's coding: 1 where a token does not see another."""
        return (~visible).to(self.model.dtype)


def _target_mapping(targets: Tensor, rows: int, tokens: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """The library's table of targets, (rows, most targets of a row, tokens), and each target's place in its first two axes."""
    row, column = targets // tokens, targets % tokens
    counts = torch.bincount(row, minlength=rows)
    most = max(1, int(counts.max()))
    order = torch.argsort(row, stable=True)
    rank = torch.empty_like(row)
    rank[order] = torch.arange(len(row), device=row.device) - (counts.cumsum(0) - counts)[row[order]]
    mapping = torch.zeros(rows, most, tokens, dtype=dtype, device=targets.device)
    mapping[row, rank, column] = 1
    return mapping, row * most + rank
