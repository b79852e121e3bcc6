"""Which candidates the corpus takes, how often, and why it does not take the others.

What cleaning rejects is out. Held-out splits keep the rest, each passage once. Of the training split papers are cut to their
most passages, and what is left is drawn (`draw`) from cells: passages of one kind, language, source, predicate and
frequency of their rarest entity. A cell's rate is the kind's rate times the weight of its groups: a group of n is to be drawn
in proportion to n^(1/T), as multilingual corpora do with languages (Devlin et al. 2019; Arivazhagan et al. 2019,
arXiv 1907.05019; Conneau et al., ACL 2020). The rates are the largest that give what is wanted of the kind (`targets`) with
no group above its share (`shares`).

Everything is sums over cells and a threshold by hash, so a new paper moves the passages next to a threshold and no others,
and the number wanted is met to within a passage. Where no mixture is asked for nothing is drawn.

A million candidates: 25 seconds of processor time, most of it for counting words, 29 with a ratio, 47 with shares and temperatures of
entities, in 560 to 950 MiB (`benchmarks/mixture.py`). After a change only what came is read (`changes`); where nothing is
drawn only the buckets that it stands in are chosen again, else all of them, from what is known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property, partial
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from kg.config import MixtureConfig
from kg.mixture.candidates import gather
from kg.mixture.cells import Cells, make_cells
from kg.mixture.changes import ASSERTED, KNOWN, TAKEN, Changes
from kg.mixture.draw import COPIES_SQL, UNIFORM_SQL, Pool, largest
from kg.mixture.shares import Floats, fit
from kg.mixture.targets import KINDS, on_grid, targets
from kg.tables import MIXTURE, SELECTION
from pipeline.duck import stream, table_view
from pipeline.errors import MateriaError

__all__ = ["Selection", "select_passages"]

#: Brings a number so far below itself that the next one on the grid is not above it.
_BELOW = 1 - 1 / 128


class Selection:
    """What was chosen; read it while the connection is open.

    Attributes:
        buckets: those that it holds; the others stand as they did.
        touched: those in which more than the draw may be otherwise than before.
        mixture: MIXTURE, the table of what was taken, by everything that tells passages apart.
    """

    def __init__(self, connection: Any, buckets: Sequence[str], changes: Changes) -> None:
        self._connection = connection
        self._changes = changes
        self.buckets = buckets
        self.touched = changes.touched()

    @cached_property
    def mixture(self) -> pa.Table:
        """MIXTURE: a row for each split, kind, language, source, predicate and reason."""
        sums = ", ".join(
            f"sum({name})::BIGINT AS {name}" for name in ("candidates", "candidate_tokens", "rows", "tokens")
        )
        sql = f"SELECT split, kind, language, source, predicate, reason, {sums} FROM parts GROUP BY ALL ORDER BY ALL"  # noqa: S608
        return self._connection.sql(sql).to_arrow_table().select(MIXTURE.names).cast(MIXTURE)

    def rejected(self) -> dict[str, int]:
        """Number of candidates that were not taken, by reason."""
        counts: Counter[str] = Counter()
        for reason, candidates in zip(
            *(self.mixture[name].to_pylist() for name in ("reason", "candidates")), strict=True
        ):
            if reason is not None:
                counts[reason] += candidates
        return dict(sorted(counts.items()))

    def by_bucket(self) -> Iterator[tuple[str, pa.RecordBatch]]:
        """SELECTION in pieces, each with its bucket's key; sorted by bucket and passage id."""
        return self._by_bucket("selection", "passage_id", SELECTION)

    def known(self) -> Iterator[tuple[str, pa.RecordBatch]]:
        """KNOWN of the touched buckets, in the same way: what the next choice need not find again."""
        within = f"bucket IN ({_listed(self.touched)})"
        return self._by_bucket(f"(SELECT * FROM decided WHERE {within})", "passage_id", KNOWN)  # noqa: S608

    def asserted(self, buckets: Sequence[str]) -> Iterator[tuple[str, pa.RecordBatch]]:
        """ASSERTED of some buckets, in the same way."""
        self._changes.open_asserted(buckets)
        return self._by_bucket("asserted", "evidence_id", ASSERTED)

    def taken(self) -> pa.Table:
        """TAKEN, of all buckets: what the next mixture is summed from."""
        rows = self._connection.sql(f"SELECT {', '.join(TAKEN.names)} FROM parts ORDER BY ALL")  # noqa: S608
        return rows.to_arrow_table().cast(TAKEN)

    def located(self) -> pa.Table:
        """LOCATED, of all live documents."""
        return self._changes.located

    def _by_bucket(self, table: str, key: str, schema: pa.Schema) -> Iterator[tuple[str, pa.RecordBatch]]:
        columns = ", ".join(schema.names)
        for batch in stream(self._connection, f"SELECT bucket, {columns} FROM {table} ORDER BY bucket, {key}"):  # noqa: S608
            keys = batch["bucket"].dictionary_encode()
            numbers = keys.indices.to_numpy()
            starts = [0, *(np.flatnonzero(np.diff(numbers)) + 1).tolist(), len(numbers)]
            chosen = batch.select(schema.names).cast(schema)
            for start, end in pairwise(starts):
                if end > start:
                    yield keys.dictionary[numbers[start]].as_py(), chosen.slice(start, end - start)


def _listed(buckets: Sequence[str]) -> str:
    return ", ".join(f"'{bucket}'" for bucket in buckets) or "NULL"


def select_passages(
    connection: Any, changes: Changes, verdicts: Iterable[pa.RecordBatch], config: MixtureConfig
) -> Selection:
    """Choose among all candidates of a home.

    Args:
        connection: the DuckDB database that `changes` was made with.
        changes: the candidates to look at.
        verdicts: batches of VERDICTS: candidates that cleaning rejects, one row each.
        config: the mixture that is wanted.

    Raises:
        MateriaError: the ratio or the shares cannot be met.
    """
    draws = config != MixtureConfig(repeats=config.repeats)
    gather(connection)
    buckets = changes.judge(verdicts, every=draws)
    connection.execute(f"CREATE VIEW judged AS SELECT *, {UNIFORM_SQL} AS u FROM decided")  # noqa: S608
    connection.execute("CREATE TEMP TABLE drawn (passage_id VARCHAR, taken INTEGER, why VARCHAR)")
    if draws:
        if config.temperature.entities > 1:
            changes.name_entities()
        else:
            connection.execute("CREATE TEMP TABLE named (passage_id VARCHAR, curie VARCHAR)")
        _cut_documents(connection, config.passages_per_document)
        cells = make_cells(connection, config)
        if len(cells):
            _draw(connection, cells, config)
    connection.execute(_SELECTION_SQL)
    if changes.known is not None:
        connection.register("chosen", pa.table({"bucket": pa.array(buckets, pa.string())}))
        table_view(connection, "were_taken", [changes.known.taken], TAKEN)
        connection.execute("INSERT INTO parts SELECT * FROM were_taken ANTI JOIN chosen USING (bucket)")
        connection.unregister("chosen")
    return Selection(connection, buckets, changes)


_SELECTION_SQL = f"""
CREATE TEMP TABLE selection AS
SELECT bucket, j.passage_id, split, tokens, source, predicate, other, detail, kind, language,
    CASE WHEN reason IS NULL THEN coalesce(d.taken, 1) ELSE 0 END::INTEGER AS taken,
    coalesce(reason, d.why) AS reason
FROM decided j LEFT JOIN drawn d ON j.passage_id = d.passage_id;
DROP TABLE drawn;
CREATE TEMP TABLE parts AS
SELECT {", ".join(TAKEN.names)} FROM (
    SELECT bucket, split, kind, language, source, predicate, reason, count(*)::BIGINT AS candidates,
        sum(tokens)::BIGINT AS candidate_tokens, sum(taken)::BIGINT AS rows, sum(taken * tokens)::BIGINT AS tokens
    FROM selection GROUP BY ALL
);
"""  # noqa: S608


def _cut_documents(connection: Any, most: int | None) -> None:
    """Of papers with more passages than they may have those with the least numbers stay."""
    if most is not None:
        connection.execute(f"""
            INSERT INTO drawn SELECT passage_id, 0, 'passages-per-document'
            FROM judged WHERE kind = 'literature' AND split = 'train' AND reason IS NULL
            QUALIFY row_number() OVER (PARTITION BY doc_id ORDER BY u, passage_id) > {int(most)}
        """)  # noqa: S608


def _draw(connection: Any, cells: Cells, config: MixtureConfig) -> None:
    """Find the rate of each cell, and write what the rates take into `drawn`."""
    pool = Pool(connection, len(cells), config.repeats)
    inside = {kind: cells.of_kind(kind) for kind in KINDS}

    def total(tokens: Floats, kind: str) -> float:
        """Tokens of a kind, less what its shares forbid."""
        return float(fit(tokens * inside[kind], cells.limits)[0].sum())

    once, most = (pool.tokens_at(np.full(len(cells), float(copies))) for copies in (1, config.repeats))
    sizes = {kind: total(once, kind) for kind in KINDS}
    for kind in KINDS:
        if not sizes[kind] and once[inside[kind]].any():
            raise _no_way(cells, kind)
    wanted = targets(sizes, {kind: total(most, kind) for kind in KINDS}, config)
    free = np.ones(len(cells))
    for kind in KINDS:
        weights = cells.weights * inside[kind]
        tokens = wanted[kind].tokens
        if tokens is None and np.any(cells.weights[inside[kind]] < 1):
            tokens = on_grid(sizes[kind])
        if tokens is not None and inside[kind].any():
            highest = config.repeats / cells.weights[inside[kind]].min()
            measure = partial(_measure, pool, weights, partial(total, kind=kind))
            free[inside[kind]] = (largest(measure, np.array([tokens]), np.array([highest])) * weights)[inside[kind]]
    _write(connection, pool, cells, free, [wanted[kind].reason for kind in cells.table["kind"].to_pylist()])
    if config.graph_to_text is not None:
        _both_kinds(connection, config.graph_to_text)


def _measure(pool: Pool, weights: Floats, total: Callable[[Floats], float], rate: Floats) -> Floats:
    return np.array([total(pool.tokens_at(rate * weights))])


def _write(connection: Any, pool: Pool, cells: Cells, free: Floats, targets: list[str]) -> None:
    """Draw at the rates, lowered in cells that have more than their share.

    Args:
        free: the rate of each cell were there no shares.
        targets: why a passage of a cell is not drawn at that rate.
    """
    tokens = pool.tokens_at(free)
    allowed, lowered = np.full(len(cells), np.inf), np.full(len(cells), -1)
    for kind in KINDS:
        inside = cells.of_kind(kind)
        fitted, places = fit(tokens * inside, cells.limits)
        held = inside & (places >= 0)
        # Below what is allowed, on the grid: one new paper then changes no rate.
        allowed[held] = [on_grid(amount * _BELOW) for amount in fitted[held]]
        lowered[held] = places[held]
    table = {
        "cell": np.arange(len(cells), dtype=np.int32),
        "free": free,
        "held": largest(pool.tokens_at, allowed, free),
        "share": pa.array([cells.limits[place].reason if place >= 0 else None for place in lowered], pa.string()),
        "target": targets,
    }
    connection.register("rates", pa.table(table))
    copies, unheld = (COPIES_SQL.format(rate=name, repeats=pool.repeats) for name in ("held", "free"))
    connection.execute(f"""
        INSERT INTO drawn SELECT passage_id, {copies},
            CASE WHEN {copies} > 0 THEN NULL WHEN {unheld} > 0 THEN share ELSE target END
        FROM pool JOIN rates USING (cell)
    """)  # noqa: S608
    connection.unregister("rates")


def _no_way(cells: Cells, kind: str) -> MateriaError:
    """The shares of all groups of a kind are less than the whole together."""
    inside = cells.of_kind(kind)
    remedy = "Raise the shares until they are at least 100% together, or leave them out"
    problem = f"leaves no way to take any {kind} passage"
    for limit, column in zip(cells.limits, ("source", "predicate"), strict=True):
        groups = limit.group[inside]
        together = limit.shares[np.unique(groups[groups >= 0])].sum()
        if (groups >= 0).all() and together < 1:
            names = sorted(set(np.array(cells.table[column].to_pylist())[inside]))
            all_of_them = f"all {len(names)} there are ({', '.join(names[:5])}) may have {together:.0%} together"
            return MateriaError(f"{problem}: {all_of_them}", file=f"corpus.mixture.{column}_shares", remedy=remedy)
    return MateriaError(
        f"{problem}: shares of sources and of predicates exclude each other", file="corpus.mixture", remedy=remedy
    )


def _both_kinds(connection: Any, ratio: float) -> None:
    """Raise where a wanted number of tokens is less than one passage, so that the ratio is not even approached."""
    sql = "SELECT kind FROM cells JOIN pool USING (cell) JOIN drawn USING (passage_id) GROUP BY kind HAVING sum(taken) = 0"
    for (kind,) in connection.execute(sql).fetchall():
        raise MateriaError(
            f"asks for a ratio of {ratio:g}, which leaves room for less than one {kind} passage",
            file="corpus.mixture.graph_to_text",
            remedy="Choose a ratio nearer to 1, more tokens or more repeats",
        )
