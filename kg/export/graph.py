"""The tables of a home as SQL, with the claims that are wanted: what every exporter reads.

    all_triples   TRIPLES of all buckets                         evidence   EVIDENCE of all buckets
    claims        those of them that are wanted                  concepts   VOCABULARY
    nodes         subjects and objects of the wanted claims      merges     VOCABULARY_MERGES

Nothing is read until an exporter asks, and DuckDB streams and spills, so memory does not grow with the graph.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
from upath import UPath

from kg.export.base import Exporter, Selection
from kg.tables import TRIPLES
from pipeline.duck import MEMORY_LIMIT, connect, file_list, table_view
from pipeline.errors import MateriaError
from pipeline.storage import WHOLE, Dataset
from pipeline.tables import EVIDENCE, VOCABULARY, VOCABULARY_MERGES

__all__ = ["Graph", "Progress", "open_graph"]

#: Told what is written, how many of it are done, and how many there will be (None: nobody knows).
Progress = Callable[[str, int, int | None], None]

_VIEWS: Final[dict[str, tuple[str, pa.Schema]]] = {
    "triples": ("all_triples", TRIPLES),
    "evidence_by_bucket": ("evidence", EVIDENCE),
    "vocabulary": ("concepts", VOCABULARY),
    "vocabulary_merges": ("merges", VOCABULARY_MERGES),
}

#: An end that the vocabulary does not know (of another graph's edge) has no name, and the class that its claim states.
_NODES: Final = """
    CREATE VIEW nodes AS
    SELECT e.curie, coalesce(c.category, e.category) AS category, c.name, c.definition, c.xrefs, c.sources,
           list_transform(list_filter(c.synonyms, lambda s: s.scope = 'exact'), lambda s: s.name) AS synonyms
    FROM (
        SELECT curie, min(category) AS category FROM (
            SELECT subject AS curie, subject_category AS category FROM claims
            UNION ALL SELECT object, object_category FROM claims
        ) GROUP BY curie
    ) e LEFT JOIN concepts c USING (curie)
"""


@dataclass(frozen=True, slots=True)
class Graph:
    """A graph to export.

    Attributes:
        connection: DuckDB with the views above, of the assets that the exporter needs.
        paths: files of each asset, by partition.
        inputs: data version of every partition, by `asset/partition`.
        of: how many claims, and how much evidence they count, there are before any is left out.
        left_out: the same of the claims that are not wanted, by reason.
        condition: SQL that holds of the rows of TRIPLES that are wanted.
    """

    connection: Any
    selection: Selection
    paths: Mapping[str, Mapping[str, list[str]]]
    inputs: Mapping[str, str]
    of: Mapping[str, int]
    left_out: Mapping[str, Mapping[str, int]]
    condition: str
    progress: Progress
    threads: int | None = None

    @property
    def wanted(self) -> dict[str, int]:
        """How many claims are written, and how much evidence they count."""
        return {what: n - sum(counts[what] for counts in self.left_out.values()) for what, n in self.of.items()}

    def claims_of(self, bucket: str) -> str:
        """The wanted claims of one bucket, as an SQL subquery."""
        columns = ", ".join(TRIPLES.names)
        files = file_list(self.paths["triples"][bucket])
        return f"(SELECT {columns} FROM read_parquet({files}, hive_partitioning = false) WHERE {self.condition})"  # noqa: S608

    def count(self, table: str) -> int:
        """Rows of a table or view."""
        ((rows,),) = self.connection.execute(f"SELECT count(*) FROM {table}").fetchall()  # noqa: S608
        return int(rows)


@contextmanager
def open_graph(
    home: UPath | Path | str,
    exporter: Exporter,
    selection: Selection,
    progress: Progress,
    *,
    threads: int | None = None,
    memory_limit: str = MEMORY_LIMIT,
) -> Iterator[Graph]:
    """The graph of a home, ready for an exporter.

    Raises:
        MateriaError: an asset is not built or not up to date with another, a predicate is not in the graph, or no claim is left.
    """
    paths, inputs = _assets(home, exporter.needs)
    with connect(threads=threads, memory_limit=memory_limit) as connection:
        for asset in exporter.needs:
            if asset in _VIEWS:
                view, schema = _VIEWS[asset]
                table_view(connection, view, sorted(path for files in paths[asset].values() for path in files), schema)
        of: dict[str, int] = {}
        left_out: dict[str, dict[str, int]] = {}
        condition = ""
        if "triples" in exporter.needs:
            of, left_out, condition = _select(connection, exporter, selection)
        yield Graph(connection, selection, paths, inputs, of, left_out, condition, progress, threads)


def _assets(home: UPath | Path | str, needs: tuple[str, ...]) -> tuple[dict[str, dict[str, list[str]]], dict[str, str]]:
    """Files and data versions of the assets, which must have been made from each other as they are now."""
    paths: dict[str, dict[str, list[str]]] = {}
    inputs: dict[str, str] = {}
    made_from: dict[str, str] = {}
    for asset in needs:
        dataset = Dataset(home, asset)
        manifests = dataset.manifests()
        if not manifests:
            raise MateriaError(
                f"{asset} has not been built", file=str(home), remedy=f"Run: materia build --until {asset}"
            )
        suffix = ".nq" if asset in ("knowledge_graph", "provenance") else ".parquet"
        paths[asset] = {key: dataset.paths(key, suffix) for key in manifests}
        inputs |= {f"{asset}/{key}": manifest.data_version for key, manifest in manifests.items()}
        for manifest in manifests.values():
            made_from |= manifest.inputs
    for asset in needs:
        missing = sorted(
            {key for other in needs if WHOLE not in paths[other] for key in paths[other]} - set(paths[asset])
        )
        if missing and WHOLE not in paths[asset]:
            raise MateriaError(
                f"{asset}/{missing[0]} has not been built", file=str(home), remedy=f"Run: materia build --until {asset}"
            )
    stale = sorted(key for key, version in made_from.items() if inputs.get(key, version) != version)
    if stale:
        raise MateriaError(
            f"{stale[0]} has changed since the graph was made from it", file=str(home), remedy="Run: materia build"
        )
    return paths, inputs


def _select(
    connection: Any, exporter: Exporter, selection: Selection
) -> tuple[dict[str, int], dict[str, dict[str, int]], str]:
    """Make the views claims and ends; count what there is, and what is left out by the first reason that fits; and the rule."""
    predicates, splits = _known(connection, "predicate", selection.predicates), selection.splits
    reasons = {
        "below-minimum-belief": f"belief < {selection.minimum_belief!r}::DOUBLE" if selection.minimum_belief else "",
        "other-predicate": f"predicate NOT IN ({_words(predicates)})" if predicates else "",
        "other-split": f"split NOT IN ({_words(splits)})" if splits else "",
        "not-believed": "support <= contradiction" if exporter.believed_only else "",
    }
    cases = " ".join(f"WHEN {condition} THEN '{reason}'" for reason, condition in reasons.items() if condition)
    reason = f"CASE {cases} END" if cases else "NULL::VARCHAR"
    condition = f"({reason}) IS NULL"
    connection.execute(f"CREATE VIEW claims AS SELECT * FROM all_triples WHERE {condition}")  # noqa: S608
    found = connection.execute(
        f"""SELECT {reason} AS reason, count(*), sum(supporting_evidence + contradicting_evidence)::BIGINT
            FROM all_triples GROUP BY reason ORDER BY reason"""  # noqa: S608
    ).fetchall()
    of = {"claims": sum(row[1] for row in found), "evidence": sum(row[2] for row in found)}
    left_out = {row[0]: {"claims": row[1], "evidence": row[2]} for row in found if row[0] is not None}
    if not of["claims"]:
        raise MateriaError("the graph holds no claims", remedy="Read more literature or graphs: materia build")
    if len(left_out) == len(found):
        raise MateriaError("no claim is left to export", remedy="Ask for less belief, other predicates or other splits")
    if "vocabulary" in exporter.needs:
        connection.execute(_NODES)
    return of, left_out, condition


def _known(connection: Any, column: str, wanted: tuple[str, ...]) -> tuple[str, ...]:
    """The wanted words, if the graph has them all."""
    if not wanted:
        return ()
    rows = connection.execute(f"SELECT DISTINCT {column} FROM all_triples ORDER BY 1").fetchall()  # noqa: S608
    there = [row[0] for row in rows]
    for word in wanted:
        if word not in there:
            raise MateriaError(f"no claim has the {column} {word}", remedy=f"Use of: {', '.join(there) or 'none'}")
    return wanted


def _words(words: tuple[str, ...]) -> str:
    return ", ".join("'" + word.replace("'", "''") + "'" for word in words)
