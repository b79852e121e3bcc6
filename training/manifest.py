"""The record of a model beside it: materia_manifest.json, what it was made from and with which code; training_config.json."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from upath import UPath

from pipeline.errors import MateriaError
from pipeline.hashing import hash_json
from training.data.shards import Shard, check_shards
from training.library_versions import library_versions
from training.sources import Sources, model_hashes

if TYPE_CHECKING:
    from training.config import PretrainingConfig
    from training.model import PretrainingModel

__all__ = ["CODE_VERSION", "make_manifest", "shards_of_model", "write_record"]

#: Raise it where the same inputs give another model.
CODE_VERSION: Final = "pretrain.v2"


def make_manifest(sources: Sources, config: PretrainingConfig, model: PretrainingModel) -> dict[str, Any]:
    """The manifest. It holds no clock, host or absolute path, but those that the settings name."""
    shards = [
        {"name": shard.name, "sha256": shard.sha256, "split": split}
        for split, part in (("train", sources.train), ("validation", sources.validation))
        for shard in sorted(part, key=lambda s: s.name)
    ]
    values = config.model_dump(mode="json")
    triples = sources.triples
    entities = set(triples["subject"].to_pylist()) | set(triples["object"].to_pylist())
    return {
        "schema": "materia.model.v2",
        "code_version": CODE_VERSION,
        "backbone": {
            "family": config.backbone.family,
            "language": config.backbone.language,
            "pretrained": config.backbone.pretrained,
        },
        "objectives": {name: objective.name for name, objective in model.objectives.items()},
        "shards": shards,
        "triples": {
            "rows": triples.num_rows,
            "entities": len(entities),
            "splits": dict(sorted(Counter(triples["split"].to_pylist()).items())),
            "sha256": sources.triples_hash(),
        },
        "models": model_hashes(sources.placed(config)),
        "relations": list(model.spec.relations),
        "classes": list(model.spec.classes),
        "config": values,
        "config_sha256": hash_json(values),
        "versions": library_versions(),
    }


def write_record(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write the two files."""
    for name, content in (("training_config.json", manifest["config"]), ("materia_manifest.json", manifest)):
        text = json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        (folder / name).write_text(text, encoding="utf-8")


def shards_of_model(folder: Path, root: UPath | Path) -> tuple[list[Shard], list[str]]:
    """The shards that a pretrained model was trained on, by its record (`materia_manifest.json`).

    Args:
        folder: of the model.
        root: what the names of shards are relative to: the home. `materia ablate` keeps corpora beside the models.

    Returns:
        those that are still there with the bytes that the record names; and of the others, in words, why they are not known.
    """
    record = folder / "materia_manifest.json"
    try:
        shards = json.loads(record.read_text(encoding="utf-8"))["shards"]
        made = [Shard(_place(s["name"], root, folder), s["name"], s["sha256"]) for s in shards if s["split"] == "train"]
    except (FileNotFoundError, NotADirectoryError):
        return [], [f"{folder.name} has no record of what it was trained on"]
    except (ValueError, KeyError, TypeError) as error:
        raise MateriaError(f"is no record of a model ({error})", file=str(record), remedy="Train it again") from error
    there: list[Shard] = []
    unread: list[str] = []
    for shard in made:
        try:
            check_shards([shard])
        except MateriaError as error:
            unread.append(f"{shard.name}, which {folder.name} was trained on, {error.problem}")
        else:
            there.append(shard)
    return there, unread


def _place(name: str, root: UPath | Path, folder: Path) -> str:
    """Where a shard lies: below the root, or below the folder of an ablation, which holds `models/NAME` and `corpora/`."""
    own = folder.absolute().parent.parent / name
    return str(own if own.exists() and not (UPath(root) / name).exists() else UPath(root) / name)
