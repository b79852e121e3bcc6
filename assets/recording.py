"""Dagster's records, told from manifests.

Manifests are the truth of a home; Dagster's records say what the UI shows. A build by the command line, by cron or on another
machine imports no Dagster and tells it nothing, and a run that is killed loses its last events. So the records are brought
up to date from the manifests: what they do not know (by asset, partition, data version and skip key) is reported. This
happens when `materia ui` starts and every half minute while it runs (`assets.sensors`), so a lost event costs nothing.

A look costs a listing of the manifests' folders (10 ms for 5,000 partitions); an event 13 to 15 ms, so only what changed is told. What the
records know is kept in `HOME/dagster/recorded.json`, a cache that is brought up to date from the records and may be deleted.

An event carries the data versions that the partition was made from (`_provenance`), so that the UI tells what is stale
by content: an input that was made anew with equal content makes nothing stale.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import dagster as dg

from assets.dagster_graph import FILES, needs_in_dagster
from assets.home import Home
from assets.metadata import partition_metadata
from assets.recorded import MADE_FROM, Recorded
from assets.stage import Stage, batches_of, checks_together
from assets.stages import STAGES
from pipeline.errors import MateriaError
from pipeline.hashing import hash_json
from pipeline.storage import MANIFESTS, WHOLE, Manifest

__all__ = ["Recorder", "check_results", "data_version", "dynamic_batches", "file_versions", "manifests_state"]


def data_version(stage: Stage, manifest: Manifest) -> str:
    """What Dagster takes for the version of a partition's data; of a shuffle, that of all its buckets together."""
    return hash_json(manifest.summary["buckets"]) if stage.shuffled else manifest.data_version


def check_results(stage: Stage, home: Home) -> dict[str, tuple[bool, dict[str, Any]]]:
    """The results of a stage's checks over all its partitions (a check has none): whether passed, and its figures."""
    done = checks_together(home.dataset(stage.name).manifests().values())
    return {
        check.name: (
            bool(done[check.name]["passed"]),
            {
                name: value if isinstance(value, int | float | str) else dg.MetadataValue.json(value)
                for name, value in done[check.name].items()
                if name != "passed"
            },
        )
        for check in stage.checks
        if check.name in done
    }


def file_versions(home: Home) -> dict[str, tuple[str, int]]:
    """Of every batch in the inventory a version of its files, and how many there are."""
    rows: dict[str, list[list[Any]]] = {}
    for row in home.dataset("literature_inventory").read().to_pylist():
        rows.setdefault(row.pop("batch"), []).append(sorted(row.items()))
    return {batch: (hash_json(sorted(of, key=str)), len(of)) for batch, of in rows.items()}


def dynamic_batches(instance: dg.DagsterInstance, home: Home) -> int:
    """Make Dagster's batch partitions equal to the inventory's; returns how many came or went."""
    batches = set(batches_of(home))
    known = set(instance.get_dynamic_partitions("batches"))
    if new := sorted(batches - known):
        instance.add_dynamic_partitions("batches", new)
    for gone in sorted(known - batches):
        instance.delete_dynamic_partition("batches", gone)
    return len(batches ^ known)


def manifests_state(home: Home, asset: str) -> str:
    """A hash that changes whenever a manifest of the asset is replaced, made or removed: names, sizes, times. Reads none.

    Of a home in an object store the versions that the last look at it gave.
    """
    if (copy := home.dataset(asset).copy) is not None:
        return hash_json(copy.versions())
    folder = home.path / asset / MANIFESTS
    try:
        with os.scandir(folder) as entries:
            found = sorted(
                (e.name, (s := e.stat()).st_size, s.st_mtime_ns) for e in entries if e.name.endswith(".json")
            )
    except FileNotFoundError:
        found = []
    return hash_json([list(entry) for entry in found])


class Recorder:
    """Tells Dagster's records of a home what its manifests hold.

    Args:
        most: events to report at most; the next call goes on from there.
        report: takes an event, where it should belong to a run; without one it belongs to none.
    """

    def __init__(
        self,
        home: Home,
        instance: dg.DagsterInstance,
        *,
        most: int | None = None,
        report: Callable[[dg.AssetMaterialization], None] | None = None,
    ) -> None:
        self.home = home
        self.instance = instance
        self.events = 0
        self._most = most
        self._report = report or instance.report_runless_asset_event
        self._known = Recorded(home.path / "dagster" / "recorded.json", instance)
        self._latest: dict[str, int | None] = {}

    def record(self) -> int:
        """Report everything that the records do not know; how many events that took."""
        dynamic_batches(self.instance, self.home)
        for stage in STAGES:
            self._asset(stage, stage.name, self._of_stage(stage))
            if stage.name == "literature_inventory":
                self._asset(stage, FILES, self._of_files, watch=stage.name)
            if stage.shuffled:
                self._asset(stage, stage.shuffled, self._of_bare(stage.shuffled))
        self._known.save()
        return self.events

    def materialization(
        self, stage: Stage, key: str, manifest: Manifest, *, fresh: bool = True
    ) -> dg.AssetMaterialization:
        """The event of a partition of a stage."""
        metadata = partition_metadata(stage, self.home, key, manifest) | {MADE_FROM: manifest.skip_key}
        tags = {
            "dagster/data_version": data_version(stage, manifest),
            "dagster/data_version_is_user_provided": "true",
            "dagster/code_version": stage.code_version,
            **self._provenance(stage, key, manifest, fresh),
        }
        return dg.AssetMaterialization(
            stage.name, partition=None if key == WHOLE else key, metadata=metadata, tags=tags
        )

    def bare(self, asset: str, key: str, version: str, rows: int) -> dg.AssetMaterialization:
        """The event of a partition of an asset that no stage of its own makes."""
        metadata: dict[str, Any] = {"dagster/partition_row_count": rows, MADE_FROM: version}
        return dg.AssetMaterialization(asset, partition=key, metadata=metadata, tags={"dagster/data_version": version})

    def _of_stage(self, stage: Stage) -> Callable[[], Iterator[tuple[str, str, str, dg.AssetMaterialization]]]:
        def events() -> Iterator[Any]:
            stale = set(stage.stale(self.home)) if stage.fingerprint is None else set()
            for key, manifest in self.home.dataset(stage.name).manifests().items():
                version = data_version(stage, manifest)
                if self._known.is_news(stage.name, key, version, manifest.skip_key):
                    event = self.materialization(stage, key, manifest, fresh=key not in stale)
                    yield key, version, manifest.skip_key, event

        return events

    def _of_files(self) -> Iterator[tuple[str, str, str, dg.AssetMaterialization]]:
        if self.home.dataset("literature_inventory").manifest() is not None:
            for key, (version, rows) in sorted(file_versions(self.home).items()):
                if self._known.is_news(FILES, key, version, version):
                    yield key, version, version, self.bare(FILES, key, version, rows)

    def _of_bare(self, asset: str) -> Callable[[], Iterator[tuple[str, str, str, dg.AssetMaterialization]]]:
        def events() -> Iterator[Any]:
            for key, manifest in self.home.dataset(asset).manifests().items():
                version = manifest.data_version
                if self._known.is_news(asset, key, version, version):
                    yield key, version, version, self.bare(asset, key, version, manifest.rows)

        return events

    def _asset(
        self,
        stage: Stage,
        asset: str,
        events: Callable[[], Iterator[tuple[str, str, str, dg.AssetMaterialization]]],
        watch: str | None = None,
    ) -> None:
        """Report what is new of one asset, if its manifests changed since the last look."""
        state = manifests_state(self.home, watch or asset)
        if self._known.states.get(asset) == state:
            return
        self._known.learn(asset)
        try:
            for key, version, made_from, event in events():
                if self._most is not None and self.events >= self._most:
                    return
                self._report(event)
                self.events += 1
                self._latest.pop(asset, None)
                self._known.note(asset, key, version, made_from)
            if asset == stage.name:
                self._checks(stage)
        except (FileNotFoundError, MateriaError):  # a build is at work there and replaced what was being read
            return
        self._known.states[asset] = state

    def _checks(self, stage: Stage) -> None:
        results = check_results(stage, self.home)
        told = hash_json(
            {name: [passed, sorted(map(str, figures.items()))] for name, (passed, figures) in results.items()}
        )
        if not results or self._known.checks.get(stage.name) == told:
            return
        blocking = {check.name for check in stage.checks if check.blocking}
        for name, (passed, figures) in results.items():
            severity = dg.AssetCheckSeverity.ERROR if name in blocking else dg.AssetCheckSeverity.WARN
            self.instance.report_runless_asset_event(
                dg.AssetCheckEvaluation(
                    asset_key=dg.AssetKey(stage.name),
                    check_name=name,
                    passed=passed,
                    severity=severity,
                    metadata={k: dg.MetadataValue.text(v) if isinstance(v, str) else v for k, v in figures.items()},
                )
            )
            self.events += 1
        self._known.checks[stage.name] = told

    def _provenance(self, stage: Stage, key: str, manifest: Manifest, fresh: bool) -> Mapping[str, str]:
        """The tags by which Dagster knows what a partition was made from.

        Of an input without partitions it compares data versions. Of one with partitions it asks whether an event
        later than the named one has another version: so the name of the latest is right where the partition is fresh.
        """
        tags = {}
        for need in needs_in_dagster(stage, self.home)[0]:
            version, pointer = "partitions", self._latest_event(need.asset)
            above = self.home.dataset(need.asset).manifest() if need.partitions == "none" else None
            if above is not None:
                maker = next(one for one in STAGES if one.name == need.asset)
                version = data_version(maker, above) if fresh else manifest.inputs.get(f"{need.asset}/{WHOLE}", "older")
            tags[f"dagster/input_data_version/{need.asset}"] = version
            tags[f"dagster/input_event_pointer/{need.asset}"] = "NULL" if pointer is None or not fresh else str(pointer)
        return tags

    def _latest_event(self, asset: str) -> int | None:
        if asset not in self._latest:
            found = self.instance.fetch_materializations(dg.AssetKey(asset), limit=1).records
            self._latest[asset] = found[0].storage_id if found else None
        return self._latest[asset]
