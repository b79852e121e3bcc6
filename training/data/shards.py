"""Corpus shards: what they are, that they are what their manifest says, and the predicates that they state."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from upath import UPath

from kg.tables import PASSAGES
from pipeline.errors import MateriaError
from pipeline.storage import file_sha256

__all__ = ["COLUMNS", "Shard", "at_once", "check_shards", "open_shard", "predicates_of", "read_texts"]

#: The columns of a passage that training reads.
COLUMNS = ("text", "sentences", "spans", "relations", "belief")
_T = TypeVar("_T")
_REMEDY = "Build the corpus again"


@dataclass(frozen=True)
class Shard:
    """A Parquet file of passages.

    Attributes:
        path: where it stands: a path or any fsspec URL.
        name: its name relative to the home, as it enters the manifest of a model.
        sha256: hash of its bytes, hex.
    """

    path: str
    name: str
    sha256: str

    @classmethod
    def of(cls, path: str | Path | UPath, root: str | Path | UPath) -> Shard:
        """The shard at a path, named relative to a root; reads the file once for its hash."""
        place = UPath(path)
        name = str(place).removeprefix(str(UPath(root))).lstrip("/")
        return cls(str(place), name, file_sha256(place))


@contextmanager
def open_shard(shard: Shard, columns: Sequence[str] = COLUMNS) -> Iterator[pq.ParquetFile]:
    """A shard open for reading.

    Raises:
        MateriaError: where the file is missing, is no Parquet file, is damaged, or has not these columns of passages.
    """
    try:
        with UPath(shard.path).open("rb") as stream, pq.ParquetFile(stream) as file:
            schema = file.schema_arrow
            for name in columns:
                if name not in schema.names:
                    raise MateriaError(
                        f"is no shard of passages: it lacks the column {name}", file=shard.name, remedy=_REMEDY
                    )
                if not schema.field(name).type.equals(PASSAGES.field(name).type):
                    raise MateriaError(
                        f"is no shard of passages: its column {name} is {schema.field(name).type}, "
                        f"not {PASSAGES.field(name).type}",
                        file=shard.name,
                        remedy=_REMEDY,
                    )
            yield file
    except FileNotFoundError as error:
        raise MateriaError("does not exist", file=shard.name, remedy=_REMEDY) from error
    except (pa.ArrowException, OSError) as error:
        problem = f"is no readable Parquet file ({str(error).splitlines()[0].rstrip('.')})"
        raise MateriaError(problem, file=shard.name, remedy=_REMEDY) from error


def at_once(work: Callable[[Shard], _T], shards: Sequence[Shard]) -> Iterator[_T]:
    """What the work gives for each shard, in their order; several at a time, since a file may be far away."""
    with ThreadPoolExecutor(8) as threads:
        yield from threads.map(work, shards)


def check_shards(shards: Sequence[Shard]) -> None:
    """Hold every shard against the hash it is known by: reads each once, as fast as the disk gives.

    Raises:
        MateriaError: where one is missing or holds other bytes.
    """
    for _ in at_once(_check, shards):
        pass


def _check(shard: Shard) -> None:
    try:
        found = file_sha256(UPath(shard.path))
    except FileNotFoundError as error:
        raise MateriaError("does not exist", file=shard.name, remedy=_REMEDY) from error
    if found != shard.sha256:
        raise MateriaError(
            f"is not the shard that its manifest names: its SHA-256 is {found[:12]}…, not {shard.sha256[:12]}…",
            file=shard.name,
            remedy=_REMEDY,
        )


def read_texts(shards: Sequence[Shard]) -> Iterator[str]:
    """The texts of the shards in their order, a few hundred in memory at a time."""
    for shard in shards:
        with open_shard(shard, ("text",)) as file:
            for batch in file.iter_batches(batch_size=256, columns=["text"], use_threads=False):
                yield from batch.column(0).to_pylist()


def predicates_of(shards: Sequence[Shard]) -> list[str]:
    """The predicates of the relations in the shards, sorted: the classes of relation classification.

    Reads that one leaf of the files and nothing else.
    """
    found: set[str] = set()
    for shard in shards:
        with open_shard(shard, ("relations",)) as file:
            for batch in file.iter_batches(columns=["relations.list.element.predicate"], use_threads=False):
                relations = pc.list_flatten(batch.column("relations"))
                found.update(pc.unique(pc.struct_field(relations, "predicate")).to_pylist())
    return sorted(found - {None})
