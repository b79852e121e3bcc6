"""The context of a mention is what its token attends to among its entity and the entity's neighbours in the graph.

A neighbour stands as its vector plus a vector of the relation that leads to it, which is learned and starts at zero; so does one for the
entity itself. One head of scaled dot products (Vaswani et al. 2017, arXiv:1706.03762): with at most `neighbours` + 1 things to look at, and
mentions at few tokens, it costs less than the embedding layer. Rejected: a message-passing network over the graph in each step, which
reads neighbours of neighbours for every mention, and whose first layer trained embeddings stand in for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor, nn

from training.finetuning.fusion.base import FusionLayer

if TYPE_CHECKING:
    from training.finetuning.fusion.graph_vectors import GraphVectors

__all__ = ["AttentionFusion"]


class AttentionFusion(FusionLayer):
    """Attention from a token over an entity and its neighbours; args as of `FusionLayer`."""

    name: ClassVar[str] = "attention.v1"

    #: (entities + 1, 1 + neighbours) int64: the entity and its neighbours by number, 0 where there are fewer.
    around: Tensor
    #: The same shape: kind of the relation that leads there, 0 of the entity itself.
    kinds: Tensor

    def __init__(self, graph: GraphVectors, hidden: int, *, frozen: bool) -> None:
        super().__init__(graph, hidden, frozen=frozen)
        entities, dim = graph.vectors.shape
        neighbours = torch.from_numpy(graph.neighbours + 1)
        around = torch.cat([torch.arange(1, entities + 1)[:, None], neighbours], dim=1)
        kinds = torch.cat([torch.zeros(entities, 1, dtype=torch.int64), torch.from_numpy(graph.kinds)], dim=1)
        nothing = torch.zeros(1, around.shape[1], dtype=torch.int64)
        self.register_buffer("around", torch.cat([nothing, around]))
        self.register_buffer("kinds", torch.cat([nothing, kinds]))
        self.relations = nn.Parameter(torch.zeros(graph.number_of_kinds, dim))
        self.query = nn.Linear(hidden, dim, bias=False)
        self.key = nn.Linear(dim, dim, bias=False)

    def context(self, states: Tensor, entities: Tensor) -> Tensor:
        """The attended mean of the vectors of each entity and its neighbours."""
        weights, values = self._attention(states, entities)
        return (weights[..., None] * values).sum(1)

    def weights(self, states: Tensor, entities: Tensor) -> Tensor:
        """How much each token looks at the entity (first) and at each neighbour: (tokens, 1 + neighbours), rows sum to 1."""
        return self._attention(states, entities)[0]

    def _attention(self, states: Tensor, entities: Tensor) -> tuple[Tensor, Tensor]:
        around = self.around[entities]
        values = self.vectors[around] + self.relations[self.kinds[entities]]
        scores = (self.key(values) @ self.query(states)[..., None])[..., 0] / values.shape[-1] ** 0.5
        return torch.softmax(scores.masked_fill(around == 0, -torch.inf), dim=1), values
