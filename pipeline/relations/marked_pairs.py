"""The relation of a marked pair by any Hugging Face encoder: a linear layer over the states of the two opening markers, and over the
means of the states before, between and behind them.

Entity markers and entity start of Baldini Soares et al. 2019 (arXiv:1906.03158), and the pieces of Zeng et al. 2015
(doi:10.18653/v1/D15-1203). One model for training (`training.tasks.relation_extraction`) and for extraction. Its folder loads as an
encoder by `AutoModel` as well. Rejected: the two states alone, as a small encoder gathers little in them (a BERT of two
layers of 128 after 600 steps, on ChemProt sentences held out of train, one seed: .45; with the means and .15 of the words hidden: .53).
This module imports transformers, so import it where it is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, PreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput

from pipeline.linear_text import LinearText
from pipeline.relations.marking import MARKERS, add_markers, mark
from pipeline.relations.pair_words import pair_words
from pipeline.relations.views import View

__all__ = ["MarkedPairClassifier", "MarkedPairs"]

_BATCH = 64


class MarkedPairClassifier(PreTrainedModel):  # type: ignore[misc]  # the library's class has no types
    """An encoder under a linear layer, see above."""

    def __init__(self, config: Any, encoder: Any = None) -> None:
        super().__init__(config)
        encoder = AutoModel.from_config(config) if encoder is None else encoder
        # under the name that the library's models give it, so that AutoModel finds its weights
        self.base_model_prefix = encoder.base_model_prefix
        setattr(self, self.base_model_prefix, encoder)
        self.dropout = nn.Dropout(getattr(config, "hidden_dropout_prob", 0.0))
        self.classifier = nn.Linear(5 * config.hidden_size, config.num_labels)
        self.post_init()

    @classmethod
    def from_pretrained(cls, folder: Any, **settings: Any) -> MarkedPairClassifier:
        """The model of a folder that this class wrote; of any other folder its encoder, under a new layer from torch's global seed.

        Args:
            settings: as the library takes them; of the configuration too, as `num_labels` is.
        """
        config, settings = AutoConfig.from_pretrained(folder, return_unused_kwargs=True, **settings)
        if cls.__name__ in (config.architectures or ()):
            model: MarkedPairClassifier = super().from_pretrained(folder, config=config, **settings)
            return model
        return cls(config, AutoModel.from_pretrained(folder, config=config, **settings))

    def know(self, tokenizer: Any) -> None:
        """Have a vector for each token of a tokenizer that has learned the markers; new ones from torch's global seed."""
        size = add_markers(tokenizer)
        if self.get_input_embeddings().num_embeddings < size:
            self.resize_token_embeddings(size, mean_resizing=False)
        self.config.marker_ids = tokenizer.convert_tokens_to_ids([MARKERS[0], MARKERS[2]])

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, labels: Tensor | None = None, **inputs: Any
    ) -> SequenceClassifierOutput:
        """Scores (pairs, labels) of passages (pairs, tokens), and their cross-entropy where labels are given."""
        states = self.base_model(input_ids=input_ids, attention_mask=attention_mask, **inputs).last_hidden_state
        starts = [(input_ids == number).int().argmax(dim=1, keepdim=True) for number in self.config.marker_ids]
        first, last = torch.minimum(*starts), torch.maximum(*starts)
        where = torch.arange(input_ids.shape[1], device=input_ids.device)[None, :]
        there = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        pieces = (where == starts[0], where == starts[1], where < first, (first < where) & (where < last), last < where)
        shares = torch.stack([piece * there for piece in pieces], dim=1).to(states.dtype)
        shares = shares / shares.sum(dim=2, keepdim=True).clamp_min(1)  # (pairs, 5, tokens); an empty piece is zero
        logits = self.classifier(self.dropout((shares @ states).flatten(1)))
        loss = None if labels is None else nn.functional.cross_entropy(logits, labels)
        return SequenceClassifierOutput(loss=loss, logits=logits)


class MarkedPairs:
    """A model with its tokenizer, as one that votes on views.

    Args:
        model: see above.
        tokenizer: its tokenizer.
        max_length: tokens that it reads of a passage.
        order: the places among its labels of those that it is asked about.
        wide: a linear model beside it, whose scores are added to its own.
    """

    def __init__(
        self,
        model: MarkedPairClassifier,
        tokenizer: Any,
        max_length: int,
        order: Sequence[int],
        wide: LinearText | None = None,
    ) -> None:
        self._model, self._tokenizer, self._max_length, self._order = model.eval(), tokenizer, max_length, list(order)
        self._wide = wide

    def log_probabilities(self, views: Sequence[View]) -> npt.NDArray[np.float64]:
        """Log-probabilities of the labels [pairs, labels]."""
        found = np.zeros((len(views), len(self._order)))
        with torch.inference_mode():
            for start in range(0, len(views), _BATCH):
                rows = [
                    mark(v.passage, self._tokenizer, self._max_length).input_ids for v in views[start : start + _BATCH]
                ]
                longest = max(map(len, rows))
                ids = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
                mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])
                logits = self._model(input_ids=ids, attention_mask=mask).logits
                if self._wide is not None:
                    bags = [pair_words(view.passage) for view in views[start : start + len(rows)]]
                    logits = logits + torch.from_numpy(self._wide.scores(bags))
                found[start : start + len(rows)] = nn.functional.log_softmax(logits.double(), dim=1).numpy()[
                    :, self._order
                ]
        return found
