"""A model with the head of a task, over the weights of an encoder's folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.errors import MateriaError
from pipeline.quiet_loading import quiet, unloadable

__all__ = ["load_with_head", "numbered"]


def load_with_head(model_class: Any, folder: Path, **settings: Any) -> Any:
    """The model in a folder under the head of a class; a head that the folder lacks is new, from torch's global seed.

    Args:
        model_class: AutoModelFor... of transformers, or a class with its `from_pretrained`.
        folder: an encoder, or a model fine-tuned for the same task.
        settings: of its configuration: num_labels, id2label and so on.

    Raises:
        MateriaError: the folder holds no model that the class can read, or one with a head for other labels.
    """
    try:
        with quiet():
            model = model_class.from_pretrained(folder, local_files_only=True, use_safetensors=True, **settings)
    except unloadable() as error:
        why = str(error)
    else:
        if _has_other_labels(folder, model, settings.get("id2label", {})):
            raise _other_head(folder)
        return model
    if "ignore_mismatched_sizes" in why:  # what the library advises where weights are of other sizes
        raise _other_head(folder)
    raise MateriaError(
        f"holds no model that this task can start from ({why.splitlines()[0].rstrip('. ')})",
        file=str(folder),
        remedy="Give the folder of an encoder as save_pretrained writes it, with its weights as safetensors",
    )


def _other_head(folder: Path) -> MateriaError:
    remedy = "Give the encoder that it was fine-tuned from"
    return MateriaError("has a head for other labels than this task has", file=str(folder), remedy=remedy)


def _has_other_labels(folder: Path, model: Any, labels: dict[int, str]) -> bool:
    """Whether a folder holds the model with its head, and the head's labels have other names."""
    stored = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    names = {int(number): name for number, name in stored.get("id2label", labels).items()}
    unnamed = all(name == f"LABEL_{number}" for number, name in names.items())
    return type(model).__name__ in (stored.get("architectures") or ()) and not unnamed and names != labels


def numbered(labels: Sequence[str]) -> dict[str, Any]:
    """Labels as a configuration of transformers states them: num_labels, id2label and label2id."""
    names = dict(enumerate(labels))
    return {"num_labels": len(names), "id2label": names, "label2id": {label: number for number, label in names.items()}}
