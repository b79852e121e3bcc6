"""The corpus as a whole: which shards it has, and what they hold.

The index is one JSON file: shards with relative paths, rows, tokens and hashes, and totals by split, kind and language, all
from the manifests of the shards, so that no shard is opened for it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from upath import UPath

from kg.config import MixtureConfig, SplitConfig
from kg.corpus_shards import SPLITS
from kg.tables import CORPUS_PASSAGES
from pipeline.storage import Dataset, Manifest
from pipeline.tables import table_version

__all__ = ["KINDS", "SHARDS", "SPLITS", "corpus_index", "ratio_met", "word_counts", "write_index"]

#: The asset whose files are the corpus.
SHARDS = "corpus_shards"
KINDS = ("verbalized", "literature")

_NOTHING = {"rows": 0, "passages": 0, "tokens": 0, "longest": 0}


def word_counts(table: pa.Table | pa.RecordBatch) -> pa.Array | pa.ChunkedArray:
    """Number of words of each passage: runs of letters and digits, and each ideograph. Needs the column `text` only."""
    return pc.count_substring_regex(table.column("text"), r"\p{Han}|[\p{Latin}\p{Greek}\p{Cyrillic}\p{N}_]+")


def corpus_index(
    home: UPath | Path | str, splits: SplitConfig | None = None, mixture: MixtureConfig | None = None
) -> dict[str, Any]:
    """What the corpus holds, from the manifests of its shards and of the selection.

    Returns:
        a JSON-like object: `schema`; `table`, name and version of the shards' table; `splits` and `mixture`, as configured,
        if given; `shards`, sorted by path, each with path (relative to the home), split, bucket, rows, tokens, bytes, sha256;
        `totals` by split and kind, and `languages` by split and language, with rows (repeats included), passages (each
        once), tokens (of the rows) and tokens of the longest passage; `graph_to_text`, tokens of told facts over tokens of
        papers in train (null without papers); `candidates`, passages there were to choose from; `rejected`, how many of
        them by reason.
    """
    manifests = list(Dataset(home, SHARDS).manifests().items())
    shards = sorted(
        (shard for key, one in manifests for shard in _shards(key, one)), key=lambda shard: str(shard["path"])
    )
    totals = {split: {kind: dict(_NOTHING) for kind in KINDS} for split in SPLITS}
    languages: dict[str, dict[str, dict[str, int]]] = {split: {} for split in SPLITS}
    for _, manifest in manifests:
        for split, counted in manifest.summary["splits"].items():
            for kind, figures in counted["kinds"].items():
                _add(totals[split][kind], figures)
            for language, figures in counted["languages"].items():
                _add(languages[split].setdefault(language, dict(_NOTHING)), figures)
    chosen = Dataset(home, "corpus_selection").manifest()
    text = totals["train"]["literature"]["tokens"]
    return {
        "schema": "materia.corpus.v2",
        "table": table_version(CORPUS_PASSAGES),
        "splits": splits.model_dump() if splits else None,
        "mixture": mixture.model_dump() if mixture else None,
        "graph_to_text": round(totals["train"]["verbalized"]["tokens"] / text, 6) if text else None,
        "totals": totals,
        "languages": languages,
        "candidates": chosen.summary["candidates"] if chosen else 0,
        "rejected": chosen.summary["rejected"] if chosen else {},
        "shards": shards,
    }


def _add(total: dict[str, int], figures: dict[str, int]) -> None:
    for name, more in figures.items():
        total[name] = max(total[name], more) if name == "longest" else total[name] + more


def write_index(index: dict[str, Any], path: UPath | Path) -> None:
    """Write an index as JSON with sorted keys: equal corpora give equal bytes."""
    path.write_text(json.dumps(index, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


def _shards(key: str, manifest: Manifest) -> Iterator[dict[str, Any]]:
    for entry in manifest.files:
        split = entry.path.partition("/")[0].removeprefix("split=")
        yield {
            "path": f"{SHARDS}/{entry.path}",
            "split": split,
            "bucket": key,
            "rows": entry.rows or 0,
            "tokens": manifest.summary["splits"].get(split, {"tokens": 0})["tokens"],
            "bytes": entry.bytes,
            "sha256": entry.sha256,
        }


def ratio_met(index: dict[str, Any], wanted: float | None) -> dict[str, Any]:
    """Whether the training split has the wanted ratio of told tokens to tokens of papers, and what it has.

    Passages are whole, and wanted numbers are on a grid of one percent, so it may be off by a passage of each kind and 3%.
    """
    graph, text = (index["totals"]["train"][kind] for kind in KINDS)
    if wanted is None:
        return {"passed": True, "graph_to_text": index["graph_to_text"]}
    room = 0.03 * text["tokens"] + text["longest"] + graph["longest"] / wanted
    passed = abs(graph["tokens"] / wanted - text["tokens"]) <= room
    return {"passed": passed, "graph_to_text": index["graph_to_text"], "wanted": wanted}
