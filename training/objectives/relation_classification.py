"""Relation classification: which relation holds between two entities of a sentence, if any.

The mean state of each entity's tokens, their product, and the state of the whole sequence go through one hidden layer
(pooling as in Baldini Soares et al., ACL 2019, but over the span instead of at marker tokens, so that all pairs of a
sequence share one pass of the encoder). It sees the masked sequence; a masked entity must be classified from its context.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import nn
from torch.nn import functional

from training.backbones.base import Backbone
from training.objectives.base import HeadSpec, Objective, Outcome, Step
from training.objectives.config import RelationClassificationConfig
from training.objectives.spans import span_means

__all__ = ["RelationClassification"]


class RelationClassification(Objective):
    """Cross-entropy over the classes; the order of the two entities is subject, object."""

    name: ClassVar[str] = "relation_classification.v2"

    def __init__(self, config: RelationClassificationConfig, spec: HeadSpec) -> None:
        super().__init__(config, spec)
        self.layer = nn.Linear(4 * spec.hidden, spec.hidden)
        self.classes = nn.Linear(spec.hidden, len(spec.classes))

    def outcome(self, backbone: Backbone, step: Step) -> Outcome:
        """Mean over the pairs of the step, by belief where that is configured; pairs without a relation count 1."""
        text = step.text
        pairs, labels = text.pairs, text.pair_labels
        starts, ends = torch.cat([pairs[:, 1], pairs[:, 3]]), torch.cat([pairs[:, 2], pairs[:, 4]])
        subjects, objects = span_means(step.states, pairs[:, 0].repeat(2), starts, ends).chunk(2)
        wholes = backbone.summaries(step.states, text.sequences[text.pair_sequences])
        features = torch.cat([subjects, objects, subjects * objects, wholes], dim=-1)
        logits = self.classes(functional.gelu(self.layer(features)))
        losses = functional.cross_entropy(logits, labels, reduction="none")
        weights = text.pair_beliefs if self.config.belief_weighted else torch.ones_like(text.pair_beliefs)
        loss = (losses * weights).sum() / weights.sum().clamp_min(1e-9)
        return Outcome(loss, len(labels), logits.detach(), labels)
