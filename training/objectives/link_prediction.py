"""Link prediction from text: an entity's vector is what the encoder makes of its name (KEPLER, Wang et al., TACL 2021).

It costs a second, short pass of the encoder over the names of the step's entities; any scorer of graph embeddings
compares the vectors.
"""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from kg.embeddings.scorers import SCORERS
from training.backbones.base import Backbone
from training.objectives.base import HeadSpec, Objective, Outcome, Step
from training.objectives.config import LinkPredictionConfig
from training.objectives.initial_vectors import entity_spread, initial_relations, scale_map
from training.objectives.triple_loss import Triples, answers, triple_loss

__all__ = ["LinkPrediction"]


class LinkPrediction(Objective):
    """Binary cross-entropy over the triples of a step and their corruptions."""

    name: ClassVar[str] = "link_prediction.v2"
    reads_text: ClassVar[bool] = False
    reads_names: ClassVar[bool] = True
    uses_graph: ClassVar[bool] = True

    def __init__(self, config: LinkPredictionConfig, spec: HeadSpec) -> None:
        super().__init__(config, spec)
        self.scorer = SCORERS[config.scorer](gamma=config.gamma, norm=config.norm)
        dim = spec.hidden + spec.hidden % 2  # complex coordinates are pairs of numbers
        self.entity = nn.Linear(spec.hidden, dim)
        scale_map(self.entity, entity_spread(self.scorer, dim))
        self.relation = nn.Parameter(initial_relations(self.scorer, len(spec.relations), dim))

    def vectors(self, name_states: Tensor) -> Tensor:
        """Vectors of entities from the states of their names, (entities, hidden) to (entities, dim)."""
        vectors: Tensor = self.entity(name_states)
        return vectors

    def outcome(self, backbone: Backbone, step: Step) -> Outcome:
        """Mean over the triples of the step, by belief where that is configured."""
        links, states = step.links, step.name_states
        if links is None or states is None:
            return Outcome.empty(self.relation)
        triples = Triples.of(links, self.relation, belief_weighted=self.config.belief_weighted)
        loss, true, corrupted = triple_loss(self.scorer, self.vectors(states), triples)
        return Outcome(loss, len(true), *answers(true, corrupted, links.valid))
