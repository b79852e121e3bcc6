"""Embeddings for tests that nothing trained: random vectors for a scorer."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import torch

from kg.embeddings.config import EmbeddingConfig
from kg.embeddings.scorers import make_scorer
from kg.embeddings.tables import Embeddings


def untrained(model: str, entities: int = 12, relations: int = 3, *, dim: int = 8, **settings: Any) -> Embeddings:
    """Random vectors in float64; entities 3 and 4 have the same, so that their scores tie."""
    config = EmbeddingConfig(model=model, dim=dim, **settings)
    scorer, generator = make_scorer(config), torch.Generator().manual_seed(7)
    vectors = scorer.initial_entities(entities, dim, generator).double().numpy()
    vectors[4] = vectors[3]
    forth, back = (scorer.initial_relations(relations, dim, generator).double() for _ in range(2))
    back = back if config.reciprocal else scorer.inverse(forth)
    return Embeddings(
        config=config,
        scorer=scorer.name,
        entities=[f"E:{i:02}" for i in range(entities)],
        relations=[f"R:{i}" for i in range(relations)],
        entity_vectors=vectors,
        relation_vectors=forth.numpy(),
        reciprocal_vectors=back.numpy(),
        degrees=np.arange(entities, 0, -1),
        losses=[],
        metrics={},
        threshold=None,
        counts={"entities": entities, "relations": relations},
        triples={"train": hashlib.sha256(b"").hexdigest()},
    )
