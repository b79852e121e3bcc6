"""Where documents and edges come from: the file of literature or the graph, its hash, and which version of a document counts.

Version and file of a document are joined here and not kept in the evidence, so that a file may be renamed without a new
extraction. Every look-up is a read with a filter on a sorted column, so that Parquet's statistics leave most row groups unread.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq
from upath import UPath

from pipeline.storage import WHOLE, Dataset

__all__ = ["TracedDocument", "TracedEdge", "documents_of", "edge_of", "graphs_of", "look_up"]


@dataclass(frozen=True)
class TracedDocument:
    """A document behind a passage: the version that counts, and the file that version was read from.

    `version`, `file` and what follows are None where the document is no longer live, or was never read and is only cited
    by a graph; `member` also where the file is no archive. A graph file that stands for itself has a file, a hash and a
    format, and no version.
    """

    doc_id: str
    version: int | None = None
    status: str | None = None
    reason: str | None = None
    batch: str | None = None
    record: int | None = None
    file: str | None = None
    member: str | None = None
    sha256: str | None = None
    format: str | None = None


@dataclass(frozen=True)
class TracedEdge:
    """The edge of a graph that evidence comes from: file, place in it, and the file's hash where the graph is still there."""

    file: str
    place: str
    sha256: str | None = None
    format: str | None = None


def look_up(
    home: UPath | Path | str,
    asset: str,
    keys: Iterable[str],
    column: str,
    ids: Iterable[str],
    *,
    columns: list[str] | None = None,
) -> list[dict[str, Any]]:
    """Rows of a table whose id is among the given ones, by id; partitions are read until all are found."""
    dataset = Dataset(home, asset)
    wanted = set(ids)
    rows: list[dict[str, Any]] = []
    for key in keys:
        if not wanted:
            break
        for path in dataset.paths(key):
            table = pq.read_table(
                path, columns=columns, filters=pc.field(column).isin(sorted(wanted)), partitioning=None
            )
            rows += table.to_pylist()
            wanted -= set(table[column].to_pylist())
    return sorted(rows, key=lambda row: str(row[column]))


def graphs_of(home: UPath | Path | str) -> dict[str, dict[str, Any]]:
    """The graph files of the home by their names: doc_id, sha256 and format."""
    manifest = Dataset(home, "graph_evidence").manifest()
    return manifest.summary.get("graphs", {}) if manifest else {}


def documents_of(
    home: UPath | Path | str, doc_ids: Sequence[str], graphs: dict[str, dict[str, Any]]
) -> dict[str, TracedDocument]:
    """The live row of each document, joined with its file; a graph file for itself."""
    live = {row["doc_id"]: row for row in look_up(home, "live_documents", [WHOLE], "doc_id", doc_ids)}
    names = sorted({row["file"] for row in live.values()})
    files = {row["file"]: row for row in look_up(home, "literature_inventory", [WHOLE], "file", names)}
    by_doc_id = {
        graph["doc_id"]: TracedDocument(graph["doc_id"], file=name, sha256=graph["sha256"], format=graph["format"])
        for name, graph in graphs.items()
    }
    documents = {}
    for doc_id in doc_ids:
        row = live.get(doc_id)
        if row is None:
            documents[doc_id] = by_doc_id.get(doc_id) or TracedDocument(doc_id)
            continue
        file = files.get(row["file"], {})
        known = {name: row[name] for name in ("version", "status", "reason", "batch", "record", "file", "member")}
        documents[doc_id] = TracedDocument(doc_id, **known, sha256=file.get("sha256"), format=file.get("format"))
    return documents


def edge_of(section: str, graphs: dict[str, dict[str, Any]]) -> TracedEdge:
    """The section of evidence from a graph is the file and the place of the edge in it."""
    file, _, place = section.rpartition(", ")
    graph = graphs.get(file, {})
    return TracedEdge(file, place, graph.get("sha256"), graph.get("format"))
