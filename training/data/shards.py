"""Corpus shards and how passages stream out of them: by batches of rows, shuffled in a bounded buffer, never a whole
file.

The order depends on (seed, epoch) only: shards are permuted, and passages are drawn at random from a buffer that is
refilled as it empties. Memory is the buffer, whatever the size of the corpus. Rejected: a global permutation of rows,
which needs random access to compressed row groups.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from upath import UPath

from pipeline.errors import MateriaError
from pipeline.storage import file_sha256

__all__ = ["Shard", "predicates_of", "read_passages", "shuffled_passages"]

_COLUMNS = ("passage_id", "text", "sentences", "spans", "relations")
_ROWS = 256

#: A passage as a dictionary of its columns passage_id, text, sentences, spans and relations.
Passage = dict[str, Any]


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


def read_passages(shards: Sequence[Shard], columns: Sequence[str] = _COLUMNS) -> Iterator[pa.RecordBatch]:
    """The rows of the shards in their order, a few hundred at a time.

    Raises:
        MateriaError: where a file is missing, is no Parquet file, or lacks a column of passages.
    """
    for shard in shards:
        try:
            with UPath(shard.path).open("rb") as stream, pq.ParquetFile(stream) as file:
                missing = [name for name in columns if name not in file.schema_arrow.names]
                if missing:
                    raise MateriaError(
                        f"is no shard of passages: it lacks the column {missing[0]}",
                        file=shard.name,
                        remedy="Build the corpus again",
                    )
                yield from file.iter_batches(batch_size=_ROWS, columns=list(columns))
        except FileNotFoundError as error:
            raise MateriaError("does not exist", file=shard.name, remedy="Build the corpus again") from error
        except pa.ArrowInvalid as error:
            raise MateriaError(
                f"is no readable Parquet file ({str(error).splitlines()[0]})",
                file=shard.name,
                remedy="Build the corpus again",
            ) from error


def shuffled_passages(shards: Sequence[Shard], *, seed: int, buffer: int) -> Iterator[Passage]:
    """Passages without end, epoch after epoch, in an order that depends on the seed only.

    Raises:
        MateriaError: where the shards hold no passage.
    """
    epoch = 0
    while True:
        random = np.random.Generator(np.random.Philox(key=[seed ^ 0x73686172, epoch]))
        order = [shards[i] for i in random.permutation(len(shards))]
        pool: list[Passage] = []
        seen = False
        for batch in read_passages(order):
            seen = seen or batch.num_rows > 0
            pool += batch.to_pylist()
            while len(pool) > buffer:
                yield _draw(pool, random)
        if not seen:
            raise MateriaError(
                "the corpus holds no passage of the train split", remedy="Build the corpus again with more literature"
            )
        while pool:
            yield _draw(pool, random)
        epoch += 1


def _draw(pool: list[Passage], random: np.random.Generator) -> Passage:
    """Take one at random out of the pool, in constant time."""
    place = int(random.integers(len(pool)))
    pool[place], pool[-1] = pool[-1], pool[place]
    return pool.pop()


def predicates_of(shards: Sequence[Shard]) -> list[str]:
    """The predicates of the relations in the shards, sorted: the classes of relation classification."""
    found: set[str] = set()
    for batch in read_passages(shards, ("relations",)):
        relations = pc.list_flatten(batch.column("relations"))
        found.update(pc.unique(pc.struct_field(relations, "predicate")).to_pylist())
    return sorted(found - {None})
