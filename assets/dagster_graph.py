"""The stages as Dagster sees them: which asset depends on which, and when one is asked for.

Dagster's graph differs from that of `assets.stages` in three ways, each because of something Dagster does.

- What follows the inventory depends on `literature_files`, a bare asset with a partition a batch, that the inventory reports: so
  one new file asks for one batch, where a dependency on the inventory itself would ask for all of them. The shuffles
  report bare assets a bucket in the same way.
- Dagster does not look at more than 100 partitions of an input to tell what is stale. So a stage without partitions that reads all
  batches (or many buckets) depends also on what stands above those without partitions: the inventory, a shuffle. These
  edges show staleness and never start a run (`_witnesses`).
- A run of several shuffles must take them in order, though the bare assets between them hide it.

`automation` is Dagster's `eager` by data version: an input that was made anew with equal content asks for nothing. It waits
while the home is being built, since that build makes what it would ask for.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import dagster as dg

from assets.home import Home, open_home
from assets.lock import holder
from assets.stage import Need, Stage
from assets.stages import SHUFFLED, STAGES, until

__all__ = ["AUTOMATED", "FILES", "automation", "needs_in_dagster"]

#: The bare asset of literature files, a partition a batch.
FILES = "literature_files"
#: Stages that follow their inputs by themselves: all up to the corpus, and the index that answers questions.
AUTOMATED = frozenset(stage.name for stage in until(["corpus", "graph_index"]))
#: Sources: nothing above them but folders and settings, which a sensor watches.
_SOURCES = ("literature_inventory", "vocabulary")
_MOST_PARTITIONS = 100
_MAKERS = {made: maker for maker, made in SHUFFLED.items()}
_BY_NAME = {stage.name: stage for stage in STAGES}


def needs_in_dagster(stage: Stage, home: Home) -> tuple[list[Need], list[str]]:
    """What a stage depends on in Dagster, and the assets among them that only witness staleness or order."""
    needs = [
        Need(FILES, "same") if stage.partitions == "batch" and need.asset == "literature_inventory" else need
        for need in stage.needs
    ]
    direct = {need.asset for need in needs}
    witnesses = sorted(set(_witnesses(stage, home)) - direct - {stage.name})
    return [*needs, *map(Need, witnesses)], witnesses


def _witnesses(stage: Stage, home: Home) -> Iterator[str]:
    if stage.partitions != "none":
        return
    for need in stage.needs:
        if need.asset in _MAKERS:  # taken in order, where one run takes both
            yield _MAKERS[need.asset]
        if need.partitions == "batch" or (need.partitions == "bucket" and home.config.buckets > _MOST_PARTITIONS):
            yield from _without_partitions(need.asset)


def _without_partitions(asset: str) -> Iterator[str]:
    """The nearest stages without partitions above an asset that has some."""
    if asset in _MAKERS:
        yield _MAKERS[asset]
        return
    for need in _BY_NAME[asset].needs:
        if need.asset not in _MAKERS and _BY_NAME[need.asset].partitions == "none":
            yield need.asset
        else:
            yield from _without_partitions(need.asset)


def automation(stage: Stage, witnesses: list[str]) -> dg.AutomationCondition[Any] | None:
    """When the automation asks for a partition of a stage: when the data of one of its inputs changed. None: never."""
    if stage.name not in AUTOMATED or stage.name in _SOURCES:
        return None
    condition = dg.AutomationCondition
    changed: dg.AutomationCondition[Any] = condition.any_deps_match(condition.data_version_changed())
    if witnesses:
        changed = condition.any_deps_match(condition.data_version_changed()).ignore(
            dg.AssetSelection.assets(*witnesses)
        )
    if stage.partitions == "batch":
        # Documents, mentions and evidence of a batch go through one run; what turns out equal costs a millisecond there.
        changed |= condition.any_deps_match(condition.will_be_requested())
    return condition.eager().replace("any_deps_updated", changed) & NobodyBuilds()


class NobodyBuilds(dg.AutomationCondition[dg.AssetKey]):
    """Whether the home is free."""

    @property
    def name(self) -> str:
        """What the UI shows."""
        return "nobody_builds"

    def evaluate(self, context: dg.AutomationContext[dg.AssetKey]) -> dg.AutomationResult[dg.AssetKey]:
        """All partitions asked about while the home is free; none while somebody builds in it."""
        free = holder(open_home().url) is None
        return dg.AutomationResult(context, context.candidate_subset if free else context.get_empty_subset())
