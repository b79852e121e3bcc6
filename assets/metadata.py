"""A manifest as Dagster metadata: what a person sees of a partition in the UI."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa

from assets.home import Home
from assets.shard_metadata import shard_metadata, table_of
from assets.stage import Stage
from kg.corpus import SHARDS
from pipeline.storage import WHOLE, Manifest
from pipeline.tables import describe

__all__ = ["column_schema", "partition_metadata"]

_SAMPLE_ROWS = 5


def column_schema(schema: pa.Schema) -> dg.TableSchema:
    """The columns of a table with types and descriptions, as the UI shows them."""
    return dg.TableSchema(columns=[dg.TableColumn(name, kind, text) for name, kind, text in describe(schema)])


def partition_metadata(stage: Stage, home: Home, key: str, manifest: Manifest) -> dict[str, Any]:
    """Row count, sample of rows, what was set aside and why, the stage's own figures, and where the files are."""
    dataset = home.dataset(stage.name)
    count = "dagster/row_count" if key == WHOLE else "dagster/partition_row_count"
    metadata: dict[str, Any] = {
        "dagster/uri": str(dataset.url),
        "manifest": dg.MetadataValue.path(str(dataset.url / "_manifests" / f"{key}.json")),
    }
    if stage.tables:
        metadata[count] = manifest.rows
        metadata |= _sample(stage, home, key)
    for name, value in manifest.summary.items():
        if name in ("batches", "buckets"):
            metadata[name] = len(value)
        elif name.startswith(("plot", "table")):
            metadata[name] = dg.MetadataValue.md(value)
        elif name != "checks":
            metadata[name] = value if isinstance(value, int | float | str) else dg.MetadataValue.json(value)
    for entry in manifest.files:
        if entry.path.endswith("/README.md"):
            from kg.data_card import card_for_ui

            readme = dict(zip(manifest.files, dataset.fetch(manifest.files), strict=True))[entry]
            metadata["card"] = dg.MetadataValue.md(card_for_ui(Path(readme)))
    if stage.name == SHARDS and manifest.rows:
        metadata |= shard_metadata(home, key, manifest)
    metadata["set_aside"] = sum(manifest.set_aside.values())
    if manifest.set_aside:
        metadata["set_aside_by_reason"] = dg.MetadataValue.json(manifest.set_aside)
        rows = dataset.set_aside(key).slice(0, _SAMPLE_ROWS * 4).to_pylist()
        metadata["set_aside_records"] = table_of(rows, ["file", "record", "reason", "detail"])
    return metadata


def _sample(stage: Stage, home: Home, key: str) -> dict[str, Any]:
    for batch in home.dataset(stage.name).batches(key, batch_size=_SAMPLE_ROWS):
        return {"sample": table_of(batch.to_pylist(), stage.tables[0].names)} if batch.num_rows else {}
    return {}
