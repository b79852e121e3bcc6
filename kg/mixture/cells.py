"""Cells: passages that are drawn at one rate, since they share kind, language, source, predicate and frequency of entity.

There are as many as combinations, some hundreds; all arithmetic on rates is on vectors of them. Sizes of groups are put on
a grid, entities by powers of two, so that one new passage changes no weight.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from kg.config import MixtureConfig
from kg.mixture.shares import Floats, Limit
from kg.mixture.targets import on_grid

__all__ = ["Cells", "make_cells"]

#: Languages and predicates are few and large: steps of 9%.
_STEPS = 8


@dataclass(frozen=True)
class Cells:
    """The cells of a pool, by number.

    Attributes:
        table: columns kind, language, source, predicate (texts, "" for none), octave (of how many passages name the rarest
            entity, -1 for none), tokens, passages.
        weights: how often a passage of the cell is wanted against others of its kind, in (0, 1].
        limits: shares that groups of cells may have.
    """

    table: pa.Table
    weights: Floats
    limits: tuple[Limit, ...]

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def of_kind(self, kind: str) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Which cells are of a kind."""
        return np.array([name == kind for name in self.table["kind"].to_pylist()], dtype=np.bool_)


def make_cells(connection: Any, config: MixtureConfig) -> Cells:
    """Group the clean training passages of `judged` that are not in `drawn`: the table `pool`, and its cells.

    Args:
        config: temperatures give the weights, shares the limits.
    """
    _rank_entities(connection)
    connection.execute("""
        CREATE TEMP TABLE grouped AS
        SELECT j.passage_id, kind, language, coalesce(source, '') AS source, coalesce(predicate, '') AS predicate,
            coalesce(length(bin(r.passages)) - 1, -1)::INTEGER AS octave, tokens, u
        FROM (SELECT * FROM judged ANTI JOIN drawn USING (passage_id) WHERE split = 'train' AND reason IS NULL) j
        LEFT JOIN rarest r ON j.passage_id = r.passage_id;
        CREATE TEMP TABLE cells AS
        SELECT (row_number() OVER (ORDER BY kind, language, source, predicate, octave) - 1)::INTEGER AS cell, *
        FROM (SELECT kind, language, source, predicate, octave, sum(tokens)::BIGINT AS tokens, count(*) AS passages
              FROM grouped GROUP BY ALL);
        CREATE TEMP TABLE pool AS
        SELECT passage_id, cell, g.tokens, u FROM grouped g JOIN cells USING (kind, language, source, predicate, octave);
        DROP TABLE grouped; DROP TABLE rarest;
    """)
    table = connection.sql("SELECT * EXCLUDE cell FROM cells ORDER BY cell").to_arrow_table()
    limits = (
        _limit("source-share", table["source"].to_pylist(), table["kind"].to_pylist(), config.source_shares),
        _limit("predicate-share", table["predicate"].to_pylist(), table["kind"].to_pylist(), config.predicate_shares),
    )
    return Cells(table, _weights(table, config), limits)


def _rank_entities(connection: Any) -> None:
    """The table `rarest`: in how many passages of its kind the rarest entity of a passage is named."""
    connection.execute("""
        CREATE TEMP TABLE mentioned AS
        SELECT passage_id, kind, curie FROM named JOIN judged USING (passage_id) ANTI JOIN drawn USING (passage_id)
        WHERE reason IS NULL;
        CREATE TEMP TABLE frequency AS SELECT kind, curie, count(*) AS passages FROM mentioned GROUP BY ALL;
        CREATE TEMP TABLE rarest AS
        SELECT passage_id, min(passages) AS passages FROM mentioned JOIN frequency USING (kind, curie) GROUP BY passage_id;
        DROP TABLE mentioned; DROP TABLE frequency; DROP TABLE named;
    """)


def _limit(reason: str, names: list[str], kinds: list[str], shares: Mapping[str, float]) -> Limit:
    """Groups of one kind and name; those that no share is set for, and passages of several sources, are in none."""
    groups = [
        (kind, name) if name and (name in shares or "*" in shares) else None
        for kind, name in zip(kinds, names, strict=True)
    ]
    known = sorted(set(filter(None, groups)))
    number = {group: i for i, group in enumerate(known)}
    return Limit(
        reason,
        np.array([-1 if group is None else number[group] for group in groups], dtype=np.int64),
        np.array([shares.get(name, shares.get("*", 1.0)) for _, name in known], dtype=np.float64),
    )


def _weights(table: pa.Table, config: MixtureConfig) -> Floats:
    """n^(1/T - 1) for each of the groups of a cell, so that a group of n is drawn in proportion to n^(1/T)."""
    temperature = config.temperature
    kinds, octaves = np.array(table["kind"].to_pylist()), table["octave"].to_numpy()
    tokens, passages = table["tokens"].to_numpy(), table["passages"].to_numpy()
    weights = np.ones(table.num_rows)
    for kind in np.unique(kinds):
        inside = np.flatnonzero(kinds == kind)
        for column, degree in (("language", temperature.languages), ("predicate", temperature.predicates)):
            names = np.array(table[column].to_pylist())[inside]
            for name in np.unique(names):
                group = inside[names == name]
                weights[group] *= on_grid(max(1, int(tokens[group].sum())), _STEPS) ** (1 / degree - 1)
        weights[inside] *= 2.0 ** (_filled(octaves[inside], passages[inside]) * (1 / temperature.entities - 1))
        weights[inside] /= weights[inside].max()
    return weights


def _filled(octaves: Any, passages: Any) -> Any:
    """Octaves, with the median over passages where no entity is named."""
    order = np.argsort(octaves, kind="stable")
    order = order[octaves[order] >= 0]
    if len(order) == 0:
        return np.zeros_like(octaves)
    counts = np.cumsum(passages[order])
    median = octaves[order][np.searchsorted(counts, counts[-1] / 2)]
    return np.where(octaves < 0, median, octaves)
