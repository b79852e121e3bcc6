"""A shard's lineage as Dagster metadata: papers and files behind it, what its last version changed, plots, and its manifest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import dagster as dg

from assets.home import Home
from kg.bar_chart import chart_as_markdown
from kg.history_reasons import ShardVersion
from kg.shard_lineage import ShardLineage, shard_lineage
from pipeline.storage import Manifest

__all__ = ["shard_metadata", "table_of"]

#: Lines of a table: an event with all papers of a shard would be read by nobody. `materia trace SHARD --json` has them all.
_LINES: Final = 50
_LONGEST_CELL: Final = 200


def shard_metadata(home: Home, key: str, manifest: Manifest) -> dict[str, Any]:
    """Tables and plots of a bucket of shards, as the UI shows them."""
    lineage = shard_lineage(home.url, key)
    metadata: dict[str, Any] = {
        "papers": len(lineage.papers),
        "papers_behind": _table(
            lineage.papers[:_LINES], ("doc_id", "title", "year", "version", "rows", "share", "file")
        ),
        "files_behind": _table(lineage.files[:_LINES], ("name", "rows", "share", "sha256")),
        "made_from": dg.MetadataValue.json(
            {
                "inputs": manifest.inputs,
                "code": manifest.code_version,
                "files": [entry.path for entry in manifest.files],
            }
        ),
        **_plots(lineage),
    }
    if lineage.last is not None and lineage.last.previous is not None:
        metadata |= _changes(lineage.last)
    return metadata


def _changes(version: ShardVersion) -> dict[str, Any]:
    lines = [
        {"change": sign, "why": row.why, "passage": row.passage_id[:16], "split": row.split, "text": row.text}
        for sign, rows in (("added", version.added), ("removed", version.removed), ("changed", version.changed))
        for row in rows[:_LINES]
    ]
    found: dict[str, Any] = {f"rows_{what}": count for what, count in version.counts.items()}
    if lines:
        found["changes"] = table_of(lines, list(lines[0]))
    return found


def _plots(lineage: ShardLineage) -> dict[str, Any]:
    charts = {
        "plot_of_beliefs": ("Told rows by belief", lineage.beliefs),
        "plot_of_years": ("Papers by year of publication", lineage.years),
        "plot_of_predicates": ("Relations by predicate", lineage.predicates),
    }
    return {
        name: dg.MetadataValue.md(chart_as_markdown(title, values))
        for name, (title, values) in charts.items()
        if values
    }


def _table(rows: Iterable[Any], columns: Sequence[str]) -> Any:
    return table_of([{name: getattr(row, name) for name in columns} for row in rows], columns)


def table_of(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> Any:
    """Rows as a table of the UI; long texts are cut, shares are in percent."""
    schema = dg.TableSchema(columns=[dg.TableColumn(column, "string") for column in columns])
    records = [dg.TableRecord({column: _cell(column, row[column]) for column in columns}) for row in rows]
    return dg.MetadataValue.table(records=records, schema=schema)


def _cell(column: str, value: Any) -> str:
    text = "" if value is None else f"{value:.1%}" if column == "share" else str(value)
    return text if len(text) <= _LONGEST_CELL else text[: _LONGEST_CELL - 1] + "…"
