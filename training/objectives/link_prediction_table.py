"""Link prediction from a table of vectors, joined to the encoder by the mentions of entities in the text.

A mention's state (mean over its tokens, through a linear map) stands in for its entity's vector at one end of each of
the entity's triples; the other end, and the corruptions, stay the table's. So the loss reaches the encoder without a further
pass, and pulls mentions to where the table has their entity. Each triple is asked up to three times: by the table
alone, by a mention of its head, by a mention of its tail; a loss over triples and 8 negatives each costs less than 1% of a small
BERT's step. Both ends from mentions at once were rejected: where all entities of a step are mentioned the table learned nothing.

Vectors want larger steps than a language model: on UMLS with the defaults, 600 steps of 32 triples reach a validation MRR of .05 at the
backbone's rate and .61 at ten times that. The table is dense, 4 bytes x dim x entities, and the optimizer steps through all of it.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from kg.embeddings.scorers import SCORERS
from kg.embeddings.tables import Embeddings
from pipeline.errors import MateriaError
from training.backbones.base import Backbone
from training.data.batches import LinkBatch, TextBatch
from training.objectives.base import HeadSpec, Objective, Outcome, Step
from training.objectives.config import LinkPredictionTableConfig
from training.objectives.initial_vectors import entity_spread, initial_relations, scale_map
from training.objectives.spans import span_means
from training.objectives.triple_loss import Triples, answers, triple_loss

__all__ = ["LinkPredictionTable", "with_embeddings"]


class LinkPredictionTable(Objective):
    """Binary cross-entropy over the triples of a step and their corruptions.

    Args:
        config: as `with_embeddings` completes it.
        spec: entities and relations of the graph.
    """

    name: ClassVar[str] = "link_prediction_table.v1"
    uses_graph: ClassVar[bool] = True

    def __init__(self, config: LinkPredictionTableConfig, spec: HeadSpec) -> None:
        super().__init__(config, spec)
        self.scorer = SCORERS[config.scorer](gamma=config.gamma, norm=config.norm)
        learned = not config.frozen
        entities = torch.empty(len(spec.entities), config.dim).normal_(0.0, entity_spread(self.scorer, config.dim))
        relations = initial_relations(self.scorer, len(spec.relations), config.dim)
        self.entity = nn.Parameter(entities, requires_grad=learned)
        self.relation = nn.Parameter(relations, requires_grad=learned)
        for vectors in (self.entity, self.relation):
            vectors.learning_rate_factor = config.learning_rate_factor  # type: ignore[attr-defined]  # the optimizer reads it
        self.mention = nn.Linear(spec.hidden, config.dim) if config.mentions else None
        if self.mention is not None:
            scale_map(self.mention, entity_spread(self.scorer, config.dim))

    @torch.no_grad()
    def load(self, embeddings: Embeddings) -> None:
        """Take over the vectors of trained embeddings; entities and relations that they lack keep theirs.

        Raises:
            MateriaError: they know no entity, or no relation, of the graph.
        """
        for own, table, known, names, what in (
            (self.spec.entities, self.entity, embeddings.entity_vectors, embeddings.entities, "entity"),
            (self.spec.relations, self.relation, embeddings.relation_vectors, embeddings.relations, "relation"),
        ):
            place = {name: row for row, name in enumerate(names)}
            rows = [(row, place[name]) for row, name in enumerate(own) if name in place]
            if not rows:
                raise MateriaError(
                    f"knows no {what} of this graph",
                    file=self.config.embeddings,
                    remedy="Give the embeddings of this graph, or leave out objectives.link_prediction_table.embeddings",
                )
            to, source = np.array(rows).T
            table[torch.from_numpy(to)] = torch.from_numpy(known[source])
        if self.mention is not None:
            scale_map(self.mention, float(self.entity.square().mean().sqrt()))

    def outcome(self, backbone: Backbone, step: Step) -> Outcome:
        """Mean over the triples of the step as often as they are asked, by belief where that is configured."""
        links = step.links
        if links is None:
            return Outcome.empty(self.relation)
        triples = Triples.of(links, self.relation, belief_weighted=self.config.belief_weighted)
        vectors = self.entity[links.entities]
        if self.mention is not None:
            states, mentioned = mention_states(step.states, step.text, links)
            vectors = torch.cat([vectors, self.mention(states).to(vectors.dtype)])
            triples = _with_mentions(triples, mentioned)
        loss, true, corrupted = triple_loss(self.scorer, vectors, triples)
        count = len(links.heads)
        return Outcome(loss, count, *answers(true[:count], corrupted[:count], links.valid))


def mention_states(states: Tensor, text: TextBatch, links: LinkBatch) -> tuple[Tensor, Tensor]:
    """Mean state of the mentions of each entity of the step.

    Args:
        states: (rows, tokens, hidden).
        text: where entities are mentioned.
        links: the entities of the step.

    Returns:
        (entities, hidden), zero where there is no mention; and (entities,) bool, whether there is one.
    """
    place = torch.searchsorted(links.entities, text.mention_entities).clamp_max(len(links.entities) - 1)
    asked = links.entities[place] == text.mention_entities
    entity, spans = place[asked], text.mentions[asked]
    means = span_means(states, spans[:, 0], spans[:, 1], spans[:, 2])
    count = states.new_zeros(len(links.entities)).index_add(0, entity, states.new_ones(len(entity)))
    total = states.new_zeros(len(links.entities), states.shape[2]).index_add(0, entity, means)
    return total / count.clamp_min(1)[:, None], count > 0


def _with_mentions(triples: Triples, mentioned: Tensor) -> Triples:
    """Each triple three times: as it is, with the mention of its head, and with that of its tail.

    The vectors of mentions follow those of the table, so a row is moved on by their number. A corruption keeps
    the mention where it keeps the end. A triple whose end is not mentioned weighs nothing.
    """
    entities = len(mentioned)
    heads, tails = triples.heads, triples.tails
    kept_head, kept_tail = triples.corrupted_heads == heads[:, None], triples.corrupted_tails == tails[:, None]
    return Triples(
        torch.cat([heads, heads + entities, heads]),
        triples.relations.repeat(3, 1),
        torch.cat([tails, tails, tails + entities]),
        torch.cat([triples.corrupted_heads, triples.corrupted_heads + entities * kept_head, triples.corrupted_heads]),
        torch.cat([triples.corrupted_tails, triples.corrupted_tails, triples.corrupted_tails + entities * kept_tail]),
        triples.valid.repeat(3, 1),
        torch.cat([triples.weights, triples.weights * mentioned[heads], triples.weights * mentioned[tails]]),
    )


def with_embeddings(config: LinkPredictionTableConfig) -> tuple[LinkPredictionTableConfig, Embeddings | None]:
    """The settings with what the embeddings they name were trained with, and these embeddings.

    Raises:
        MateriaError: there are no such embeddings.
    """
    if config.embeddings is None:
        return config, None
    found = Embeddings.load(Path(config.embeddings))
    own = found.config
    same = {"scorer": own.model, "norm": own.norm, "gamma": own.gamma, "dim": own.dim}
    return config.model_copy(update=same), found
