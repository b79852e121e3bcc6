"""A passage of the corpus by its id, or by the first digits of it: the shard and row where it stands, or why it stands nowhere.

Ids of all shards are one narrow column: 30 ms for 49,000 rows in 192 files.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from upath import UPath

from kg.corpus import SHARDS
from pipeline.duck import connect, file_list
from pipeline.errors import MateriaError
from pipeline.storage import Dataset
from pipeline.working_folder import working_folder

__all__ = ["find_passage", "is_passage_id"]

_PASSAGE: Final = re.compile(r"[0-9a-f]{8,64}")
_SHOWN: Final = 5


def is_passage_id(words: str) -> bool:
    """Whether this may be the id of a passage, or its first eight or more digits (`materia trace` prints sixteen)."""
    return _PASSAGE.fullmatch(words) is not None


def find_passage(home: UPath | Path | str, words: str) -> tuple[str, int]:
    """The shard and row of a passage, its first copy.

    Args:
        words: the id, or its first digits.

    Raises:
        MateriaError: no passage has this id, or several begin like that, or the corpus did not take it: then the reason is told.
    """
    with connect(threads=1) as connection:
        if paths := _paths(home, SHARDS):
            found = connection.execute(
                "SELECT passage_id, filename, file_row_number "  # noqa: S608
                f"FROM read_parquet({file_list(paths)}, hive_partitioning = false, filename = true, file_row_number = true) "
                "WHERE starts_with(passage_id, $words) ORDER BY passage_id, repeat",
                {"words": words},
            ).fetchall()
            if ids := sorted({passage for passage, _, _ in found}):
                _refuse_several(words, ids)
                return found[0][1].removeprefix(f"{working_folder(home)}/").rpartition("/")[0], found[0][2]
        if not (paths := _paths(home, "selected_passages")):
            raise MateriaError("holds no corpus", file=str(home), remedy="Run: materia build --until corpus")
        candidates = connection.execute(
            f"SELECT passage_id, reason, other, detail FROM read_parquet({file_list(paths)}, hive_partitioning = false) "  # noqa: S608
            "WHERE starts_with(passage_id, $words) ORDER BY passage_id",
            {"words": words},
        ).fetchall()
    if not candidates:
        remedy = (
            "See what changed in a shard: materia history SHARD. Ids of passages change with their sources and words"
        )
        raise MateriaError("no passage has this id", file=words, remedy=remedy)
    _refuse_several(words, [row[0] for row in candidates])
    _, reason, other, detail = candidates[0]
    because = ": ".join(part for part in (reason or "the mixture takes less of its kind", detail) if part)
    instead = f"materia trace {other[:16]}" if other and is_passage_id(other) else "materia status"
    raise MateriaError(f"was not taken into the corpus ({because})", file=words, remedy=f"See {instead}")


def _refuse_several(words: str, ids: list[str]) -> None:
    if len(ids) > 1:
        listed = ", ".join(passage[:16] for passage in ids[:_SHOWN])
        raise MateriaError(f"{len(ids)} passages begin like this: {listed}", file=words, remedy="Give more digits")


def _paths(home: UPath | Path | str, asset: str) -> list[str]:
    dataset = Dataset(home, asset)
    return dataset.paths_of()
