"""The folder of a model that `materia finetune relation_extraction` wrote, as a classifier that extraction uses.

Its `materia_task.json` says what the model tells apart, between which types, and how its scores become probabilities: a temperature
and a threshold, fitted to its validation pairs when it was trained.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pipeline.content import folder_hash
from pipeline.errors import MateriaError
from pipeline.linear_text import load_linear_text
from pipeline.quiet_loading import quiet
from pipeline.relations.mix import Mix
from pipeline.relations.pairs import Scheme

if TYPE_CHECKING:
    from pipeline.relations.model import Classifier

__all__ = ["NO_RELATION", "TASK", "is_finetuned", "load_finetuned_relations"]

#: Name and version of the task. Raise it where the same folder would give other probabilities.
TASK: Final = "relation_extraction.v1"
#: The label of pairs without a relation.
NO_RELATION: Final = "no relation"
_RECORD: Final = "materia_task.json"


def is_finetuned(folder: Path) -> bool:
    """Whether a folder is of a fine-tuned model."""
    return (folder / _RECORD).is_file()


def load_finetuned_relations(folder: Path) -> Classifier:
    """The classifier.

    Raises:
        MateriaError: the model is for another task, knows no pairs without a relation, has graph vectors, or cannot be read.
    """
    try:
        record = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
        problem = _problem(folder, record)
        if problem is None:
            return _load(folder, record)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise MateriaError(
            f"holds no fine-tuned model of relations that can be read ({type(error).__name__})",
            file=str(folder),
            remedy="Fine-tune it again: materia finetune relation_extraction",
        ) from error
    raise MateriaError(problem[0], file=str(folder), remedy=problem[1])


def _problem(folder: Path, record: dict[str, Any]) -> tuple[str, str] | None:
    """Why a model cannot be used, and what would help."""
    if record["task"] != TASK:
        return f"was fine-tuned for {record['task']}, not for {TASK}", "Fine-tune it for relation_extraction"
    if NO_RELATION not in record["labels"]:
        return (
            "learned from pairs that all have a relation, so it would find one in every pair",
            "Fine-tune it on a corpus whose other pairs have none: BC5CDR, BioRED, DDI",
        )
    if (folder / "graph_fusion.json").exists():
        return "has graph vectors in its encoder, which extraction has not", "Fine-tune it without graph"
    return None


def _load(folder: Path, record: dict[str, Any]) -> Classifier:
    from transformers import AutoTokenizer

    from pipeline.relations.marked_pairs import MarkedPairClassifier, MarkedPairs
    from pipeline.relations.model import Classifier

    arguments, labels = record["arguments"], record["labels"]
    scheme = Scheme.from_dict({**arguments, "labels": [label for label in labels if label != NO_RELATION]})
    order = [labels.index(label) for label in (NO_RELATION, *scheme.labels)]
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    with quiet():
        model = MarkedPairClassifier.from_pretrained(folder, local_files_only=True, use_safetensors=True)
    mix = Mix((1.0 / arguments["temperature"],), (0.0,) * len(order), arguments["threshold"])
    voter = MarkedPairs(model, tokenizer, record["max_length"], order, load_linear_text(folder))
    return Classifier(scheme, None, (voter,), mix, f"{TASK}.{folder_hash(folder)[:8]}", record.get("report", {}))
