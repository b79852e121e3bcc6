"""Which backbones, objectives and schedules go together. What does not is refused before anything is read or trained.

Imports no torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.errors import MateriaError
from training.backbones.config import BackboneConfig
from training.objectives.config import GRAPH_OBJECTIVES, LANGUAGE_OBJECTIVES, ObjectivesConfig
from training.schedules.config import ScheduleConfig

if TYPE_CHECKING:
    from training.config import PretrainingConfig

__all__ = ["check_combination"]


def check_combination(config: PretrainingConfig) -> dict[str, float]:
    """Refuse settings that make no sense together.

    Returns:
        The weight of each objective that is trained.

    Raises:
        MateriaError: with the reason, and what to set instead. Also where the pretrained model that is named does not exist.
    """
    backbone = config.backbone.resolved()
    weights = config.objectives.weights(backbone.language)
    _check_objectives(backbone, config.objectives, weights)
    _check_schedule(config.schedule, weights)
    if backbone.gradient_checkpointing and backbone.family == "xlnet":
        raise MateriaError(
            "transformers has no gradient checkpointing for xlnet",
            remedy="Set backbone.gradient_checkpointing to false",
        )
    return weights


def _check_objectives(backbone: BackboneConfig, objectives: ObjectivesConfig, weights: dict[str, float]) -> None:
    if not weights:
        raise MateriaError("every objective has weight 0", remedy="Give at least one objective a positive weight")
    own = LANGUAGE_OBJECTIVES[backbone.language]
    for language, name in LANGUAGE_OBJECTIVES.items():
        if name in weights and name != own:
            raise MateriaError(
                f"{name} needs a {language} language model, and {backbone.family} is a {backbone.language} one",
                remedy=f"Leave out objectives.{name}.weight, and use objectives.{own}, or another backbone.family",
            )
    if "next_sentence" in weights and backbone.family != "bert":
        raise MateriaError(
            f"next_sentence needs BERT's [CLS] and its head, and {backbone.family} has neither",
            remedy="Leave out objectives.next_sentence.weight, or set backbone.family to bert",
        )
    table = objectives.link_prediction_table
    if "link_prediction_table" not in weights or not table.frozen:
        return
    if table.embeddings is None:
        raise MateriaError(
            "a frozen table of vectors that were never trained knows nothing of the graph",
            remedy="Set objectives.link_prediction_table.embeddings to a folder of embeddings, or frozen to false",
        )
    if not table.mentions:
        raise MateriaError(
            "a frozen table without mentions has nothing to learn",
            remedy="Set objectives.link_prediction_table.mentions to true, or frozen to false",
        )


def _check_schedule(schedule: ScheduleConfig, weights: dict[str, float]) -> None:
    names = ", ".join(weights)
    graph = [name for name in weights if name in GRAPH_OBJECTIVES]
    text = [name for name in weights if name not in GRAPH_OBJECTIVES]
    if schedule.weighting == "uncertainty" and len(weights) == 1:
        raise MateriaError(
            f"{names} is the only objective, so there is nothing to weigh it against",
            remedy="Set schedule.weighting to fixed, or add an objective",
        )
    if schedule.turns == "joint":
        if schedule.graph_ratio is not None:
            raise MateriaError(
                "joint steps serve text and graph together, so there are no turns to divide by a graph_ratio",
                remedy="Set data.triples and data.rows instead, or schedule.turns to alternating",
            )
        if schedule.unit == "epoch":
            raise MateriaError(
                "joint steps take no turns, so a turn cannot be an epoch",
                remedy="Set schedule.unit to step, or schedule.turns to alternating",
            )
        return
    if schedule.turns == "annealed" and schedule.unit == "epoch":
        raise MateriaError(
            "annealed draws change with every step, so a turn cannot be an epoch",
            remedy="Set schedule.unit to step, or schedule.turns to temperature",
        )
    if len(graph) + bool(text) < 2:
        raise MateriaError(
            f"there is one task only ({names}), so nothing to take turns with",
            remedy="Set schedule.turns to joint, or add an objective of the other kind",
        )
    if schedule.graph_ratio is not None and not (graph and text):
        raise MateriaError(
            f"graph_ratio divides turns between text and graph, and there is only {names}",
            remedy="Leave out schedule.graph_ratio, or add an objective for text",
        )
