"""Stages as Dagster assets: one factory, so that every asset behaves alike.

A run that covers one partition (or an asset without partitions) returns a result with its data version. A run that covers
many and nothing after them reports only the partitions that changed, because an event costs 20 to 50 ms. What follows a
shuffle depends on a bare asset whose partitions the shuffle reports, for the same reason.

No `from __future__ import annotations` here: Dagster reads the type of `context` at run time.
"""

from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

import dagster as dg

from assets.home import Home, open_home
from assets.metadata import column_schema, partition_metadata
from assets.stage import Refreshed, Stage, batches_of, checks_together, refresh
from assets.stages import STAGES
from assets.usage import measured
from kg.tables import CONCEPTS_BY_BUCKET, CONTEXT, SELECTION, TOLD_CONCEPTS, WITHHELD_CLAIMS
from pipeline.parallel import cpu_count
from pipeline.storage import WHOLE
from pipeline.tables import EVIDENCE, LITERATURE_BY_BUCKET

__all__ = ["BATCHES", "PROGRESS", "make_assets"]

BATCHES = dg.DynamicPartitionsDefinition(name="batches")
#: Told what is being done; the command line shows it as a progress bar. In the UI it goes to the run's log.
PROGRESS: ContextVar[Callable[[str], None] | None] = ContextVar("progress", default=None)

_DATA_VERSION = "dagster/data_version"
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
    """All stages as assets, and the bucketed assets that shuffles write."""
    buckets = dg.StaticPartitionsDefinition(home.buckets)
    made: list[dg.AssetsDefinition | dg.AssetSpec] = []
    for stage in STAGES:
        partitions = {"none": None, "batch": BATCHES, "bucket": buckets}[stage.partitions]
        made.append(_asset(stage, partitions))
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


def _asset(stage: Stage, partitions: dg.PartitionsDefinition[Any] | None) -> dg.AssetsDefinition:
    metadata = {"dagster/column_schema": column_schema(stage.tables[0])} if stage.tables else {}
    spec = dg.AssetSpec(
        stage.name,
        deps=[_dep(need.asset, need.partitions, stage.partitions) for need in stage.needs],
        group_name=stage.group,
        kinds=set(stage.kinds),
        description=stage.description,
        code_version=stage.code_version,
        partitions_def=partitions,
        metadata=metadata,
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
        yield from _materialize(context, stage)

    return materialize_stage


def _dep(asset: str, needed: str, partitions: str) -> dg.AssetDep:
    if partitions == "bucket" and needed == "batch":
        raise ValueError("buckets depend on batches through a shuffle only: see the module's docstring")
    if needed in ("batch", "bucket") and partitions == "none":
        return dg.AssetDep(asset, partition_mapping=dg.AllPartitionMapping())
    return dg.AssetDep(asset)


def _materialize(context: dg.AssetExecutionContext, stage: Stage) -> Iterator[Any]:
    home = open_home()
    keys = list(context.partition_keys) if context.has_partition_key_range or context.has_partition_key else [WHOLE]
    asset_key = dg.AssetKey(stage.name)
    selected = context.run.asset_selection
    alone = selected is not None and selected == {asset_key}
    report_changes_only = len(keys) > 1 and alone
    figures: dict[str, Any] = {"run": context.run.run_id}
    before = _shuffled_versions(stage, home)
    results: list[Refreshed] = []
    with home.lock(timeout_s=3600 if PROGRESS.get() is None else 5), measured(home, stage.name, figures):
        progress = PROGRESS.get() or context.log.info
        for result in refresh(stage, home, keys, workers=home.config.workers or cpu_count(), progress=progress):
            results.append(result)
            if result.changed and report_changes_only:
                context.log_event(
                    _event(stage.name, result.key, result.manifest.data_version, _describe(stage, home, result))
                )
        figures["partitions"] = sum(result.computed for result in results)
    if stage.name == "literature_inventory":
        _keep_batches(context, batches_of(home))
    for key, version in _shuffled_versions(stage, home).items():
        if before.get(key) != version and stage.shuffled:
            manifest = home.dataset(stage.shuffled).manifest(key)
            rows = manifest.rows if manifest else 0
            context.log_event(_event(stage.shuffled, key, version, {"dagster/partition_row_count": rows}))
    if report_changes_only:
        yield from _checks(stage, home)
    else:
        yield from _result(context, stage, home, results)


def _describe(stage: Stage, home: Home, result: Refreshed) -> dict[str, Any]:
    return partition_metadata(stage, home, result.key, result.manifest)


def _event(asset: str, partition: str, data_version: str, metadata: dict[str, Any]) -> dg.AssetMaterialization:
    return dg.AssetMaterialization(asset, partition=partition, metadata=metadata, tags={_DATA_VERSION: data_version})


def _result(context: dg.AssetExecutionContext, stage: Stage, home: Home, results: list[Refreshed]) -> Iterator[Any]:
    metadata = _describe(stage, home, results[-1])
    if len(results) > 1:
        for result in results:
            described = _describe(stage, home, result)
            context.add_asset_metadata(described, asset_key=stage.name, partition_key=result.key)
        metadata = {}
    versions = [result.manifest.data_version for result in results]
    version = versions[0] if len(versions) == 1 else "-".join(v[:12] for v in versions)
    yield dg.MaterializeResult(
        asset_key=stage.name,
        metadata=metadata,
        data_version=dg.DataVersion(version),
        check_results=_checks(stage, home),
    )


def _checks(stage: Stage, home: Home) -> list[dg.AssetCheckResult]:
    """The results of a stage's checks over all its partitions: a check has no partitions. Numbers are summed."""
    manifests = home.dataset(stage.name).manifests()
    done = checks_together(manifests[key] for key in sorted(manifests))
    return [
        dg.AssetCheckResult(
            asset_key=stage.name,
            check_name=check.name,
            passed=bool(done[check.name]["passed"]),
            severity=dg.AssetCheckSeverity.ERROR if check.blocking else dg.AssetCheckSeverity.WARN,
            metadata={
                k: v if isinstance(v, int | float | str) else dg.MetadataValue.json(v)
                for k, v in done[check.name].items()
                if k != "passed"
            },
        )
        for check in stage.checks
        if check.name in done
    ]


def _shuffled_versions(stage: Stage, home: Home) -> dict[str, str]:
    if not stage.shuffled:
        return {}
    return {key: manifest.data_version for key, manifest in home.dataset(stage.shuffled).manifests().items()}


def _keep_batches(context: dg.AssetExecutionContext, batches: list[str]) -> None:
    """Make Dagster's batch partitions equal to the inventory's."""
    known = set(context.instance.get_dynamic_partitions("batches"))
    if new := sorted(set(batches) - known):
        context.instance.add_dynamic_partitions("batches", new)
    for gone in sorted(known - set(batches)):
        context.instance.delete_dynamic_partition("batches", gone)
