"""What stands behind a whole shard: its papers and the files they were read from, with the share of rows of each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from upath import UPath

from kg.origins import documents_of, graphs_of
from kg.shards import find_shard, open_shard

__all__ = ["ShardSummary", "Share", "summarise"]


@dataclass(frozen=True)
class Share:
    """A document or file, the number of rows of the shard it stands behind, and their share of all rows."""

    name: str
    rows: int
    share: float
    sha256: str | None = None


@dataclass(frozen=True)
class ShardSummary:
    """What stands behind a whole shard: documents and files with their shares, the most frequent first."""

    shard: str
    rows: int
    triples: int
    evidence: int
    documents: tuple[Share, ...]
    files: tuple[Share, ...]


def summarise(home: UPath | Path | str, shard: str) -> ShardSummary:
    """Documents and files behind a whole shard, with the share of rows each stands behind.

    Raises:
        MateriaError: there is no such shard.
    """
    tables = []
    for path in find_shard(home, shard):
        with open_shard(path) as file:
            tables.append(file.read(columns=["triple_ids", "evidence_ids", "doc_ids"]))
    table = pa.concat_tables(tables)
    rows = table.num_rows
    by_document, pairs = share_of_each(table)
    documents = documents_of(home, sorted(by_document), graphs_of(home))
    files = pa.array(
        [documents[doc_id].file or "(no longer live)" for doc_id in pairs["doc_id"].to_pylist()], pa.string()
    )
    by_file = counted(pairs.append_column("file", files), "file")
    hashes = {document.file: document.sha256 for document in documents.values()}
    return ShardSummary(
        shard,
        rows,
        pc.count_distinct(pc.list_flatten(table["triple_ids"])).as_py(),
        pc.count_distinct(pc.list_flatten(table["evidence_ids"])).as_py(),
        tuple(Share(name, n, round(n / rows, 6), documents[name].sha256) for name, n in by_document.items()),
        tuple(Share(name, n, round(n / rows, 6), hashes.get(name)) for name, n in by_file.items()),
    )


def share_of_each(table: pa.Table) -> tuple[dict[str, int], pa.Table]:
    """The rows behind which each document stands, the most frequent first; and the pairs of `row` and `doc_id` themselves."""
    lists = table["doc_ids"].combine_chunks()
    pairs = pa.table({"row": pc.list_parent_indices(lists), "doc_id": pc.list_flatten(lists)})
    return counted(pairs, "doc_id"), pairs


def counted(pairs: pa.Table, column: str) -> dict[str, int]:
    """How many rows each value has, the most frequent first."""
    groups = pairs.group_by(column).aggregate([("row", "count_distinct")])
    found = zip(groups[column].to_pylist(), groups["row_count_distinct"].to_pylist(), strict=True)
    return dict(sorted(found, key=lambda item: (-item[1], item[0])))
