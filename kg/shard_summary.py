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
    lists = table["doc_ids"].combine_chunks()
    pairs = pa.table({"row": pc.list_parent_indices(lists), "doc_id": pc.list_flatten(lists)})
    counted = pairs.group_by("doc_id").aggregate([("row", "count_distinct")])
    documents = documents_of(home, counted["doc_id"].to_pylist(), graphs_of(home))
    by_document = dict(zip(counted["doc_id"].to_pylist(), counted["row_count_distinct"].to_pylist(), strict=True))
    files = pa.array(
        [documents[doc_id].file or "(no longer live)" for doc_id in pairs["doc_id"].to_pylist()], pa.string()
    )
    counted = pairs.append_column("file", files).group_by("file").aggregate([("row", "count_distinct")])
    by_file = dict(zip(counted["file"].to_pylist(), counted["row_count_distinct"].to_pylist(), strict=True))
    hashes = {document.file: document.sha256 for document in documents.values()}
    return ShardSummary(
        shard,
        rows,
        pc.count_distinct(pc.list_flatten(table["triple_ids"])).as_py(),
        pc.count_distinct(pc.list_flatten(table["evidence_ids"])).as_py(),
        tuple(Share(name, n, round(n / rows, 6), documents[name].sha256) for name, n in _by_count(by_document)),
        tuple(Share(name, n, round(n / rows, 6), hashes.get(name)) for name, n in _by_count(by_file)),
    )


def _by_count(counts: dict[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
