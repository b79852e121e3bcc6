"""From evidence to belief: many sentences become one claim, with what speaks for it and what speaks against it.

For each claim there are two pools of evidence, for and against, that are never netted away:

    p_doc         = best (probability x certainty) among one document's sentences
    support       = 1 - prod over sources of ( s + (1 - s) * prod over its documents of (1 - p_doc) )
    contradiction = the same over the pool against
    belief        = support * (1 - contradiction)

A source is an extractor with its version, and s is its systematic error: the chance that it is wrong however often it
repeats itself. The shape is INDRA's belief model (Gyori et al. 2017, https://doi.org/10.15252/msb.20177651) with a level
for the document, since a paper that says a thing fifty times is one paper.

The pool against holds the claim's own denials and affirmed claims of an opposed predicate about the same pair.

Same bits always. A product of floats depends on its order, and so on the number of threads. Here every product is a sum
of logarithms in fixed point (whole numbers, 2^-40 nats), which has no order. The rounding costs less than 1e-6 in belief
up to a million documents. Results are rounded to 6 decimals.

Cost: one million rows of evidence take about 6 seconds on two cores, in 0.9 GiB. Rejected: loops or UDFs in Python (a
hundred times slower), sorting before summing floats (as exact, but slower and fragile).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pyarrow as pa

from kg.config import FusionConfig, SplitConfig
from kg.splits import split_sql
from kg.tables import TRIPLES
from pipeline.duck import MEMORY_LIMIT, connect, table_view
from pipeline.errors import MateriaError
from pipeline.hashing import hash_fields
from pipeline.tables import EVIDENCE

__all__ = ["FIXED_POINT", "OPPOSED_PREDICATES", "TRIPLE_ID_SQL", "fuse", "fused_triples", "fusion_steps", "triple_id"]

#: Predicates that cannot both hold of one subject and object, each pair once. These are the pairs that Biolink Model
#: 4.4.4 declares by `opposite_of`, less those that are inverses (broad and narrow match), parts of one description
#: (input and output), or true of one pair in different settings (active ingredient and excipient). Not here on purpose:
#: treats against causes or exacerbates. A drug may treat a condition in some patients and cause it in others.
OPPOSED_PREDICATES: Final = (
    ("biolink:ameliorates_condition", "biolink:exacerbates_condition"),
    ("biolink:contraindicated_in", "biolink:treats"),
    ("biolink:decreases_sensitivity_to", "biolink:increases_sensitivity_to"),
    ("biolink:disrupts", "biolink:enables"),
    ("biolink:enabled_by", "biolink:prevented_by"),
    ("biolink:has_decreased_amount", "biolink:has_increased_amount"),
    ("biolink:has_part", "biolink:lacks_part"),
    ("biolink:negatively_correlated_with", "biolink:positively_correlated_with"),
    ("biolink:preventative_for_condition", "biolink:promotes_condition"),
)

#: `triple_id` as a DuckDB expression over the columns subject, predicate and object.
TRIPLE_ID_SQL: Final = "sha256(subject || chr(31) || predicate || chr(31) || object)"

#: Units of a natural logarithm in the sums.
FIXED_POINT: Final = 2.0**40
_LEAST = 1e-6


def triple_id(subject: str, predicate: str, object_: str) -> str:
    """The name of a claim: SHA-256 (hex) of its three CURIEs."""
    return hash_fields(subject, predicate, object_)


def fuse(
    evidence: Sequence[str],
    fusion: FusionConfig,
    splits: SplitConfig,
    *,
    threads: int | None = None,
    memory_limit: str = MEMORY_LIMIT,
) -> pa.Table:
    """Fuse evidence into claims with belief.

    All evidence about one subject must be in the same call (it is in one bucket), each evidence id once.

    Counts and ids are of the claim's own evidence, so that over all claims they add up to the evidence that came in. An
    opposed claim's evidence enters `contradiction` only: it is listed with the opposed claim.

    Args:
        evidence: Parquet files of EVIDENCE, after the shuffle (so that `retracted` is known).
        fusion: systematic error, and what evidence of retracted papers is worth. Under `exclude` it is left out
            altogether, and a claim that has no other evidence is not there.
        splits: shares of entity pairs held out.
        threads: worker threads; all cores where None. The result does not depend on it.
        memory_limit: what DuckDB may hold before it spills to disk.

    Returns:
        TRIPLES, sorted by triple_id.

    Raises:
        MateriaError: a probability outside (0, 1) or a certainty outside (0, 1].
    """
    with connect(threads=threads, memory_limit=memory_limit) as connection:
        table_view(connection, "evidence", evidence, EVIDENCE)
        fusion_steps(connection, fusion)
        return fused_triples(connection, splits)


def fusion_steps(connection: Any, fusion: FusionConfig) -> None:
    """Make every step from evidence to belief readable in SQL: what `fuse` reads, and what explains a belief.

    Args:
        connection: of DuckDB, with a table or view `evidence` (EVIDENCE), which holds all evidence of the claims in question and of the
            claims opposed to them.

    Makes these tables and views. A claim is subject, predicate, object; a side of it adds polarity.
        weighed: rows of evidence that count, with `raw` (probability x certainty), `weight`, and `p`, what enters.
        per_document: the best `p` among one document's rows of one side and extractor, and the ids of those rows.
        pooled: the same, with claims of an opposed predicate on the side against.
        per_source: of each side and extractor the number of `documents`, the product of (1 - p) over them
            (`documents_remain`), its `systematic_error` s, and s + (1 - s) x product (`remains`). Both products are
            fixed-point logarithms: -ln in units of 2^-40.
        pools: support and contradiction of each claim.

    Raises:
        MateriaError: a probability outside (0, 1) or a certainty outside (0, 1].
    """
    _check(connection)
    opposed = [*OPPOSED_PREDICATES, *((b, a) for a, b in OPPOSED_PREDICATES)]
    connection.register("opposed", pa.table({"predicate": [a for a, _ in opposed], "other": [b for _, b in opposed]}))
    connection.execute(_steps_sql(fusion))


def _check(connection: Any) -> None:
    """A filter of an aggregate, not a WHERE: Parquet statistics leave NaN out, and WHERE would skip the row group on them."""
    sound = "probability > 0 AND probability < 1 AND certainty > 0 AND certainty <= 1"
    sql = f"SELECT min(evidence_id) FILTER (({sound}) IS NOT TRUE) FROM evidence"  # noqa: S608
    ((bad,),) = connection.execute(sql).fetchall()
    if bad is not None:
        raise MateriaError(
            "has a probability outside (0, 1) or a certainty outside (0, 1]",
            file="evidence",
            record=bad,
            remedy="Correct the extractor that gave it, then build evidence again",
        )


def _steps_sql(fusion: FusionConfig) -> str:
    """Products as sums of fixed-point logarithms: over a source's documents, then over sources."""
    s, unit = f"{fusion.systematic_error!r}::DOUBLE", f"{FIXED_POINT!r}::DOUBLE"
    weight = "1"
    if fusion.retracted == "downweight":
        weight = f"CASE WHEN retracted THEN {fusion.retracted_weight!r}::DOUBLE ELSE 1 END"
    kept = "WHERE NOT retracted" if fusion.retracted == "exclude" else ""

    def pool(polarity: str) -> str:
        return f"round(1 - exp(-coalesce(sum(remains) FILTER ({polarity}), 0)::DOUBLE / {unit}), 6)"

    return f"""
        CREATE VIEW weighed AS
        SELECT *, probability * certainty AS raw, {weight} AS weight,
               least(greatest(raw * weight, {_LEAST!r}), {1 - _LEAST!r}) AS p
        FROM evidence {kept};

        CREATE TABLE per_document AS
        SELECT subject, predicate, object, polarity, extractor, doc_id, max(p) AS p, list(evidence_id) AS evidence_ids,
               min(subject_category) AS subject_category, min(object_category) AS object_category
        FROM weighed GROUP BY ALL;

        CREATE VIEW pooled AS
        SELECT subject, predicate, object, polarity, extractor, doc_id, p FROM per_document WHERE polarity
        UNION ALL
        SELECT subject, predicate, object, false AS polarity, extractor, doc_id, max(p) AS p FROM (
            SELECT subject, predicate, object, extractor, doc_id, p FROM per_document WHERE NOT polarity
            UNION ALL
            SELECT d.subject, o.other AS predicate, d.object, d.extractor, d.doc_id, d.p
            FROM per_document d JOIN opposed o USING (predicate) WHERE d.polarity
        ) GROUP BY ALL;

        CREATE VIEW per_source AS
        SELECT *, {s} AS systematic_error,
               round(-ln({s} + (1 - {s}) * exp(-documents_remain::DOUBLE / {unit})) * {unit})::BIGINT AS remains
        FROM (
            SELECT subject, predicate, object, polarity, extractor, count(*) AS documents,
                   sum(round(-ln(1 - p) * {unit})::BIGINT) AS documents_remain
            FROM pooled GROUP BY ALL
        );

        CREATE VIEW pools AS
        SELECT subject, predicate, object, {pool("polarity")} AS support, {pool("NOT polarity")} AS contradiction
        FROM per_source GROUP BY subject, predicate, object;
    """  # noqa: S608


def fused_triples(connection: Any, splits: SplitConfig) -> pa.Table:
    """The claims of a connection with `fusion_steps`: TRIPLES, sorted by triple_id."""
    sql = f"""
        WITH claims AS (
            SELECT subject, predicate, object,
                   min(subject_category) AS subject_category, min(object_category) AS object_category,
                   coalesce(sum(len(evidence_ids)) FILTER (polarity), 0) AS supporting_evidence,
                   coalesce(sum(len(evidence_ids)) FILTER (NOT polarity), 0) AS contradicting_evidence,
                   count(DISTINCT doc_id) FILTER (polarity) AS supporting_documents,
                   count(DISTINCT doc_id) FILTER (NOT polarity) AS contradicting_documents,
                   list_sort(flatten(list(evidence_ids))) AS evidence_ids,
                   list_sort(list_distinct(list(doc_id))) AS doc_ids,
                   list_sort(list_distinct(list(extractor))) AS extractors
            FROM per_document GROUP BY subject, predicate, object
        )
        SELECT *, {TRIPLE_ID_SQL} AS triple_id, {split_sql("subject", "object", splits)} AS split,
               round(support * (1 - contradiction), 6) AS belief,
               support >= 0.5 AND contradiction >= 0.5 AS contested
        FROM claims JOIN pools USING (subject, predicate, object)
        ORDER BY triple_id
    """  # noqa: S608
    return connection.sql(sql).to_arrow_table().select(TRIPLES.names).cast(TRIPLES)
