"""Settings for two benchmarks that everyone compares on, one YAML file each, with where each setting was published."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from pipeline.errors import MateriaError
from pipeline.yaml_file import parse_yaml

__all__ = ["preset"]


def preset(name: str, model: str) -> dict[str, Any]:
    """The settings of a shipped preset for a scorer, as keys of `EmbeddingConfig`.

    Raises:
        MateriaError: there is no such preset, or it has nothing for that scorer.
    """
    folder = files("kg.embeddings.presets")
    names = sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))
    if name not in names:
        raise MateriaError(f"there is no preset {name!r}", remedy=f"Use {' or '.join(names)}")
    values = parse_yaml((folder / f"{name}.yaml").read_text(encoding="utf-8"), f"{name}.yaml")
    return {"trials": 0, **dict(values[model])}
