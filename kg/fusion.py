"""From evidence to belief: many sentences become one claim, with what speaks for it and what speaks against it.

For each claim there are two pools of evidence, for and against, that are never netted away:

    p             = reliability of (probability x certainty), of a row of evidence
    support       = 1 - prod over sources of ( s + (1 - s) * prod over its documents of (1 - best p) )
    contradiction = the same over the pool against
    belief        = support * (1 - contradiction)

A source is an extractor with its version, and s is its systematic error: the chance that it is wrong however often it
repeats itself. The shape is INDRA's belief model (Gyori et al. 2017, https://doi.org/10.15252/msb.20177651) with a level
for the document. Reliabilities are learned (`kg.reliability`); without them a figure is worth what it says.

**One paper is one paper**, however often it says a thing and whoever reads it. Of each pool a document counts once, through
the source that is surest of it: the one with the most (1 - s) * p, which is what the document would be believed by that word
alone; of equal ones the first by name. So a paper that three extractors read, or that a graph cites and an extractor reads,
is one voice; a graph's edge that names no paper has the graph's file as its document.
Measured on BC5CDR (train to learn from, 5,017 pairs of dev to judge on, trigger and classifier): calibration error .017 and
Brier score .107; with the product over sources within a document too, .037 and .110; without anything learned, .060 and .111
against .070 and .112. The order of pairs is the same (AUC .82). The price: a second reader of a paper can lower a claim's
support a little, by taking the paper from a source that had no other.

**The pool against** holds the claim's own denials, affirmed claims of an opposed predicate about the same pair, and
affirmations of the other direction. A claim of an effect has the direction (increased, decreased) that its affirmations
support more; as with opposed predicates, what affirms one contradicts the other, and what denies one does not affirm the
other: a denial of the other direction is counted as contradicting, and moves no belief. Where both are supported alike,
the claim has no direction: it is then only that the subject affects the object, which both say. Rejected: two rows, one a
direction (a claim's id, which is its three names, would no longer be one).

**Same bits always.** A product of floats depends on its order, and so on the number of threads. Here every product is a
sum of logarithms in fixed point (whole numbers, 2^-40 nats), which has no order. The rounding costs less than 1e-6 in
belief up to a million documents. Results are rounded to 6 decimals.

**Cost.** A million rows in 64 buckets take 9 processor seconds and 330 MiB, ten million 49 s and 660 MiB; ten million in one
bucket, 100,000 of them and more on one claim, 56 s and 1.7 GiB (`benchmarks/fusion.py`, writing included). Of that, each call
costs some 40 ms whatever its size, which is DuckDB planning a dozen aggregates. Lists of ids are put together while sorted rows
pass, since DuckDB cannot spill a list that it builds. Rejected: Polars, whose streaming engine takes 0.8 s for the two pools of a
million rows, without ids and directions, but cannot spill: 2.8 GiB for ten million in one bucket, and growing; a loop in
Python (7 s for the same); UDFs; sorting before summing floats (as exact, but slower and fragile).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
import pyarrow as pa

from kg.config import FusionConfig, SplitConfig
from kg.reliability import Reliabilities
from kg.splits import split_sql
from kg.tables import TRIPLES
from pipeline.duck import MEMORY_LIMIT, SortedLists, connect, sorted_on_disk, stream, table_view
from pipeline.errors import MateriaError
from pipeline.hashing import hash_fields
from pipeline.tables import EVIDENCE

__all__ = [
    "FIXED_POINT",
    "OPPOSED_PREDICATES",
    "SUPPORTS_SQL",
    "TRIPLE_ID_SQL",
    "fuse",
    "fuse_in_batches",
    "fused_batches",
    "fusion_steps",
    "place_rows",
    "triple_id",
]

#: Predicates that cannot both hold of one subject and object, each pair once. These are the pairs that Biolink Model
#: 4.4.4 declares by `opposite_of`, less those that are inverses (broad and narrow match), parts of one description
#: (input and output), name a predicate that the model does not have (prevented by), or true of one pair in different settings (active ingredient and excipient). Not here on purpose:
#: treats against causes or exacerbates. A drug may treat a condition in some patients and cause it in others.
OPPOSED_PREDICATES: Final = (
    ("biolink:ameliorates_condition", "biolink:exacerbates_condition"),
    ("biolink:contraindicated_in", "biolink:treats"),
    ("biolink:decreases_sensitivity_to", "biolink:increases_sensitivity_to"),
    ("biolink:disrupts", "biolink:enables"),
    ("biolink:has_decreased_amount", "biolink:has_increased_amount"),
    ("biolink:has_part", "biolink:lacks_part"),
    ("biolink:negatively_correlated_with", "biolink:positively_correlated_with"),
    ("biolink:preventative_for_condition", "biolink:promotes_condition"),
)

#: `triple_id` as a DuckDB expression over the columns subject, predicate and object.
TRIPLE_ID_SQL: Final = "sha256(subject || chr(31) || predicate || chr(31) || object)"

#: Whether a row of evidence speaks for its claim, as a DuckDB expression over the row's polarity, its direction and the claim's.
SUPPORTS_SQL: Final = "({evidence}.polarity AND coalesce({evidence}.direction = {claim}.direction, true))"

_LEAST: Final = 1e-6
#: Units of a natural logarithm in sums, and of 1 in a word, in SQL.
FIXED_POINT: Final = f"{2.0**40!r}::DOUBLE"
_WORD: Final = f"{2.0**46!r}::DOUBLE"


def triple_id(subject: str, predicate: str, object_: str) -> str:
    """The name of a claim: SHA-256 (hex) of its three CURIEs."""
    return hash_fields(subject, predicate, object_)


def fuse(
    evidence: Sequence[str],
    fusion: FusionConfig,
    splits: SplitConfig,
    *,
    reliabilities: Reliabilities | None = None,
    threads: int | None = None,
    memory_limit: str = MEMORY_LIMIT,
) -> pa.Table:
    """Fuse evidence into claims with belief: `fuse_in_batches` as one table.

    Args:
        evidence, fusion, splits, reliabilities: as there.
        threads: worker threads; all cores where None. The result does not depend on it.
        memory_limit: what DuckDB may hold before it spills to disk.

    Returns:
        TRIPLES, sorted by triple_id.

    Raises:
        MateriaError: as there.
    """
    with connect(threads=threads, memory_limit=memory_limit) as connection:
        return pa.Table.from_batches(
            fuse_in_batches(connection, evidence, fusion, splits, reliabilities=reliabilities), TRIPLES
        )


def fuse_in_batches(
    connection: Any,
    evidence: Sequence[str],
    fusion: FusionConfig,
    splits: SplitConfig,
    *,
    reliabilities: Reliabilities | None = None,
    left_out: dict[str, int] | None = None,
) -> Iterator[pa.RecordBatch]:
    """Fuse evidence into claims with belief, in memory that does not grow with the evidence.

    All evidence about one subject must be in the same call (it is in one bucket), each evidence id once.

    Counts and ids are of the claim's own evidence, so that over all claims they add up to the evidence that came in. An
    opposed claim's evidence enters `contradiction` only: it is listed with the opposed claim.

    Args:
        connection: as `pipeline.duck.connect` gives it; what is made in it is gone at the end.
        evidence: Parquet files of EVIDENCE, after the shuffle (so that `retracted` is known).
        fusion: systematic errors, and what evidence of retracted papers is worth. Under `exclude` it is left out
            altogether, and a claim that has no other evidence is not there.
        splits: shares of entity pairs held out.
        reliabilities: what extractors' figures are worth, and their systematic errors. An extractor they do not name
            keeps its own figures; an error set in `fusion.systematic_errors` goes before.
        left_out: gets the number of rows that policy left out, by reason: `retracted`.

    Yields:
        TRIPLES, sorted by triple_id.

    Raises:
        MateriaError: a probability outside (0, 1) or a certainty outside (0, 1].
    """
    session = connection.cursor()  # its temporary tables go away with it
    try:
        table_view(session, "evidence", evidence, EVIDENCE)
        retracted = fusion_steps(session, fusion, reliabilities)
        if left_out is not None:
            left_out["retracted"] = retracted if fusion.retracted == "exclude" else 0
        yield from fused_batches(session, fusion, splits)
    finally:
        session.close()


def fusion_steps(session: Any, fusion: FusionConfig, reliabilities: Reliabilities | None = None) -> int:
    """Make every step from evidence to belief readable in SQL: what fusion itself reads, and what explains a belief.

    Args:
        session: of DuckDB, with a table or view `evidence` (EVIDENCE).
        fusion, reliabilities: as of `fuse_in_batches`.

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
    opposed = [*OPPOSED_PREDICATES, *((b, a) for a, b in OPPOSED_PREDICATES)]
    session.register("opposed", pa.table({"predicate": [a for a, _ in opposed], "other": [b for _, b in opposed]}))
    for statement in (
        _claims_sql(fusion),
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


def fused_batches(session: Any, fusion: FusionConfig, splits: SplitConfig) -> Iterator[pa.RecordBatch]:
    """The claims of a session with `fusion_steps`: TRIPLES, sorted by triple_id."""
    with TemporaryDirectory(prefix="materia-fusion.") as folder:
        lists = SortedLists(sorted_on_disk(session, _lists_sql(fusion), f"{folder}/lists"), pa.string(), ["value"])
        for batch in stream(session, _beliefs_sql(splits)):
            ranks = batch["rank"].to_numpy()
            found = lists.take(np.arange(ranks[0] * 3, (ranks[-1] + 1) * 3))
            columns = {name: found[i::3] for i, name in enumerate(("evidence_ids", "doc_ids", "extractors"))}
            arrays = [columns[name] if name in columns else batch[name] for name in TRIPLES.names]
            yield pa.RecordBatch.from_arrays(arrays, TRIPLES.names).cast(TRIPLES)


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


def _kept(fusion: FusionConfig) -> str:
    return "NOT retracted" if fusion.retracted == "exclude" else "true"


def _claims_sql(fusion: FusionConfig) -> str:
    """Claims, ranked by their id."""
    return f"""
        CREATE TEMP TABLE claims AS
        SELECT *, row_number() OVER (ORDER BY triple_id) - 1 AS rank FROM (
            SELECT subject, predicate, object, {TRIPLE_ID_SQL} AS triple_id,
                   min(subject_category) AS subject_category, min(object_category) AS object_category
            FROM evidence WHERE {_kept(fusion)} GROUP BY subject, predicate, object
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
        WHERE {_kept(fusion)}
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


def _pools_sql(source_steps: str, pool: str) -> str:
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
        FROM ({_pools_sql(f"({_sources_sql(_STATED, 'direction')})", "direction")})
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


def _beliefs_sql(splits: SplitConfig) -> str:
    """The claims with their figures, in order."""

    def of(pool: str, column: str) -> str:
        return f"coalesce(max({column}) FILTER ({pool}), 0)"

    return f"""
        WITH figures AS (
            SELECT rank, {of("supports", "strength")} AS support, {of("NOT supports", "strength")} AS contradiction,
                   {of("supports", "evidence")} AS supporting_evidence,
                   {of("NOT supports", "evidence")} AS contradicting_evidence,
                   {of("supports", "documents")} AS supporting_documents,
                   {of("NOT supports", "documents")} AS contradicting_documents
            FROM ({_pools_sql("source_steps", "supports")}) GROUP BY rank
        )
        SELECT f.*, round(support * (1 - contradiction), 6) AS belief,
               support >= 0.5 AND contradiction >= 0.5 AS contested, d.direction
        FROM (SELECT *, {split_sql("subject", "object", splits)} AS split FROM claims JOIN figures USING (rank)) f
        LEFT JOIN directed d USING (rank) ORDER BY rank
    """  # noqa: S608


def _lists_sql(fusion: FusionConfig) -> str:
    """The values of each claim's three lists, in the order of claims and lists. DuckDB cannot spill a list that it builds."""
    return f"""
        SELECT rank * 3 AS rank, evidence_id AS value FROM evidence JOIN claims USING (subject, predicate, object)
        WHERE {_kept(fusion)}
        UNION ALL SELECT rank * 3 + 1, doc_id FROM documents
        UNION ALL SELECT DISTINCT rank * 3 + 2, extractor FROM documents JOIN sources USING (source)
        ORDER BY rank, value
    """  # noqa: S608
