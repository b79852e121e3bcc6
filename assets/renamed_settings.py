"""Settings under their names of today, so that homes which earlier versions recorded open, and mean what they meant."""

from __future__ import annotations

from typing import Any, Final

from pipeline.settings import merged

__all__ = ["renamed"]

#: Where the settings of pretraining went when they were divided into sections.
_PRETRAINING: Final = {
    "vocabulary": "tokenizer.vocabulary",
    "alphabet": "tokenizer.alphabet",
    "max_length": "data.max_length",
    "name_length": "data.name_length",
    "batch": "data.rows",
    "triples": "data.triples",
    "negatives": "data.negatives",
    "mask": "data.mask",
    "whole_entities": "data.whole_entities",
    "no_relation": "data.no_relation",
    "shuffle": "data.window",
    "gamma": "objectives.link_prediction.gamma",
    "steps": "trainer.steps",
    "learning_rate": "trainer.learning_rate",
    "warmup": "trainer.warmup",
    "weight_decay": "trainer.weight_decay",
    "clip": "trainer.clip",
    "log_every": "trainer.log_every",
    "threads": "trainer.threads",
    "evaluation_passages": "evaluation.passages",
    "evaluation_entities": "evaluation.entities",
}


def renamed(config: dict[str, Any]) -> dict[str, Any]:
    """A recorded configuration of any version, as this one writes it."""
    corpus = dict(config.get("corpus", {}))
    if "language" in corpus:
        corpus["languages"] = [corpus.pop("language")]
    return {**config, "corpus": corpus, "pretraining": _in_sections(config.get("pretraining", {}))}


def _in_sections(pretraining: dict[str, Any]) -> dict[str, Any]:
    moved: dict[str, Any] = {}
    for key, value in pretraining.items():
        if key == "weights":
            moved = merged(moved, {"objectives": {name: {"weight": weight} for name, weight in value.items()}})
        elif key in _PRETRAINING and not isinstance(value, dict):
            nested = value
            for name in reversed(_PRETRAINING[key].split(".")):
                nested = {name: nested}
            moved = merged(moved, nested)
        else:
            moved = merged(moved, {key: value})
    return moved
