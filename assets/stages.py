"""Every stage, in the order in which a build goes through them."""

from __future__ import annotations

from collections.abc import Sequence

from assets import (
    ablation,
    calibration,
    corpora,
    corpus,
    data_card,
    extraction,
    finetuning,
    graph,
    graph_evidence,
    literature,
    models,
    provenance,
    shuffles,
    vocabulary,
)
from assets.stage import Stage
from pipeline.errors import MateriaError

__all__ = ["SHUFFLED", "STAGES", "until"]

_MADE: tuple[Stage, ...] = (
    *literature.STAGES,
    *vocabulary.STAGES,
    *graph_evidence.STAGES,
    *extraction.STAGES,
    *shuffles.STAGES,
    *graph.STAGES,
    *calibration.STAGES,
    *corpora.STAGES,
    *corpus.STAGES,
)
STAGES: tuple[Stage, ...] = (
    *_MADE,
    provenance.make_stage(_MADE),
    *data_card.STAGES,
    *models.STAGES,
    *finetuning.STAGES,
    *ablation.STAGES,
)
#: Bucketed assets that a shuffle stage writes, by the name of that stage.
SHUFFLED: dict[str, str] = {stage.name: stage.shuffled for stage in STAGES if stage.shuffled}


def until(names: str | Sequence[str] | None) -> list[Stage]:
    """The stages that named assets rest on, themselves included, in order; all of them for None.

    Raises:
        MateriaError: there is no such asset; the message lists those there are.
    """
    if names is None:
        return list(STAGES)
    by_name = {stage.name: stage for stage in STAGES} | {made: _stage(maker) for maker, made in SHUFFLED.items()}
    asked = [names] if isinstance(names, str) else names
    if unknown := [name for name in asked if name not in by_name]:
        raise MateriaError(f"there is no asset {unknown[0]!r}", remedy=f"Choose one of {', '.join(by_name)}")
    wanted: set[str] = set()
    open_names = [by_name[name] for name in asked]
    while open_names:
        stage = open_names.pop()
        if stage.name not in wanted:
            wanted.add(stage.name)
            open_names += [by_name[need.asset] for need in stage.needs]
    # Everything rests on the inventory: it names the batches.
    wanted.add("literature_inventory")
    return [stage for stage in STAGES if stage.name in wanted]


def _stage(name: str) -> Stage:
    return next(stage for stage in STAGES if stage.name == name)
