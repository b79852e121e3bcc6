"""The corpus and what it is described from, as views in DuckDB: for counts, the data card, and anyone's own questions in a notebook."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from upath import UPath

from kg.corpus import SHARDS, SPLITS
from kg.tables import CORPUS_PASSAGES, MIXTURE, PASSAGES, TRIPLES
from pipeline.duck import connect, table_view
from pipeline.errors import MateriaError
from pipeline.manifest import FileEntry
from pipeline.storage import Dataset
from pipeline.tables import LITERATURE_BY_BUCKET, LITERATURE_INVENTORY, LIVE_DOCUMENTS, VOCABULARY

__all__ = ["Shard", "open_corpus", "shard_files", "shards_of"]

#: What a corpus is described from: names of views, the assets behind them, what their files' paths contain, and their columns.
_VIEWS: Final = {
    "candidates": ("literature_corpus", "split=train/", PASSAGES),
    "mixture": ("corpus_selection", "mixture", MIXTURE),
    "live": ("live_documents", "", LIVE_DOCUMENTS),
    "inventory": ("literature_inventory", "", LITERATURE_INVENTORY),
    "literature": ("literature_by_bucket", "", LITERATURE_BY_BUCKET),
    "concepts": ("vocabulary", "", VOCABULARY),
    "triples": ("triples", "", TRIPLES),
}


@dataclass(frozen=True, slots=True)
class Shard:
    """A file of the corpus: path relative to the home, the split and bucket it belongs to, rows, size and SHA-256."""

    path: str
    split: str
    bucket: str
    rows: int
    bytes: int
    sha256: str


def shards_of(home: UPath | Path | str) -> list[Shard]:
    """The files of a corpus that hold any rows, sorted by split (train first) and path; none where nothing was taken.

    Raises:
        MateriaError: the corpus has not been built.
    """
    manifests = Dataset(home, SHARDS).manifests()
    if not manifests:
        raise MateriaError("holds no corpus", file=str(home), remedy="Run: materia build --until corpus")
    shards = [
        Shard(f"{SHARDS}/{entry.path}", parts["split"], parts["bucket"], entry.rows, entry.bytes, entry.sha256)
        for manifest in manifests.values()
        for entry in manifest.files
        if entry.rows
        and entry.path.startswith("split=")
        and (parts := dict(part.split("=", 1) for part in entry.path.split("/")[:-1]))
    ]
    return sorted(shards, key=lambda shard: (SPLITS.index(shard.split), shard.path))


def shard_files(home: UPath | Path | str, shards: Iterable[Shard]) -> list[str]:
    """Full paths of shards on this machine."""
    wanted = (FileEntry(one.path.removeprefix(f"{SHARDS}/"), one.sha256, one.bytes, one.rows) for one in shards)
    return Dataset(home, SHARDS).fetch(wanted)


@contextmanager
def open_corpus(home: UPath | Path | str, *, threads: int | None = None) -> Iterator[Any]:
    """A DuckDB connection with all rows of the corpus as the view `passages`, and what it is described from as others.

    `candidates` are training passages of papers before the choice; `mixture`, `live`, `inventory`, `literature`, `concepts` and
    `triples` are the tables MIXTURE, LIVE_DOCUMENTS, LITERATURE_INVENTORY, LITERATURE_BY_BUCKET, VOCABULARY and TRIPLES.

    Raises:
        MateriaError: the corpus has not been built, or a file of it cannot be read.
    """
    import duckdb

    shards = shard_files(home, shards_of(home))
    with connect(threads=threads) as connection:
        table_view(connection, "passages", shards, CORPUS_PASSAGES)
        for name, (asset, containing, schema) in _VIEWS.items():
            dataset = Dataset(home, asset)
            paths = dataset.paths_of(containing=containing)
            table_view(connection, name, paths, schema)
        try:
            yield connection
        except duckdb.Error as error:
            problem = f"a file of the corpus cannot be read ({str(error).splitlines()[0]})"
            raise MateriaError(problem, file=str(home), remedy="Run: materia build --until corpus") from error
