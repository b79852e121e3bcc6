"""The steps from evidence to belief as tables and views in DuckDB: what fusion itself reads, and what explains a belief.

Each claim has a whole number, its rank, and each extractor one, its source. The best row of a document is known by one whole
number too, its word: (1 - s) x p and the source, so that the greatest word is the same in any order. Products are sums of
logarithms in fixed point. `kg.fusion` says what the steps mean, and what they cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pyarrow as pa

from kg.claims import SUPPORTS_SQL, TRIPLE_ID_SQL, opposed_predicates_table
from kg.config import FusionConfig
from kg.reliability import Reliabilities
from pipeline.errors import MateriaError
from pipeline.hashing import BUCKET_SQL

__all__ = ["FIXED_POINT", "fusion_steps", "kept_sql", "place_rows", "pools_sql"]

_LEAST: Final = 1e-6
#: Units of a natural logarithm in sums, and of 1 in a word, in SQL.
FIXED_POINT: Final = f"{2.0**40!r}::DOUBLE"
_WORD: Final = f"{2.0**46!r}::DOUBLE"


def fusion_steps(
    session: Any, fusion: FusionConfig, reliabilities: Reliabilities | None = None, buckets: int = 1
) -> int:
    """Make every step from evidence to belief readable in SQL: what fusion itself reads, and what explains a belief.

    Args:
        session: of DuckDB, with a table or view `evidence` (EVIDENCE).
        fusion, reliabilities: as of `fuse_by_bucket`.
        buckets: claims are ranked by the bucket of their subject, of so many, and then by id.

    Makes these tables and views; a claim is known by its `rank`, an extractor by its `source`.
        claims: the claims. `sources`: the extractors, with their systematic error `s`.
        weighed: rows of evidence that count, with `reliable` (what probability x certainty is worth), `weight`, their product `p`
            within (0, 1), and `word`, which is (1 - s) x p and the source in one number.
        directed: the direction of those claims that have one. `opposites`: claims opposed to claims.
        pooled: documents on either side of a claim (`supports`), once for each source that reads them.
        source_steps: for each claim, side and source the number of documents that count through it (`voices`; `documents` are
            those of the claim's own evidence), the product of (1 - p) over them (`nats`), and s + (1 - s) x product (`remains`):
            both as -ln in units of 2^-40.

    Returns:
        The number of rows of retracted papers.

    Raises:
        MateriaError: a probability outside (0, 1) or a certainty outside (0, 1].
    """
    extractors, retracted = _check(session)
    _register_sources(session, extractors, fusion, reliabilities)
    session.register("opposed", opposed_predicates_table())
    for statement in (
        _claims_sql(fusion, buckets),
        _weighed_sql(fusion, reliabilities),
        _DOCUMENTS,
        _DIRECTED,
        f"CREATE TEMP TABLE sided AS {_sided_sql('documents', 'd.doc_id, d.n')}",
        _OPPOSITES,
        f"CREATE TEMP VIEW pooled AS {_pooled_sql('sided', 'doc_id, n', 'doc_id, 0')}",
        f"CREATE TEMP VIEW source_steps AS {_sources_sql('pooled', 'supports')}",
    ):
        session.execute(statement)
    return retracted


def place_rows(session: Any) -> None:
    """Make the table `placed` in a session with `fusion_steps`: each row of evidence on its side of every claim it counts for.

    Columns: `rank` of the claim, `supports`, `evidence_id`, `word`, and `n`: 1 for the claim's own evidence, 0 for that of an
    opposed claim.
    """
    session.execute(f"CREATE TEMP TABLE sided_rows AS {_sided_sql('weighed', 'd.evidence_id, 1 AS n')}")
    session.execute(f"CREATE TEMP TABLE placed AS {_pooled_sql('sided_rows', 'evidence_id, n', 'evidence_id, 0')}")


def _check(session: Any) -> tuple[list[str], int]:
    """The extractors, and how many rows are of retracted papers.

    A filter of an aggregate, not a WHERE: Parquet statistics leave NaN out, and WHERE would skip the row group on them.
    """
    sound = "probability > 0 AND probability < 1 AND certainty > 0 AND certainty <= 1"
    sql = f"""SELECT min(evidence_id) FILTER (({sound}) IS NOT TRUE), list_sort(list(DISTINCT extractor)),
                     count(*) FILTER (retracted) FROM evidence"""  # noqa: S608
    ((bad, extractors, retracted),) = session.execute(sql).fetchall()
    if bad is not None:
        raise MateriaError(
            "has a probability outside (0, 1) or a certainty outside (0, 1]",
            file="evidence",
            record=bad,
            remedy="Correct the extractor that gave it, then build evidence again",
        )
    return extractors or [], retracted


def _register_sources(
    session: Any, extractors: Sequence[str], fusion: FusionConfig, reliabilities: Reliabilities | None
) -> None:
    """The table source: extractors, numbered by name, each with its systematic error."""
    learned = reliabilities.systematic_errors if reliabilities else {}
    errors = [
        by_hand if (by_hand := fusion.error_by_hand(name)) is not None else learned.get(name, fusion.systematic_error)
        for name in extractors
    ]
    columns = {"source": pa.array(range(len(errors)), pa.int64()), "extractor": pa.array(extractors, pa.string())}
    session.register("sources", pa.table(columns | {"s": pa.array(errors, pa.float64())}))


def kept_sql(fusion: FusionConfig) -> str:
    """Which rows of evidence count, as an SQL condition."""
    return "NOT retracted" if fusion.retracted == "exclude" else "true"


def _claims_sql(fusion: FusionConfig, buckets: int) -> str:
    """Claims, ranked by their bucket and their id."""
    return f"""
        CREATE TEMP TABLE claims AS
        SELECT *, row_number() OVER (ORDER BY {BUCKET_SQL.format("subject", buckets)}, triple_id) - 1 AS rank FROM (
            SELECT subject, predicate, object, {TRIPLE_ID_SQL} AS triple_id,
                   min(subject_category) AS subject_category, min(object_category) AS object_category
            FROM evidence WHERE {kept_sql(fusion)} GROUP BY subject, predicate, object
        )
    """  # noqa: S608


def _weighed_sql(fusion: FusionConfig, reliabilities: Reliabilities | None) -> str:
    """Rows of evidence that count, and what each is worth.

    A word is a whole number, so that the greatest of several is the same in any order: (1 - s) * p in 46 bits, then the
    source in 16 bits, the first one greatest.
    """
    weight = "1"
    if fusion.retracted == "downweight":
        weight = f"CASE WHEN retracted THEN {fusion.retracted_weight!r}::DOUBLE ELSE 1 END"
    p = f"least(greatest(weight * reliable, {_LEAST!r}), {1 - _LEAST!r})"
    return f"""
        CREATE TEMP VIEW weighed AS
        SELECT evidence.*, rank, source, s, {_reliability_sql(reliabilities)} AS reliable, {weight} AS weight, {p} AS p,
               (round((1 - s) * p * {_WORD})::BIGINT << 16) + 65535 - source AS word
        FROM evidence JOIN claims USING (subject, predicate, object) JOIN sources USING (extractor)
        WHERE {kept_sql(fusion)}
    """  # noqa: S608


def _reliability_sql(reliabilities: Reliabilities | None) -> str:
    """Probability x certainty, or where the extractor's reliability is known, the step it stands on, or the worth of a denial."""
    raw = "(probability * certainty)"
    cases: dict[str, str] = {}
    if reliabilities is not None:
        cases = {name: f" WHEN NOT polarity THEN {worth!r}::DOUBLE" for name, worth in reliabilities.denials.items()}
        for step in reversed(reliabilities.steps().to_pylist()):
            branch = f" WHEN {raw} >= {step['least']!r}::DOUBLE THEN {step['probability']!r}::DOUBLE"
            cases[step["extractor"]] = cases.get(step["extractor"], "") + branch
    known = "".join(f" WHEN {_quoted(name)} THEN CASE{cases[name]} END" for name in sorted(cases))
    return f"(CASE extractor{known} ELSE {raw} END)" if known else raw


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _sources_sql(rows: str, pool: str) -> str:
    """What each source makes of the documents of each pool that count through it. A product is a sum of logarithms."""
    p = f"least((word >> 16) / {_WORD} / (1 - s), {1 - _LEAST!r})"
    return f"""
        SELECT *, round(-ln(s + (1 - s) * exp(-nats::DOUBLE / {FIXED_POINT})) * {FIXED_POINT})::BIGINT AS remains
        FROM (
            SELECT rank, {pool}, s, source, sum(n) AS n, count(*) FILTER (n > 0) AS documents, count(*) AS voices,
                   sum(round(-ln(1 - {p}) * {FIXED_POINT})::BIGINT) AS nats
            FROM (
                SELECT rank, {pool}, sum(n) AS n, max(word) AS word, 65535 - (max(word) & 65535) AS source
                FROM {rows} GROUP BY rank, {pool}, doc_id
            ) JOIN sources USING (source) GROUP BY ALL
        )
    """  # noqa: S608


def pools_sql(source_steps: str, pool: str) -> str:
    """Strength of each pool of a claim (1 - the product over its sources), and its own documents and rows."""
    return f"""
        SELECT rank, {pool}, sum(n)::BIGINT AS evidence, sum(documents)::BIGINT AS documents,
               round(1 - exp(-sum(remains)::DOUBLE / {FIXED_POINT}), 6) AS strength
        FROM {source_steps} GROUP BY rank, {pool}
    """  # noqa: S608


#: What each source has from each document for a claim: how many rows, and the best one's word.
_DOCUMENTS: Final = """
    CREATE TEMP TABLE documents AS
    SELECT rank, polarity, direction, doc_id, source, count(*) AS n, max(word) AS word FROM weighed GROUP BY ALL
"""

_STATED: Final = "(SELECT * FROM documents WHERE polarity AND direction IS NOT NULL)"
#: The direction of a claim that states one: the one that is supported most, if there is one.
_DIRECTED: Final = f"""
    CREATE TEMP TABLE directed AS
    SELECT rank, min(direction) AS direction FROM (
        SELECT *, strength = max(strength) OVER (PARTITION BY rank) AS most
        FROM ({pools_sql(f"({_sources_sql(_STATED, 'direction')})", "direction")})
    ) WHERE most GROUP BY rank HAVING count(*) = 1
"""  # noqa: S608

_OPPOSITES: Final = """
    CREATE TEMP TABLE opposites AS
    SELECT a.rank, b.rank AS other
    FROM claims a JOIN opposed o ON a.predicate = o.predicate
    JOIN claims b ON a.subject = b.subject AND a.object = b.object AND b.predicate = o.other
"""


def _sided_sql(rows: str, kept: str) -> str:
    """Documents, or rows, on their side of their claim. A denial of the other direction is against, with a word worth nothing."""
    return f"""
        SELECT d.rank, {SUPPORTS_SQL.format(evidence="d", claim="c")} AS supports, {kept},
               CASE WHEN NOT d.polarity AND d.direction != c.direction THEN d.word & 65535 ELSE d.word END AS word
        FROM {rows} d LEFT JOIN directed c USING (rank)
    """  # noqa: S608


def _pooled_sql(sided: str, kept: str, opposed: str) -> str:
    """The same with what supports an opposed claim on the side against."""
    return f"""
        SELECT rank, supports, {kept}, word FROM {sided}
        UNION ALL
        SELECT o.rank, false, {opposed}, s.word FROM {sided} s JOIN opposites o ON s.rank = o.other WHERE s.supports
    """  # noqa: S608
