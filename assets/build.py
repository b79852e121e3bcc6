"""A build: every stage in order, each where something is stale, as Dagster runs in this process.

The same assets as in the UI, with the same events in the same records. Where nothing is stale Dagster is not even imported.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from assets.home import Home
from assets.stages import until as stages_until

__all__ = ["build", "dagster_folder"]


def dagster_folder(home: Home) -> Path:
    """The folder of Dagster's records in a home, with its settings: those of dagster.yaml, less the folders."""
    folder = home.path / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    shipped = Path(__file__).parent / "dagster.yaml"
    source = shipped if shipped.exists() else Path(__file__).parents[1] / "dagster.yaml"
    settings = yaml.safe_load(source.read_text(encoding="utf-8"))
    kept = {
        key: value
        for key, value in settings.items()
        if key not in ("storage", "local_artifact_storage", "compute_logs")
    }
    (folder / "dagster.yaml").write_text(yaml.safe_dump(kept), encoding="utf-8")
    return folder


def build(
    home: Home,
    until: str | None = None,
    *,
    progress: Callable[[str], None] = lambda _: None,
    on_stage: Callable[[str, int, float], None] = lambda *_: None,
) -> dict[str, int]:
    """Bring a home up to date, up to an asset or through the last.

    Args:
        until: name of the last asset wanted; everything it rests on is built too.
        progress: told the stage and partition being computed.
        on_stage: told of each stage that had something to do: its name, how many partitions, seconds.

    Returns:
        how many partitions each stage had to compute; empty where there was nothing to do.

    Raises:
        MateriaError: what could not be read or built, and what to do.
    """
    computed: dict[str, int] = {}
    with home.lock():
        runner: _Runner | None = None
        for stage in stages_until(until):
            stale = stage.stale(home)
            if stale:
                start = time.perf_counter()
                runner = runner or _Runner(home, progress)
                runner.run(stage.name, stage.partitions, stale)
                computed[stage.name] = len(stale)
                on_stage(stage.name, len(stale), time.perf_counter() - start)
    return computed


class _Runner:
    """Runs single assets in this process, on the Dagster instance of the home."""

    def __init__(self, home: Home, progress: Callable[[str], None]) -> None:
        os.environ["DAGSTER_HOME"] = str(dagster_folder(home))
        os.environ["MATERIA_HOME"] = str(home.url)
        import dagster as dg

        from assets.dagster_assets import PROGRESS, make_assets

        self._dg = dg
        self._assets = make_assets(home)
        self._instance = dg.DagsterInstance.get()
        PROGRESS.set(progress)

    def run(self, asset: str, partitions: str, keys: list[str]) -> None:
        """Materialize an asset's partitions in one run. What a stage raises comes through as it is."""
        arguments: dict[str, Any] = {}
        if partitions != "none":
            # A range covers what lies between too; fresh partitions inside it cost a comparison of skip keys.
            order = keys if partitions == "bucket" else self._instance.get_dynamic_partitions("batches")
            span = [key for key in order if key in set(keys)]
            arguments["tags"] = {
                "dagster/asset_partition_range_start": span[0],
                "dagster/asset_partition_range_end": span[-1],
            }
        self._dg.materialize(
            self._assets,
            selection=[asset],
            instance=self._instance,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            **arguments,
        )
