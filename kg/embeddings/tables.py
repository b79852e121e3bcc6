"""What embedding training gives: vectors by CURIE, as Arrow tables and as one safetensors file, with their figures.

    entities.parquet         CURIE, vector, number of training triples
    relations.parquet        CURIE, vector, vector by which heads are asked (its reciprocal, or inverse)
    embeddings.safetensors   the same numbers as tensors: entities, relations, reciprocals; row i is row i of the tables
    report.json              configuration, figures, losses, threshold
    manifest.json            SHA-256 and rows of each file, and of the triples that they were learned from; written last

So every row is traceable: the manifest says which triples, and the CURIE which of them. Files are the same bytes each time.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pydantic import ValidationError

from kg.embeddings.config import EmbeddingConfig
from pipeline.errors import MateriaError, saying_disk_full
from pipeline.storage import file_sha256, write_atomically
from pipeline.tables import table_schema

__all__ = ["AGAIN", "ENTITIES_FILE", "ENTITY_VECTORS", "RELATION_VECTORS", "TENSORS_FILE", "Embeddings", "read_json"]

ENTITIES_FILE: Final = "entities.parquet"
TENSORS_FILE: Final = "embeddings.safetensors"
_RELATIONS, _REPORT, _MANIFEST = "relations.parquet", "report.json", "manifest.json"
_SCHEMA: Final = "materia.embeddings.v2"
_PIECE: Final = 65_536
_VECTOR = pa.list_(pa.float32())
#: What to do about a folder that cannot be read.
AGAIN: Final = "Name a folder of embeddings, or train them again: materia embed, or materia build"

ENTITY_VECTORS = table_schema(
    "entity_vectors",
    2,
    {
        "curie": (pa.string(), "CURIE of the entity; one row each, sorted"),
        "vector": (_VECTOR, "its vector; for rotate and complex the real parts, then the imaginary parts"),
        "triples": (pa.int64(), "training triples it is an end of; 0: its vector was never trained"),
    },
)

RELATION_VECTORS = table_schema(
    "relation_vectors",
    2,
    {
        "curie": (pa.string(), "CURIE of the predicate; one row each, sorted"),
        "vector": (_VECTOR, "its vector; for complex as an entity's, for rotate the angles in radians"),
        "reciprocal": (
            _VECTOR,
            "vector of the relation by which heads are asked: its reciprocal, or inverse",
        ),
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
        relation_vectors: (relations, width) float32.
        reciprocal_vectors: the same, by which heads are asked: learned reciprocals, or the inverses.
        degrees: (entities,) int64: training triples that each entity is an end of.
        losses: mean loss of each epoch.
        metrics: for validation and test: mrr, hits@1, hits@3, hits@10, triples, unseen, accuracy. A split without triples
            is absent.
        threshold: a triple is taken for true whose score is at least this; None where there was no validation triple.
        counts: triples of each split, entities and relations.
        triples: SHA-256 of the triples of each split, see `EncodedTriples.digests`.
    """

    config: EmbeddingConfig
    scorer: str
    entities: list[str]
    relations: list[str]
    entity_vectors: NDArray[np.float32]
    relation_vectors: NDArray[np.float32]
    reciprocal_vectors: NDArray[np.float32]
    degrees: NDArray[np.int64]
    losses: list[float]
    metrics: dict[str, dict[str, float]]
    threshold: float | None
    counts: dict[str, int]
    triples: dict[str, str]

    def entity_table(self) -> pa.Table:
        """Entities, their vectors and their numbers of triples."""
        columns = [
            pa.array(self.entities, pa.string()),
            _lists(self.entity_vectors),
            pa.array(self.degrees, pa.int64()),
        ]
        return pa.table(columns, schema=ENTITY_VECTORS)

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
        """Configuration, figures, sizes, losses and threshold, as JSON-like values."""
        return {
            "config": self.config.model_dump(),
            "counts": self.counts,
            "losses": [round(loss, 6) for loss in self.losses],
            "metrics": self.metrics,
            "scorer": self.scorer,
            "threshold": self.threshold,
        }

    def save(self, folder: Path) -> None:
        """Write the files that the module names into a folder; none holds a clock.

        They are written beside and moved when all are whole, the manifest last.

        Raises:
            DiskFullError: no room; what the folder held before is still there.
        """
        with saying_disk_full(str(folder)):
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder, prefix=".materia.") as staged:
                self._write(Path(staged))
                (folder / _MANIFEST).unlink(missing_ok=True)
                for name in (ENTITIES_FILE, _RELATIONS, TENSORS_FILE, _REPORT, _MANIFEST):
                    (Path(staged) / name).replace(folder / name)

    def _write(self, folder: Path) -> None:
        from safetensors.numpy import save_file

        pq.write_table(self.entity_table(), folder / ENTITIES_FILE, compression="zstd")
        pq.write_table(self.relation_table(), folder / _RELATIONS, compression="zstd")
        tensors = {
            "entities": np.ascontiguousarray(self.entity_vectors),
            "reciprocals": np.ascontiguousarray(self.reciprocal_vectors),
            "relations": np.ascontiguousarray(self.relation_vectors),
        }
        save_file(tensors, str(folder / TENSORS_FILE), metadata={"scorer": self.scorer})
        shutil.copymode(folder / ENTITIES_FILE, folder / TENSORS_FILE)  # safetensors shuts out every other user
        write_atomically(folder / _REPORT, _json(self.report()))
        rows = {ENTITIES_FILE: len(self.entities), _RELATIONS: len(self.relations)}
        files = {
            name: {"rows": rows.get(name), "sha256": file_sha256(folder / name)}
            for name in (ENTITIES_FILE, TENSORS_FILE, _RELATIONS, _REPORT)
        }
        manifest = {"files": files, "schema": _SCHEMA, "scorer": self.scorer, "triples": self.triples}
        write_atomically(folder / _MANIFEST, _json(manifest))

    @classmethod
    def load(cls, folder: Path) -> Embeddings:
        """Read what `save` wrote.

        Raises:
            MateriaError: a file is missing, is not what the manifest says, or is of another version.
        """
        from safetensors.numpy import load_file

        manifest, report = read_json(folder / _MANIFEST), read_json(folder / _REPORT)
        if manifest.get("schema") != _SCHEMA:
            raise MateriaError("is of a version that cannot be read", file=str(folder / _MANIFEST), remedy=AGAIN)
        for name, entry in manifest["files"].items():
            if not (folder / name).is_file() or file_sha256(folder / name) != entry["sha256"]:
                raise MateriaError("is missing or not as it was written", file=str(folder / name), remedy=AGAIN)
        entities = pq.read_table(folder / ENTITIES_FILE, columns=["curie", "triples"])
        tensors = load_file(str(folder / TENSORS_FILE))
        try:
            config = EmbeddingConfig.model_validate(report["config"])
        except ValidationError as error:
            said = str(error).splitlines()[1]
            raise MateriaError(
                f"has a setting unknown here: {said}", file=str(folder / _REPORT), remedy=AGAIN
            ) from None
        return cls(
            config=config,
            scorer=report["scorer"],
            entities=entities["curie"].to_pylist(),
            relations=pq.read_table(folder / _RELATIONS, columns=["curie"])["curie"].to_pylist(),
            entity_vectors=tensors["entities"],
            relation_vectors=tensors["relations"],
            reciprocal_vectors=tensors["reciprocals"],
            degrees=entities["triples"].to_numpy(),
            losses=report["losses"],
            metrics=report["metrics"],
            threshold=report["threshold"],
            counts=report["counts"],
            triples=manifest["triples"],
        )


def read_json(path: Path) -> dict[str, Any]:
    """A file of a folder of embeddings.

    Raises:
        MateriaError: it is missing, or no JSON object.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise MateriaError("holds no embeddings", file=str(path.parent), remedy=AGAIN) from error
    if not isinstance(values, dict):
        raise MateriaError("is no report of embeddings", file=str(path), remedy=AGAIN)
    return values


def _json(values: dict[str, Any]) -> str:
    return json.dumps(values, indent=1, sort_keys=True) + "\n"


def _lists(vectors: NDArray[np.float32]) -> pa.ChunkedArray:
    """Rows of a matrix as lists, without a Python object for each number; in pieces, since offsets have 32 bits."""
    pieces = []
    for start in range(0, len(vectors), _PIECE):
        part = vectors[start : start + _PIECE]
        offsets = np.arange(len(part) + 1, dtype=np.int32) * vectors.shape[1]
        pieces.append(pa.ListArray.from_arrays(pa.array(offsets), pa.array(part.ravel(), pa.float32())))
    return pa.chunked_array(pieces, _VECTOR)
