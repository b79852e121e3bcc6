"""Stages as Dagster assets: one factory, so that every asset behaves alike.

A run that covers one partition (or an asset without partitions) returns a result with its data version. A run that covers
many reports each partition that it computed by an event of its own, because a result would give them all one version.
What is bare (`assets.dagster_graph`) is reported by the stage that makes it, where it changed.

What may pass (the home is being built, no space, a store that does not answer) is tried again after half a
minute; an error in the data is not.

No `from __future__ import annotations` here: Dagster reads the type of `context` at run time.
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from assets.dagster_graph import FILES, automation, needs_in_dagster
from assets.engines.engine import engine_of
from assets.home import Home, open_home
from assets.launch import through_pipes
from assets.lock import HomeBusyError
from assets.metadata import column_schema
from assets.recording import Recorder, check_results, data_version, dynamic_batches, file_versions
from assets.stage import Stage
from assets.stages import STAGES
from assets.usage import measured
from kg.tables import CONCEPTS_BY_BUCKET, CONTEXT, SELECTION, TOLD_CONCEPTS, WITHHELD_CLAIMS
from pipeline.errors import DiskFullError, MateriaError, UnreachableError
from pipeline.parallel import cpu_count
from pipeline.storage import WHOLE
from pipeline.tables import EVIDENCE, LITERATURE_BY_BUCKET
from pipeline.working_folder import sweep_copies

__all__ = ["BATCHES", "make_assets", "told_to_dagster"]

BATCHES = dg.DynamicPartitionsDefinition(name="batches")

_WAIT_S = 60.0
_RETRIES = 5
_RETRY_AFTER_S = 30.0
_SHUFFLED_TABLES = {
    "evidence_by_bucket": EVIDENCE,
    "literature_by_bucket": LITERATURE_BY_BUCKET,
    "concepts_by_bucket": CONCEPTS_BY_BUCKET,
    "triple_context": CONTEXT,
    "told_concepts": TOLD_CONCEPTS,
    "withheld_claims": WITHHELD_CLAIMS,
    "selected_passages": SELECTION,
}


def make_assets(home: Home) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """All stages as assets, and the bare assets that the inventory and the shuffles report."""
    buckets = dg.StaticPartitionsDefinition(home.buckets)
    made: list[dg.AssetsDefinition | dg.AssetSpec] = [
        dg.AssetSpec(
            FILES,
            deps=["literature_inventory"],
            partitions_def=BATCHES,
            group_name="literature",
            description="The files of a batch, as literature_inventory found them. Materialize that to look again.",
        )
    ]
    for stage in STAGES:
        partitions = {"none": None, "batch": BATCHES, "bucket": buckets}[stage.partitions]
        made.append(_asset(stage, partitions, home))
        if stage.shuffled:
            made.append(
                dg.AssetSpec(
                    stage.shuffled,
                    deps=[stage.name],
                    partitions_def=buckets,
                    group_name=stage.group,
                    kinds={"parquet"},
                    description=f"What {stage.name} wrote, a partition a bucket. Materialize {stage.name} to make it.",
                    metadata={"dagster/column_schema": column_schema(_SHUFFLED_TABLES[stage.shuffled])},
                )
            )
    return made


def _asset(stage: Stage, partitions: dg.PartitionsDefinition[Any] | None, home: Home) -> dg.AssetsDefinition:
    needs, witnesses = needs_in_dagster(stage, home)
    spec = dg.AssetSpec(
        stage.name,
        deps=[_dep(need.asset, need.partitions, stage.partitions) for need in needs],
        group_name=stage.group,
        kinds=set(stage.kinds),
        description=stage.description,
        code_version=stage.code_version,
        partitions_def=partitions,
        metadata={"dagster/column_schema": column_schema(stage.tables[0])} if stage.tables else {},
        automation_condition=automation(stage, witnesses),
        skippable=True,
    )
    checks = [
        dg.AssetCheckSpec(c.name, asset=stage.name, blocking=c.blocking, description=c.description)
        for c in stage.checks
    ]

    @dg.multi_asset(
        name=stage.name,
        specs=[spec],
        check_specs=checks,
        backfill_policy=dg.BackfillPolicy.single_run() if partitions else None,
    )
    def materialize_stage(context: dg.AssetExecutionContext) -> Iterator[Any]:
        with told_to_dagster():
            yield from _materialize(context, stage)

    return materialize_stage


def _dep(asset: str, needed: str, partitions: str) -> dg.AssetDep:
    if partitions == "bucket" and needed == "batch":
        raise ValueError("buckets depend on batches through a shuffle only: see assets.dagster_graph")
    if needed in ("batch", "bucket") and partitions == "none":
        return dg.AssetDep(asset, partition_mapping=dg.AllPartitionMapping())
    return dg.AssetDep(asset)


class told_to_dagster:  # noqa: N801 - reads as a verb where it is used
    """Errors as Dagster should take them: what may pass is tried again, what the data cause is said in a sentence and is not."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, HomeBusyError | DiskFullError | UnreachableError | OSError):
            raise dg.RetryRequested(max_retries=_RETRIES, seconds_to_wait=_RETRY_AFTER_S) from error
        if isinstance(error, MateriaError):
            raise dg.Failure(description=str(error), allow_retries=False) from error


def _materialize(context: dg.AssetExecutionContext, stage: Stage) -> Iterator[Any]:
    home = open_home()
    keys = list(context.partition_keys) if context.has_partition_key_range or context.has_partition_key else [WHOLE]
    figures: dict[str, Any] = {"run": context.run.run_id}
    before = _bare_versions(stage, home)
    with home.lock(timeout_s=_WAIT_S), measured(home, stage.name, figures):
        workers = home.config.workers or cpu_count()
        launch = through_pipes(context)
        with engine_of(home, context.log.info) as engine:
            results = list(engine.refresh(stage, home, keys, workers=workers, progress=context.log.info, launch=launch))
            figures |= engine.figures
        figures["partitions"] = sum(result.computed for result in results)
        sweep_copies(home.url)
    recorder = Recorder(home, context.instance)
    if stage.name == "literature_inventory":
        dynamic_batches(context.instance, home)
    asset, after = stage.shuffled or FILES, _bare_versions(stage, home)
    for key, (version, rows) in after.items():
        if before.get(key) != (version, rows):
            context.log_event(recorder.bare(asset, key, version, rows))
    alone = context.run.asset_selection == {dg.AssetKey(stage.name)}
    if len(results) > 1:
        if alone:
            yield from _checks(stage, home)
        else:  # what follows in this run must not be skipped
            yield dg.MaterializeResult(asset_key=stage.name, check_results=list(_checks(stage, home)))
        for result in results:
            if result.computed or not alone:
                context.log_event(recorder.materialization(stage, result.key, result.manifest))
        return
    (result,) = results
    yield dg.MaterializeResult(
        asset_key=stage.name,
        metadata=recorder.materialization(stage, result.key, result.manifest).metadata,
        data_version=dg.DataVersion(data_version(stage, result.manifest)),
        check_results=list(_checks(stage, home)),
    )


def _checks(stage: Stage, home: Home) -> Iterator[dg.AssetCheckResult]:
    blocking = {check.name: check.blocking for check in stage.checks}
    for name, (passed, figures) in check_results(stage, home).items():
        severity = dg.AssetCheckSeverity.ERROR if blocking[name] else dg.AssetCheckSeverity.WARN
        yield dg.AssetCheckResult(
            asset_key=stage.name, check_name=name, passed=passed, severity=severity, metadata=figures
        )


def _bare_versions(stage: Stage, home: Home) -> dict[str, tuple[str, int]]:
    """Version and rows of each partition of what a stage makes beside its own asset."""
    if stage.shuffled:
        manifests = home.dataset(stage.shuffled).manifests()
        return {key: (manifest.data_version, manifest.rows) for key, manifest in manifests.items()}
    if stage.name == "literature_inventory" and home.dataset(stage.name).manifest() is not None:
        return file_versions(home)
    return {}
