"""What a model is pretrained on: shards of passages, triples, the names of their entities; and the hashes it is known by."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.content import folder_hash, model_folder
from pipeline.errors import MateriaError
from pipeline.hashing import hash_json
from training.config import PretrainingConfig
from training.data.shards import Shard

__all__ = ["Sources", "shards_below"]


@dataclass(frozen=True)
class Sources:
    """What a model is made from, beside its settings.

    Attributes:
        train, validation: shards of passages (kg.tables.PASSAGES).
        test: the same, for evaluation; pretraining does not read them.
        triples: kg.tables.TRIPLES, in a fixed order; those of the train split are learned from.
        names: name of each entity by CURIE; an entity without one is read as its CURIE.
        licences: what is known of licences, by what they are of; for the model card.
        folders: folders of what settings may name in place of a path (`kg_embeddings/transe`), by that name.
    """

    train: Sequence[Shard]
    validation: Sequence[Shard]
    triples: pa.Table
    names: Mapping[str, str] = field(default_factory=dict)
    licences: Mapping[str, str | None] = field(default_factory=dict)
    folders: Mapping[str, Path] = field(default_factory=dict)
    test: Sequence[Shard] = ()

    def triples_hash(self) -> str:
        """SHA-256 over subject, predicate, object, split and belief of the triples in their order."""
        digest = hashlib.sha256()
        columns = [c for c in ("subject", "predicate", "object", "split", "belief") if c in self.triples.column_names]
        for batch in self.triples.select(columns).to_batches(max_chunksize=10_000):
            for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                digest.update(("\x1f".join(map(str, row)) + "\n").encode())
        return digest.hexdigest()

    def hashes(self, config: PretrainingConfig) -> dict[str, Any]:
        """A hash of each input, which a run that goes on must share with the one that began."""
        return {
            "train shards": hash_json([[s.name, s.sha256] for s in self.train]),
            "validation shards": hash_json([[s.name, s.sha256] for s in self.validation]),
            "triples": self.triples_hash(),
            "names": hash_json(sorted(self.names.items())),
            **model_hashes(self.placed(config)),
        }

    def placed(self, config: PretrainingConfig) -> PretrainingConfig:
        """Settings with the folder of what they name by a name of `folders`.

        Raises:
            MateriaError: there is no such folder.
        """
        table = config.objectives.link_prediction_table
        if table.embeddings is None or not table.embeddings.startswith("kg_embeddings/"):
            return config
        folder = self.folders.get(table.embeddings)
        if folder is None:
            raise MateriaError(
                f"objectives.link_prediction_table.embeddings is {table.embeddings!r}, and there are no such embeddings",
                remedy=f"Train them (materia build --until kg_embeddings), or name one of {', '.join(self.folders) or 'yours'}",
            )
        objectives = config.objectives.model_copy(
            update={"link_prediction_table": table.model_copy(update={"embeddings": str(folder)})}
        )
        return config.model_copy(update={"objectives": objectives})


def model_hashes(config: PretrainingConfig) -> dict[str, str]:
    """Hashes of the folders that settings name: a backbone, a tokenizer, embeddings.

    Raises:
        MateriaError: one of them does not exist.
    """
    table = config.objectives.link_prediction_table.embeddings
    models = {"backbone": config.backbone.pretrained, "tokenizer": config.tokenizer.pretrained}
    found = {name: folder_hash(model_folder(model)) for name, model in models.items() if model}
    return found | ({"embeddings": folder_hash(Path(table))} if table else {})


def shards_below(folder: Path) -> dict[str, list[Shard]]:
    """The shards in a folder's `split=` folders, such as an exported corpus has, by split, sorted by name. Reads each for its hash."""
    found: dict[str, list[Shard]] = {"train": [], "validation": [], "test": []}
    for split, shards in found.items():
        for path in sorted(folder.glob(f"**/split={split}/**/*.parquet")):
            shards.append(Shard.of(path, folder))
    return found
