"""Small embeddings for tests: random vectors for a scorer, and a graph to train on."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from kg.embeddings.config import EmbeddingConfig
from kg.embeddings.scorers import make_scorer
from kg.embeddings.tables import Embeddings


def ring(size: int = 12) -> pa.Table:
    """`next` and its inverse `previous` around a ring, with one link held out for validation and one for test."""
    rows = []
    for i in range(size):
        split = "test" if i == 3 else "validation" if i == 7 else "train"
        rows.append((f"E:{i:02}", "next", f"E:{(i + 1) % size:02}", split))
        rows.append((f"E:{(i + 1) % size:02}", "previous", f"E:{i:02}", "train"))
    columns = zip(*rows, strict=True)
    return pa.table(dict(zip(("subject", "predicate", "object", "split"), map(list, columns), strict=True)))


def untrained(
    model: str, entities: int = 12, relations: int = 3, *, dim: int = 8, reciprocal: bool = True, **settings: Any
) -> Embeddings:
    """Random vectors in float64; entities 3 and 4 have the same, so that their scores tie."""
    config = EmbeddingConfig(model=model, dim=dim, **settings)
    scorer, generator = make_scorer(config), torch.Generator().manual_seed(7)
    vectors = scorer.initial_entities(entities, dim, generator).double().numpy()
    vectors[4] = vectors[3]
    forth, back = (scorer.initial_relations(relations, dim, generator).double().numpy() for _ in range(2))
    return Embeddings(
        config=config,
        scorer=scorer.name,
        entities=[f"E:{i:02}" for i in range(entities)],
        relations=[f"R:{i}" for i in range(relations)],
        entity_vectors=vectors,
        relation_vectors=forth,
        reciprocal_vectors=back if reciprocal else back[:0],
        degrees=np.arange(entities, 0, -1),
        losses=[],
        metrics={},
        threshold=None,
        counts={"entities": entities, "relations": relations},
        triples={"train": hashlib.sha256(b"").hexdigest()},
    )
