"""The proof that training rows give no held-out claim away: not the pair, not its inverse, not what entails it.

*All* training rows of both kinds are read, not a sample: DuckDB joins the names of each sentence with each other and hashes
each pair, and joins the claims of each row with the kinds of what the held-out claims speak of, at the memory of one batch.
The rule of splits and the list of predicates are shared with the stages that make the passages, but none of their code, so a
mistake there is caught here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from upath import UPath

from kg.config import SplitConfig
from kg.corpus import SHARDS
from kg.refinement import predicate_refinements
from kg.splits import split_sql
from kg.tables import TRIPLES
from pipeline.duck import connect, table_view
from pipeline.storage import Dataset
from pipeline.tables import VOCABULARY

__all__ = ["KINDS", "Leak", "find_leaks", "leaks_among", "leaks_in", "open_held_out"]

#: What is a kind of what, or said or called the same as what.
KINDS = pa.schema({"child": pa.string(), "parent": pa.string()})

_CHECKED_ROWS = 65_536


@dataclass(frozen=True, slots=True)
class Leak:
    """A training row that gives a held-out pair away.

    Attributes:
        reason: `pair-in-sentence`, `pair-in-passage`, `held-out-relation`, `held-out-triple`, `entails-held-out`, or `not-train`.
        subject, object: the two concepts, in order of their CURIEs; for `held-out-triple` the triple's id and ""; for
            `entails-held-out` those of the held-out claim.
    """

    reason: str
    passage_id: str
    kind: str
    subject: str
    object: str
    text: str


def find_leaks(home: UPath | Path | str, splits: SplitConfig, limit: int = 20) -> list[dict[str, str]]:
    """Training rows of a home's corpus that give a held-out claim away, as JSON-like objects; none where all is well.

    Reads every row of every training shard, and the assets `triples` and `vocabulary`.
    """
    triples, shards = Dataset(home, "triples"), Dataset(home, SHARDS)
    rows = (
        batch for key in shards.manifests() for batch in shards.batches(key, batch_size=4096, containing="split=train/")
    )
    leaks = leaks_in(
        rows,
        splits,
        triples=triples.paths_of(),
        vocabulary=Dataset(home, "vocabulary").paths(),
        limit=limit,
    )
    return [asdict(leak) for leak in leaks]


def leaks_in(
    train: Iterable[pa.RecordBatch],
    splits: SplitConfig,
    *,
    triples: Sequence[str] = (),
    vocabulary: Sequence[str] = (),
    limit: int = 20,
) -> list[Leak]:
    """Rows of PASSAGES that do not belong into training; the first `limit` of them.

    A row leaks where one of its sentences names both ends of a held-out pair (of a chain, whose two sentences lead from one end
    to the other, and of what defines an entity: the whole passage), where one of its relations joins such a pair (in either
    direction, across sentences too), where it tells a held-out triple, where a claim of its entails one through is_a, or where its
    split is not train.

    Args:
        train: batches of PASSAGES that are to be trained on.
        triples: Parquet files of TRIPLES.
        vocabulary: Parquet files of VOCABULARY.
    """
    with connect() as connection:
        open_held_out(connection, triples, vocabulary)
        return leaks_among(connection, train, splits, limit)


def open_held_out(
    connection: Any, triples: Sequence[str] | pa.Table = (), vocabulary: Sequence[str] = (), kinds: str | None = None
) -> None:
    """Make the tables of what must not be given away: `triples`, `held_out`, `entails`, `kinds` and `below`.

    Args:
        connection: an empty DuckDB database.
        triples: Parquet files of TRIPLES, or a table with its identifying columns and `split`.
        vocabulary: Parquet files of VOCABULARY.
        kinds: the table `kinds` as a Parquet file (KINDS), where it was made of this vocabulary before.
    """
    if isinstance(triples, pa.Table):
        connection.register("all_triples", triples)
    else:
        table_view(connection, "all_triples", triples, TRIPLES)
    connection.register("known", predicate_refinements())
    connection.execute(_HELD_OUT_SQL)
    if kinds is None:
        table_view(connection, "vocabulary", vocabulary, VOCABULARY)
        connection.execute(_KINDS_SQL)
    else:
        table_view(connection, "kinds", [kinds], KINDS)
    connection.execute(_BELOW_SQL)


def leaks_among(
    connection: Any, train: Iterable[pa.RecordBatch], splits: SplitConfig | None, limit: int = 20
) -> list[Leak]:
    """As `leaks_in`, in a database that `open_held_out` was called for.

    Args:
        splits: the rule by which pairs are held out; None: the pairs of the held-out claims alone are.
    """
    leaks: list[Leak] = []
    query = _LEAKS_SQL.format(held=split_sql("a", "b", splits) if splits else _HELD_CLAIM_SQL, limit=int(limit))
    for rows in _in_pieces(train):
        connection.register("passages", rows)
        leaks += [Leak(*row) for row in connection.execute(query).fetchall()]
        connection.unregister("passages")
        if len(leaks) >= limit:
            break
    return leaks[:limit]


_HELD_OUT_SQL = """
CREATE TABLE triples AS SELECT triple_id, subject, predicate, object, split FROM all_triples;
CREATE TABLE held_out AS SELECT triple_id, subject, predicate, object FROM triples WHERE split <> 'train';
CREATE TABLE entails AS SELECT specific, general, swapped FROM known UNION SELECT predicate, predicate, false FROM held_out;
"""

_HELD_CLAIM_SQL = """
CASE WHEN (a, b) IN (SELECT least(subject, object), greatest(subject, object) FROM held_out) THEN 'held-out' ELSE 'train' END
"""

_KINDS_SQL = """
CREATE TABLE xrefs AS
SELECT curie AS child, xref AS parent FROM (SELECT curie, unnest(xrefs) AS xref FROM vocabulary)
WHERE xref IN (SELECT curie FROM vocabulary);
CREATE TABLE labels AS
SELECT curie, lower(name) AS label, true AS preferred FROM vocabulary
UNION SELECT curie, lower(t.name), true FROM (SELECT curie, unnest(translations) AS t FROM vocabulary) WHERE t.scope IN ('label', 'exact')
UNION SELECT curie, lower(s.name), false FROM (SELECT curie, unnest(synonyms) AS s FROM vocabulary) WHERE s.scope = 'exact';
INSERT INTO xrefs
SELECT l.curie, r.curie FROM labels l JOIN labels r USING (label) WHERE l.curie <> r.curie AND (l.preferred OR r.preferred);
CREATE TABLE kinds AS
SELECT curie AS child, unnest(parents) AS parent FROM vocabulary
UNION SELECT child, parent FROM xrefs UNION SELECT parent, child FROM xrefs;
DROP TABLE labels;
"""

# `below` holds each end of a held-out claim with everything that is a kind of it, or said or called the same. UNION keeps each
# pair once, so a cycle ends.
_BELOW_SQL = """
CREATE TABLE below AS
WITH RECURSIVE walk AS (
    SELECT DISTINCT held, held AS curie FROM (SELECT subject AS held FROM held_out UNION SELECT object FROM held_out)
    UNION SELECT walk.held, kinds.child FROM walk JOIN kinds ON kinds.parent = walk.curie
) SELECT * FROM walk;
"""

# Each name is joined to the sentences it touches; names of one sentence are joined with each other.
_LEAKS_SQL = """
WITH
spans AS MATERIALIZED (
    SELECT row, unnest(spans) AS span, generate_subscripts(spans, 1) - 1 AS place FROM passages
),
sentences AS (
    SELECT row, unnest(sentences) AS sentence,
           CASE WHEN form IN ('chain', 'entity') THEN 0 ELSE generate_subscripts(sentences, 1) END AS number FROM passages
),
named AS MATERIALIZED (
    SELECT DISTINCT row, number, span.curie AS curie
    FROM spans JOIN sentences USING (row)
    WHERE span.start < sentence."end" AND span."end" > sentence.start
),
stated AS (SELECT row, unnest(relations) AS relation FROM passages),
pairs AS (
    SELECT CASE l.number WHEN 0 THEN 'pair-in-passage' ELSE 'pair-in-sentence' END AS reason, l.row, l.curie AS a, r.curie AS b
    FROM named l JOIN named r ON l.row = r.row AND l.number = r.number AND l.curie < r.curie
    UNION
    SELECT 'held-out-relation', row, least(s.span.curie, o.span.curie), greatest(s.span.curie, o.span.curie)
    FROM stated
    JOIN spans s USING (row)
    JOIN spans o USING (row)
    WHERE s.place = relation.subject AND o.place = relation.object AND s.span.curie <> o.span.curie
),
different AS MATERIALIZED (SELECT DISTINCT a, b FROM pairs),
held_pairs AS (SELECT a, b FROM different WHERE {held} <> 'train'),
told AS (SELECT row, unnest(triple_ids) AS triple_id FROM passages),
claims AS (
    SELECT row, t.subject, t.predicate, t.object FROM told JOIN triples t USING (triple_id)
    UNION
    SELECT row, s.span.curie, relation.predicate, o.span.curie
    FROM stated JOIN spans s USING (row) JOIN spans o USING (row)
    WHERE s.place = relation.subject AND o.place = relation.object
),
entailed AS (
    SELECT row, general AS predicate, CASE WHEN swapped THEN object ELSE subject END AS subject,
           CASE WHEN swapped THEN subject ELSE object END AS object
    FROM claims JOIN entails ON specific = predicate
),
-- By the subject first, then the object of what is left: all kinds of both ends never stand side by side.
of_subject AS MATERIALIZED (
    SELECT e.row, e.object AS reached, h.subject, h.object
    FROM entailed e JOIN below b ON b.curie = e.subject
    JOIN held_out h ON h.subject = b.held AND h.predicate = e.predicate
    WHERE e.subject <> h.subject OR e.object <> h.object  -- the claim itself has reasons of its own
),
leaks AS (
    SELECT reason, row, a, b FROM pairs SEMI JOIN held_pairs USING (a, b)
    UNION ALL
    SELECT 'held-out-triple', row, triple_id, '' FROM told SEMI JOIN held_out USING (triple_id)
    UNION
    SELECT 'entails-held-out', f.row, f.subject, f.object
    FROM of_subject f SEMI JOIN below b ON b.held = f.object AND b.curie = f.reached
    UNION ALL
    SELECT 'not-train', row, '', '' FROM passages WHERE split <> 'train'
)
SELECT reason, passage_id, kind, a, b, text FROM leaks JOIN passages USING (row)
ORDER BY passage_id, reason, a, b LIMIT {limit}
"""


def _in_pieces(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Batches gathered into tables of a size that DuckDB works well on."""
    pending: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        pending.append(batch)
        rows += batch.num_rows
        if rows >= _CHECKED_ROWS:
            yield _numbered(pending)
            pending, rows = [], 0
    if rows:
        yield _numbered(pending)


def _numbered(batches: list[pa.RecordBatch]) -> pa.Table:
    table = pa.Table.from_batches(batches)
    return table.append_column("row", pa.array(range(table.num_rows), pa.int32()))
