"""Link prediction from text: an entity's vector is what the encoder makes of its name (KEPLER, Wang et al., TACL 2021).

A triple scores by TransE over those vectors and a table of relations; binary cross-entropy takes sigma(gamma - d), high
for true triples and low for corrupted ones. The other sign, sigma(d), pushes true triples apart; a test pins this one.
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from kg.embeddings.scorers import TransE
from training.objectives.base import HeadSpec, Objective, Outcome, Step

__all__ = ["LinkPrediction"]


class LinkPrediction(Objective):
    """Half the mean loss of the true triples, half that of the corrupted."""

    name: ClassVar[str] = "link_prediction.v1"
    uses_graph: ClassVar[bool] = True

    def __init__(self, spec: HeadSpec) -> None:
        super().__init__(spec)
        self.scorer = TransE(gamma=spec.gamma, norm=2)
        self.entity = nn.Linear(spec.hidden, spec.hidden)
        # Translations start about half the margin long: with short ones an entity is always its own best answer.
        spread = 0.5 * spec.gamma / spec.hidden**0.5
        self.relation = nn.Parameter(torch.empty(len(spec.relations), spec.hidden).normal_(0.0, spread))

    def vectors(self, name_states: Tensor) -> Tensor:
        """Vectors of entities from the [CLS] states of their names, (entities, hidden) both."""
        vectors: Tensor = self.entity(name_states)
        return vectors

    def outcome(self, backbone: Any, step: Step) -> Outcome:
        """Binary cross-entropy over the triples of the step and their corruptions."""
        links, states = step.links, step.name_states
        if links is None or states is None:
            empty = step.states.new_zeros(0)
            return Outcome(step.states.new_zeros(()), 0, empty, empty)
        vectors, relations = self.vectors(states), self.relation[links.relations]
        true = self.scorer.logits(self.scorer.score(vectors[links.heads], relations, vectors[links.tails]))
        corrupted = self.scorer.logits(
            self.scorer.score(vectors[links.corrupted_heads], relations[:, None], vectors[links.corrupted_tails])
        )
        valid = links.valid
        # -log sigma(gamma - d) of the true, -log(1 - sigma(gamma - d)) of the corrupted
        loss = 0.5 * functional.softplus(-true).mean()
        loss = loss + 0.5 * (functional.softplus(corrupted) * valid).sum() / valid.sum().clamp_min(1)
        predictions = torch.cat([true, corrupted[valid]]) > 0
        labels = torch.cat([torch.ones_like(true), torch.zeros_like(corrupted[valid])])
        return Outcome(loss, len(true), predictions.long(), labels.long())
