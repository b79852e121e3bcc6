"""Rows of a corpus to look at: chosen by hash, spread over the shards, each with what is behind it.

The same seed shows the same rows of the same corpus, and a passage that is added changes only who it is compared with.
A row of the first shard is no more likely than one of the last: of each shard the row with the least hash comes first, then each
shard's second. One pass over the ids and the columns that are filtered by; then one trace a row.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from upath import UPath

from kg.corpus_views import shard_files, shards_of
from kg.shards import find_shard, read_row
from kg.trace import TracedPassage, trace
from pipeline.duck import connect, file_list
from pipeline.errors import MateriaError
from pipeline.working_folder import working_folder

__all__ = ["PreviewFilter", "PreviewRow", "preview"]


@dataclass(frozen=True, slots=True)
class PreviewFilter:
    """Which passages may be shown; None lets all.

    Attributes:
        predicate: CURIE of a predicate that the passage states.
        entity: CURIE of an entity that it names.
        stating: only passages that state a claim.
    """

    split: str | None = None
    kind: str | None = None
    language: str | None = None
    form: str | None = None
    predicate: str | None = None
    entity: str | None = None
    stating: bool = False


@dataclass(frozen=True, slots=True)
class PreviewRow:
    """A passage and what is behind it.

    Attributes:
        target: the row as `materia trace` takes it: SHARD:ROW.
        passage: the row itself [CORPUS_PASSAGES].
        chain: triples, evidence, documents and files behind it.
    """

    target: str
    passage: dict[str, Any]
    chain: TracedPassage


def preview(
    home: UPath | Path | str,
    rows: int = 5,
    *,
    shard: str | None = None,
    wanted: PreviewFilter | None = None,
    seed: int = 0,
    buckets: int | None = None,
) -> list[PreviewRow]:
    """Some rows of a corpus, or of one shard; none where no row fits.

    Args:
        rows: how many at most.
        shard: a Parquet file, or a shard of the home by name; the whole corpus where None.
        seed: another one shows other rows.
        buckets: number of buckets of the home; counted where None.

    Raises:
        MateriaError: there is no corpus or no such shard, or a file cannot be read.
    """
    import duckdb

    paths = find_shard(home, shard) if shard else shard_files(home, shards_of(home))
    if not paths:
        return []
    conditions, values = _conditions(wanted or PreviewFilter())
    sql = (
        "WITH fitting AS (SELECT filename, file_row_number AS place, md5(passage_id || $seed) AS lot "  # noqa: S608
        f"FROM read_parquet({file_list(paths)}, hive_partitioning = false, filename = true, file_row_number = true) "
        f"WHERE {' AND '.join(conditions)}), "
        "ranked AS (SELECT *, row_number() OVER (PARTITION BY filename ORDER BY lot, place) AS turn FROM fitting) "
        "SELECT filename, place FROM ranked ORDER BY turn, lot, filename, place LIMIT $rows"
    )
    with connect() as connection:
        try:
            found = connection.execute(sql, values | {"seed": f":{seed}", "rows": rows}).fetchall()
        except duckdb.Error as error:
            problem = f"cannot be read as rows of a corpus ({str(error).splitlines()[0]})"
            raise MateriaError(problem, file=shard or str(home), remedy="Run: materia build --until corpus") from error
    return [_row(home, path, place, buckets) for path, place in found]


def _conditions(wanted: PreviewFilter) -> tuple[list[str], dict[str, Any]]:
    conditions, values = ["repeat = 0"], {}
    for column in ("split", "kind", "language", "form"):
        if (value := getattr(wanted, column)) is not None:
            conditions.append(f"{column} = ${column}")
            values[column] = value
    if wanted.predicate is not None:
        conditions.append("len(list_filter(relations, lambda r: r.predicate = $predicate)) > 0")
        values["predicate"] = wanted.predicate
    if wanted.entity is not None:
        conditions.append("len(list_filter(spans, lambda s: s.curie = $entity)) > 0")
        values["entity"] = wanted.entity
    if wanted.stating:
        conditions.append("len(relations) > 0")
    return conditions, values


def _row(home: UPath | Path | str, path: str, place: int, buckets: int | None) -> PreviewRow:
    root = f"{working_folder(home)}/"
    # A shard of the home is named as people name it; its file may be replaced by the next build.
    shard = path.removeprefix(root).rpartition("/")[0] if path.startswith(root) else path
    return PreviewRow(f"{shard}:{place}", read_row([path], shard, place), trace(home, shard, place, buckets=buckets))
