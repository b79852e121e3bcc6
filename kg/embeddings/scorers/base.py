"""What every scorer is: a formula over vectors, without vectors of its own.

A scorer turns a head and a relation (or a tail and a relation) into one query vector, and compares queries with
entities. So "all tails of (h, r)" costs one query and one matrix operation, never a tensor of batch x entities x dim
where it can be avoided. Because it holds no tables, the same scorer serves vectors from a table and vectors that a text
encoder makes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

__all__ = ["Scorer"]


class Scorer(ABC):
    """A scoring function of triples: higher is more plausible.

    Args:
        gamma: margin of the distance scorers.
        norm: 1 or 2, for the distance scorers.
        spread: standard deviation of the initial vectors; the scorer's own where not given.
    """

    #: Name and version, as they enter lineage.
    name: ClassVar[str]
    #: Whether the score is a negative distance; then logits are `gamma - d`.
    is_distance: ClassVar[bool]

    #: Whether a relation's numbers have a length to keep short (angles have none).
    regularises_relations: ClassVar[bool] = True

    def __init__(self, *, gamma: float = 9.0, norm: int = 1, spread: float | None = None) -> None:
        self.gamma = gamma
        self.norm = norm
        self.spread = self.initial_spread if spread is None else spread

    def relation_width(self, dim: int) -> int:
        """Numbers in a relation's vector, where an entity's has `dim`."""
        return dim

    def initial_entities(self, count: int, dim: int, generator: torch.Generator) -> Tensor:
        """Vectors to start from, (count, dim)."""
        return torch.empty(count, dim).normal_(0.0, self.spread, generator=generator)

    def initial_relations(self, count: int, dim: int, generator: torch.Generator) -> Tensor:
        """Vectors to start from, (count, relation_width(dim))."""
        return torch.empty(count, self.relation_width(dim)).normal_(0.0, self.spread, generator=generator)

    #: Standard deviation of the initial vectors, where none is given.
    initial_spread: ClassVar[float] = 0.1

    @abstractmethod
    def tail_query(self, heads: Tensor, relations: Tensor) -> Tensor:
        """What a tail should look like, (..., dim)."""

    @abstractmethod
    def inverse(self, relations: Tensor) -> Tensor:
        """The relations that ask for heads: (h, r, t) scores as (t, r', h). (..., width) both."""

    def head_query(self, relations: Tensor, tails: Tensor) -> Tensor:
        """What a head should look like, (..., dim)."""
        return self.tail_query(tails, self.inverse(relations))

    def squared_moduli(self, vectors: Tensor) -> Tensor:
        """|x|^2 of each coordinate of vectors of entities; two numbers make one coordinate where it is complex."""
        return vectors * vectors

    @abstractmethod
    def compare(self, queries: Tensor, entities: Tensor) -> Tensor:
        """Score of each query with the entity at its place: (..., dim) and (..., dim) give (...)."""

    @abstractmethod
    def compare_all(self, queries: Tensor, entities: Tensor) -> Tensor:
        """Score of every query with every entity: (batch, dim) and (entities, dim) give (batch, entities)."""

    def score(self, heads: Tensor, relations: Tensor, tails: Tensor) -> Tensor:
        """Score of triples given as vectors, (..., dim) each: gives (...)."""
        return self.compare(self.tail_query(heads, relations), tails)

    def score_tails(self, heads: Tensor, relations: Tensor, entities: Tensor) -> Tensor:
        """Score of every entity as tail: (batch, dim), (batch, width), (entities, dim) give (batch, entities)."""
        return self.compare_all(self.tail_query(heads, relations), entities)

    def score_heads(self, relations: Tensor, tails: Tensor, entities: Tensor) -> Tensor:
        """Score of every entity as head: (batch, width), (batch, dim), (entities, dim) give (batch, entities)."""
        return self.compare_all(self.head_query(relations, tails), entities)

    def logits(self, scores: Tensor) -> Tensor:
        """Log-odds that a triple is true: `gamma - d` for distances, the score itself for similarities.

        A text that this method follows prints sigma(d) for its loss. With that sign, training pushes true triples
        apart; a test pins the sign used here (RotatE, ICLR 2019, eq. 6 has it right).
        """
        return scores + self.gamma if self.is_distance else scores
