"""Shards of the corpus by the names people use for them, and single rows read out of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from upath import UPath

from pipeline.errors import MateriaError
from pipeline.storage import Dataset
from pipeline.working_folder import working_folder

__all__ = ["find_shard", "open_shard", "read_row", "split_target"]


def split_target(target: str) -> tuple[str, int | None]:
    """SHARD and ROW of `SHARD[:ROW]`. A colon that no number follows belongs to the shard's name."""
    shard, colon, row = target.rpartition(":")
    return (shard, int(row)) if colon and row.isdecimal() else (target, None)


def find_shard(home: UPath | Path | str, shard: str) -> list[str]:
    """Parquet files of a shard, named by a path or as `corpus_shards/split=train/bucket=03`.

    Raises:
        MateriaError: there is no such shard.
    """
    folder = working_folder(home)
    for place in (UPath(shard), folder / shard):
        if shard.endswith(".parquet") and place.is_file():
            return [str(place)]
    asset, _, inside = shard.strip("/").partition("/")
    inside = inside.strip("/")
    known: list[str] = []
    if asset and "." not in asset and Dataset(home, asset).manifests():
        dataset = Dataset(home, asset)
        known = sorted(dataset.paths_of())
        places = ((path, _plain(path.removeprefix(f"{folder / asset}/").rpartition("/")[0])) for path in known)
        if inside and (found := [path for path, place in places if f"{place}/".startswith(f"{_plain(inside)}/")]):
            return found
    hint = (
        str(Path(known[0]).parent).removeprefix(str(folder)).strip("/")
        if known
        else "corpus_shards/split=train/bucket=03"
    )
    raise MateriaError(
        f"no such shard: {shard}", file=str(home), remedy=f"Name a Parquet file or a shard such as {hint}"
    )


def _plain(name: str) -> str:
    """The name without zeros before the number of its bucket: how many there are depends on the number of buckets."""
    return re.sub(r"(bucket=)0+(?=\d)", r"\1", name)


def read_row(paths: Sequence[str], shard: str, row: int) -> dict[str, Any]:
    """One row of a shard, by reading its row group only.

    Raises:
        MateriaError: the file is no corpus shard, or has no such row.
    """
    rest = row
    for path in paths:
        with open_shard(path) as file:
            for group in range(file.num_row_groups):
                held = file.metadata.row_group(group).num_rows
                if 0 <= rest < held:
                    found: dict[str, Any] = file.read_row_group(group).slice(rest, 1).to_pylist()[0]
                    return found
                rest -= held
    rows = row - rest
    remedy = f"Rows count from 0 to {rows - 1}" if rows else "The shard is empty: choose another"
    raise MateriaError(f"has no row {row}", file=shard, remedy=remedy)


def open_shard(path: str) -> pq.ParquetFile:
    """A shard's file, open for reading (a context manager).

    Raises:
        MateriaError: it is no Parquet file, or has not the columns of a corpus.
    """
    remedy = "Name a shard of corpus_shards"
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        problem = f"is no readable Parquet file ({str(error).splitlines()[0].rstrip('.')})"
        raise MateriaError(problem, file=path, remedy=remedy) from error
    missing = sorted({"passage_id", "triple_ids", "evidence_ids", "doc_ids", "spans"} - set(file.schema_arrow.names))
    if missing:
        file.close()
        raise MateriaError(f"is no corpus shard: it has no column {missing[0]}", file=path, remedy=remedy)
    return file
