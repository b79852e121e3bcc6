"""Relation classification: which relation holds between two entities of a sentence, if any.

The mean state of each entity's tokens, their product, and [CLS] go through one hidden layer (pooling as in Baldini
Soares et al., ACL 2019, but over the span instead of at marker tokens, so that all pairs of a sequence share one pass
of the encoder). It sees the masked sequence; a masked entity must be classified from its context.
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.objectives.base import HeadSpec, Objective, Outcome, Step

__all__ = ["RelationClassification"]


class RelationClassification(Objective):
    """Cross-entropy over the classes; the order of the two entities is subject, object."""

    name: ClassVar[str] = "relation_classification.v1"

    def __init__(self, spec: HeadSpec) -> None:
        super().__init__(spec)
        self.layer = nn.Linear(4 * spec.hidden, spec.hidden)
        self.classes = nn.Linear(spec.hidden, len(spec.classes))

    def outcome(self, backbone: Any, step: Step) -> Outcome:
        """Mean over the pairs of the step."""
        pairs, labels = step.text.pairs, step.text.pair_labels
        row = pairs[:, 0]
        subjects = span_means(step.states, row, pairs[:, 1], pairs[:, 2])
        objects = span_means(step.states, row, pairs[:, 3], pairs[:, 4])
        features = torch.cat([subjects, objects, subjects * objects, step.states[row, 0]], dim=-1)
        logits = self.classes(functional.gelu(self.layer(features)))
        loss = functional.cross_entropy(logits, labels, reduction="sum") / max(1, len(labels))
        return Outcome(loss, len(labels), logits.argmax(-1), labels)


def span_means(states: Tensor, rows: Tensor, starts: Tensor, ends: Tensor) -> Tensor:
    """Mean state of the tokens [start, end) of each span: (batch, tokens, hidden) gives (spans, hidden)."""
    places = torch.arange(states.shape[1])
    inside = ((places >= starts[:, None]) & (places < ends[:, None])).to(states.dtype)
    total: Tensor = torch.bmm(inside[:, None], states[rows])[:, 0]
    return total / inside.sum(1, keepdim=True).clamp_min(1)
