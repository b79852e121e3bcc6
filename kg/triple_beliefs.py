"""How the beliefs of a graph spread, and whose evidence is behind them: counted over the columns of its triples."""

from __future__ import annotations

from collections.abc import Sequence

from kg.tables import TRIPLES
from pipeline.duck import connect, table_view

__all__ = ["belief_counts", "extractors_of"]


def belief_counts(triples: Sequence[str], bins: int) -> list[int]:
    """The number of triples in each of so many bins of belief of equal width; the last one holds belief 1 too.

    Args:
        triples: Parquet files of TRIPLES.
    """
    with connect() as connection:
        table_view(connection, "triples", triples, TRIPLES)
        sql = f"SELECT least(floor(belief * {int(bins)}), {int(bins) - 1})::INTEGER AS bin, count(*) FROM triples GROUP BY bin"  # noqa: S608
        found = dict(connection.execute(sql).fetchall())
    return [int(found.get(number, 0)) for number in range(bins)]


def extractors_of(triples: Sequence[str]) -> list[str]:
    """The names of all extractors with evidence in the triples, sorted."""
    with connect() as connection:
        table_view(connection, "triples", triples, TRIPLES)
        rows = connection.execute("SELECT DISTINCT unnest(extractors) AS name FROM triples ORDER BY name").fetchall()
    return [str(name) for (name,) in rows]
