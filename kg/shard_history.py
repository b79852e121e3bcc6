"""Versions of the corpus' shards: which rows came and went with each, kept when a build replaces a shard.

Only what changed is kept, with the ids that tell why later (`kg.history_reasons`), and the beginning of the text, since a row
that is gone can be read nowhere else. Files of the old and the new version that are the same are not opened.

Cost: 10 ms of processor time for a bucket of 1,000 rows of which a few changed, most of it reading texts and ids twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from upath import UPath

from kg.corpus import SHARDS
from pipeline.history import append, now
from pipeline.storage import Dataset, Manifest

__all__ = ["MOST_ROWS", "remember_shard"]

#: Rows that one version lists of those added, removed and changed; beyond, they are only counted (a setting changed them all).
MOST_ROWS: Final = 1000
_COMPARED: Final = ("belief", "source", "evidence_ids", "doc_ids")
_COLUMNS: Final = ("passage_id", "repeat", "split", "kind", "form", "text", "triple_ids", *_COMPARED)
_TEXT: Final = 160

_Row = dict[str, Any]


def remember_shard(home: UPath | Path | str, key: str) -> Callable[[Manifest], None]:
    """Look at a bucket of shards before it is replaced.

    Returns:
        a function that takes the manifest of the new version, once it is in force, and adds what changed to the history.
    """
    dataset = Dataset(home, SHARDS)
    before = dataset.manifest(key)
    held = {path: _read(path) for path in dataset.paths(key)} if before else {}

    def remember(after: Manifest) -> None:
        if before is not None and before.data_version == after.data_version:
            return
        entry: dict[str, Any] = {
            "at": now(),
            "data_version": after.data_version,
            "previous": before.data_version if before else None,
            "code_version": after.code_version,
            "rules_changed": before is not None and before.rules != after.rules,
            "inputs": sorted(n for n, version in after.inputs.items() if not before or before.inputs.get(n) != version),
            "rows": {split: _rows(after, split) for split in after.summary["splits"]},
        }
        if before is not None:
            paths = dataset.paths(key)
            old = _table([table for path, table in held.items() if path not in paths])
            new = _table([_read(path) for path in paths if path not in held])
            entry |= _difference(old, new)
            _say_why_not_taken(home, key, entry["removed"]["rows"])
        append(home, SHARDS, key, entry)

    return remember


def _rows(manifest: Manifest, split: str) -> int:
    return sum(counts["rows"] for counts in manifest.summary["splits"][split]["kinds"].values())


def _read(path: str) -> pa.Table:
    with pq.ParquetFile(path) as file:
        return file.read(columns=list(_COLUMNS), use_threads=False)


def _table(tables: list[pa.Table]) -> pa.Table:
    table = pa.concat_tables(tables).combine_chunks() if tables else pa.table({name: pa.array([]) for name in _COLUMNS})
    copies = pc.binary_join_element_wise(
        table["passage_id"].cast(pa.string()), table["repeat"].cast(pa.string()), "\x1f"
    )
    return table.append_column("row", copies)


def _difference(old: pa.Table, new: pa.Table) -> dict[str, Any]:
    """Rows of one table only, and rows that both have with other values; of each the number and the first so many."""
    kept_old, kept_new = (pc.is_in(a["row"], value_set=b["row"].combine_chunks()) for a, b in ((old, new), (new, old)))
    removed, added = old.filter(pc.invert(kept_old)), new.filter(pc.invert(kept_new))
    changed = _changed(old.filter(kept_old), new.filter(kept_new))
    return {
        "added": {"count": added.num_rows, "rows": [_listed(row) for row in added.slice(0, MOST_ROWS).to_pylist()]},
        "removed": {
            "count": removed.num_rows,
            "rows": [_listed(row) for row in removed.slice(0, MOST_ROWS).to_pylist()],
        },
        "changed": {"count": len(changed), "rows": changed[:MOST_ROWS]},
    }


def _listed(row: _Row) -> _Row:
    return {
        "split": row["split"],
        "passage_id": row["passage_id"],
        "repeat": row["repeat"],
        "kind": row["kind"],
        "form": row["form"],
        "text": row["text"][:_TEXT],
        "doc_ids": row["doc_ids"],
        "triple_ids": row["triple_ids"],
    }


def _changed(old: pa.Table, new: pa.Table) -> list[_Row]:
    """Rows of both tables in which a value differs: both stand in the order of one hash, so row meets row."""
    columns = [name for name in _COMPARED if not old[name].equals(new[name])]
    if not columns:
        return []
    found = []
    befores, afters = (table.select(columns).to_pylist() for table in (old, new))
    for place, (before, after) in enumerate(zip(befores, afters, strict=True)):
        if names := [name for name in columns if before[name] != after[name]]:
            row = _listed(new.slice(place, 1).to_pylist()[0])
            found.append(row | {"before": {n: before[n] for n in names}, "after": {n: after[n] for n in names}})
    return found


def _say_why_not_taken(home: UPath | Path | str, key: str, removed: list[_Row]) -> None:
    """Note of each removed row why the selection does not take it; `candidate` is false where there is no such passage now."""
    paths = Dataset(home, "selected_passages").paths(key) if removed else []
    wanted = pa.array([row["passage_id"] for row in removed], pa.string())
    reasons: dict[str, Mapping[str, Any]] = {}
    for path in paths:
        table = pq.read_table(path, columns=["passage_id", "reason", "detail"], partitioning=None)
        reasons |= {
            r["passage_id"]: r for r in table.filter(pc.is_in(table["passage_id"], value_set=wanted)).to_pylist()
        }
    for row in removed:
        verdict = reasons.get(row["passage_id"])
        row["candidate"] = verdict is not None
        if verdict is not None:
            row["reason"] = ": ".join(part for part in (verdict["reason"], verdict["detail"]) if part) or None
