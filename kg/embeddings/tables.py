"""What embedding training gives: vectors by CURIE, as Arrow tables and as one safetensors file, with their figures."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from kg.embeddings.config import EmbeddingConfig
from pipeline.tables import table_schema

__all__ = ["ENTITY_VECTORS", "RELATION_VECTORS", "Embeddings"]

_VECTOR = pa.list_(pa.float32())

ENTITY_VECTORS = table_schema(
    "entity_vectors",
    1,
    {
        "curie": (pa.string(), "CURIE of the entity; one row each, sorted"),
        "vector": (_VECTOR, "its vector; for rotate and complex the real parts, then the imaginary parts"),
    },
)

RELATION_VECTORS = table_schema(
    "relation_vectors",
    1,
    {
        "curie": (pa.string(), "CURIE of the predicate; one row each, sorted"),
        "vector": (_VECTOR, "its vector; for rotate the angles, for complex the real parts, then the imaginary parts"),
        "reciprocal": (_VECTOR, "vector of the reciprocal relation, by which heads are asked"),
    },
)


@dataclass(frozen=True)
class Embeddings:
    """One trained embedding.

    Attributes:
        config: what it was trained with.
        scorer: scorer and version.
        entities, relations: CURIEs, sorted; row i of the vectors is theirs.
        entity_vectors: (entities, dim) float32.
        relation_vectors, reciprocal_vectors: (relations, width) float32.
        losses: mean loss of each epoch.
        metrics: for validation and test: mrr, hits@1, hits@3, hits@10, triples, unseen. A split without triples is
            absent.
        counts: triples of each split, entities and relations.
    """

    config: EmbeddingConfig
    scorer: str
    entities: list[str]
    relations: list[str]
    entity_vectors: NDArray[np.float32]
    relation_vectors: NDArray[np.float32]
    reciprocal_vectors: NDArray[np.float32]
    losses: list[float]
    metrics: dict[str, dict[str, float]]
    counts: dict[str, int]

    def entity_table(self) -> pa.Table:
        """Entities and their vectors."""
        return pa.table([pa.array(self.entities, pa.string()), _lists(self.entity_vectors)], schema=ENTITY_VECTORS)

    def relation_table(self) -> pa.Table:
        """Relations and their vectors."""
        columns = [
            pa.array(self.relations, pa.string()),
            _lists(self.relation_vectors),
            _lists(self.reciprocal_vectors),
        ]
        return pa.table(columns, schema=RELATION_VECTORS)

    def hash(self) -> str:
        """SHA-256 of the vectors: the same for the same triples, configuration and machine."""
        digest = hashlib.sha256()
        for vectors in (self.entity_vectors, self.relation_vectors, self.reciprocal_vectors):
            digest.update(np.ascontiguousarray(vectors).tobytes())
        return digest.hexdigest()

    def report(self) -> dict[str, Any]:
        """Configuration, figures, sizes and losses, as JSON-like values."""
        return {
            "config": self.config.model_dump(),
            "counts": self.counts,
            "losses": [round(loss, 6) for loss in self.losses],
            "metrics": self.metrics,
            "scorer": self.scorer,
        }

    def save(self, folder: Path) -> None:
        """Write entities.parquet, relations.parquet, embeddings.safetensors and report.json into a folder.

        The tensors of the safetensors file are `entities`, `relations` and `reciprocals`; its metadata holds no clock.
        """
        from safetensors.numpy import save_file

        folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(self.entity_table(), folder / "entities.parquet", compression="zstd")
        pq.write_table(self.relation_table(), folder / "relations.parquet", compression="zstd")
        tensors = {
            "entities": np.ascontiguousarray(self.entity_vectors),
            "reciprocals": np.ascontiguousarray(self.reciprocal_vectors),
            "relations": np.ascontiguousarray(self.relation_vectors),
        }
        save_file(tensors, str(folder / "embeddings.safetensors"), metadata={"scorer": self.scorer})
        report = json.dumps(self.report(), indent=1, sort_keys=True) + "\n"
        (folder / "report.json").write_text(report, encoding="utf-8")


def _lists(vectors: NDArray[np.float32]) -> pa.ListArray:
    """Rows of a matrix as lists, without a Python object for each number."""
    offsets = np.arange(len(vectors) + 1, dtype=np.int32) * vectors.shape[1]
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(vectors.ravel(), pa.float32()))
