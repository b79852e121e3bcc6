"""Tables of vectors and the scorer that compares them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from kg.embeddings.config import EmbeddingConfig
from kg.embeddings.scorers import Scorer, make_scorer

__all__ = ["EmbeddingModel"]


class EmbeddingModel(nn.Module):
    """One vector for each entity and relation.

    Relation r + R asks for heads: it is relation r's reciprocal, learned for itself, or with `reciprocal: false` the scorer's
    inverse of r. So every question is "which tail", whichever of the two it is.
    """

    def __init__(self, entities: int, relations: int, config: EmbeddingConfig) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(config.seed)
        self.config = config
        self.scorer: Scorer = make_scorer(config)
        self.relations = relations
        self.entity = nn.Parameter(self.scorer.initial_entities(entities, config.dim, generator))
        rows = 2 * relations if config.reciprocal else relations
        self.relation = nn.Parameter(self.scorer.initial_relations(rows, config.dim, generator))

    def both_ways(self) -> Tensor:
        """Vectors of the relations, then of those that ask for heads, (2 * relations, width)."""
        if self.config.reciprocal:
            return self.relation
        return torch.cat([self.relation, self.scorer.inverse(self.relation)])

    def score(self, heads: Tensor, relations: Tensor, tails: Tensor) -> Tensor:
        """Score of triples given by number, (n,) each: gives (n,)."""
        return self.scorer.score(self.entity[heads], self.both_ways()[relations], self.entity[tails])

    def score_tails(self, heads: Tensor, relations: Tensor) -> Tensor:
        """Score of every entity as tail, (n, entities)."""
        return self.scorer.score_tails(self.entity[heads], self.both_ways()[relations], self.entity)

    def score_heads(self, tails: Tensor, relations: Tensor) -> Tensor:
        """Score of every entity as head, asked as the tail of the reciprocal relation, (n, entities)."""
        return self.score_tails(tails, relations + self.relations)
