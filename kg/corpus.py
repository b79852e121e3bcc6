"""The corpus as a whole: which shards it has, and what they hold.

The index is one JSON file: shards with relative paths, rows, tokens and hashes, and totals by split and kind.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from upath import UPath

from kg.config import SplitConfig
from kg.tables import PASSAGES
from pipeline.storage import Dataset
from pipeline.tables import table_version

__all__ = ["CORPORA", "SPLITS", "corpus_index", "count_tokens", "write_index"]

#: The assets whose shards make up the corpus, and the kind of their passages.
CORPORA = {"verbalized_corpus": "verbalized", "literature_corpus": "literature"}
SPLITS = ("train", "validation", "test")


def count_tokens(table: pa.Table | pa.RecordBatch) -> int:
    """Number of words of all passages: runs of letters and digits, and each ideograph. Needs the column `text` only."""
    counts = pc.count_substring_regex(table.column("text"), r"\p{Han}|[\p{Latin}\p{Greek}\p{Cyrillic}\p{N}_]+")
    return int(pc.sum(counts).as_py() or 0)


def corpus_index(home: UPath | Path | str, splits: SplitConfig | None = None) -> dict[str, Any]:
    """What the corpus holds, from the manifests of its shards (and from a shard itself where its manifest has no tokens).

    Returns:
        a JSON-like object: `schema`; `splits` (shares held out, if given); `shards`, sorted by path, each with path (relative to
        the home), kind, split, bucket, rows, tokens, bytes, sha256; `totals` by split and kind with shards, rows, tokens;
        `graph_to_text`, tokens of verbalized over tokens of literature passages in train (null without literature).
    """
    shards = sorted(
        (shard for asset in CORPORA for shard in _shards(Dataset(home, asset))), key=lambda shard: str(shard["path"])
    )
    totals = {split: {kind: {"shards": 0, "rows": 0, "tokens": 0} for kind in CORPORA.values()} for split in SPLITS}
    for shard in shards:
        total = totals[str(shard["split"])][str(shard["kind"])]
        total["shards"] += 1
        total["rows"] += shard["rows"]
        total["tokens"] += shard["tokens"]
    text = totals["train"]["literature"]["tokens"]
    ratio = round(totals["train"]["verbalized"]["tokens"] / text, 6) if text else None
    return {
        "schema": "materia.corpus.v1",
        "table": table_version(PASSAGES),
        "splits": splits.model_dump() if splits else None,
        "graph_to_text": ratio,
        "totals": totals,
        "shards": shards,
    }


def write_index(index: dict[str, Any], path: UPath | Path) -> None:
    """Write an index as JSON with sorted keys: equal corpora give equal bytes."""
    path.write_text(json.dumps(index, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


def _shards(dataset: Dataset) -> Iterator[dict[str, Any]]:
    for key, manifest in dataset.manifests().items():
        counted = manifest.summary.get("splits") or {}
        for entry in manifest.files:
            parts = dict(part.split("=", 1) for part in entry.path.split("/") if "=" in part)
            if "split" not in parts or not entry.path.endswith(".parquet"):
                continue
            tokens = (counted.get(parts["split"]) or {}).get("tokens")
            if tokens is None:
                with pq.ParquetFile(str(dataset.url / entry.path)) as file:
                    tokens = sum(count_tokens(batch) for batch in file.iter_batches(columns=["text"]))
            yield {
                "path": f"{dataset.asset}/{entry.path}",
                "kind": CORPORA[dataset.asset],
                "split": parts["split"],
                "bucket": parts.get("bucket", key),
                "rows": entry.rows or 0,
                "tokens": tokens,
                "bytes": entry.bytes,
                "sha256": entry.sha256,
            }
