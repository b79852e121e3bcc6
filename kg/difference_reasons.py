"""Why claims differ between two builds: the evidence that only one of them has, or has otherwise, and what is behind that.

document-new, -gone, -revised, -retracted, -reinstated     the document is in one build only, or is not the same in both
graph                                                      the edge of a graph is
extractor                                                  no other row of that build is by this extractor in this version
vocabulary                                                 an end is a concept that is new, gone, merged, or has other names
extraction                                                 the same text, extractor and concepts: other names nearby, or a model
reliabilities, settings                                    what extractors are taken to be worth; other settings of fusion
code                                                       nothing of all that: the stages ran in other versions
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pyarrow as pa

from kg.claims import SUPPORTS_SQL, TRIPLE_ID_SQL, opposed_predicates_table
from pipeline.graphs import GRAPHS

__all__ = ["find_reasons"]


def find_reasons(connection: Any, settings: Mapping[str, Any]) -> None:
    """Make the tables evidence_change, triple_reason and triple_moved, from those of `kg.difference_tables`.

    Args:
        connection: of DuckDB, with the views and tables that `open_builds` and `make_changes` make.
        settings: names of the settings that differ.
    """
    connection.register("opposed", opposed_predicates_table())
    connection.register("graph_readers", pa.table({"extractor": sorted(GRAPHS)}))
    connection.execute(_ASKED)
    for build in ("a", "b"):
        connection.execute(_ROWS.format(build=build, supports=SUPPORTS_SQL.format(evidence="e", claim="q")))
    connection.execute(_EVIDENCE)
    connection.execute(_TOUCHED)
    connection.execute(_REASONED)
    connection.execute(_BY_EVIDENCE)
    for reason, condition in _by_settings(settings).items():
        found = f"SELECT triple_id, '{reason}' FROM triple_change t WHERE {condition}"  # noqa: S608
        connection.execute(f"INSERT INTO triple_reason {found}")
    connection.execute(
        "INSERT INTO triple_reason SELECT triple_id, 'code' FROM triple_change ANTI JOIN triple_reason USING (triple_id)"
    )
    connection.execute(_MOVING.format(build="b", change="gone"))
    connection.execute(_MOVING.format(build="a", change="new"))
    connection.execute(_MOVED)


def _by_settings(settings: Mapping[str, Any]) -> dict[str, str]:
    """For each reason that settings are, which claims have it: those that both builds have, or with the same evidence in both."""
    fused = "(t.belief_a != t.belief_b OR t.triple_id NOT IN (SELECT triple_id FROM evidence_change))"
    conditions: dict[str, set[str]] = {}
    for name in settings:
        if name.startswith("fusion.reliabilities"):
            conditions.setdefault("reliabilities", set()).add(fused)
        elif name.startswith("fusion."):
            conditions.setdefault("settings", set()).add(fused)
        elif name.startswith("splits."):
            conditions.setdefault("settings", set()).add("t.split_a != t.split_b")
    return {reason: " OR ".join(sorted(found)) for reason, found in conditions.items()}


#: The claims whose evidence matters: those that differ, and those opposed to them.
_ASKED: Final = """
    CREATE TABLE asked AS
    SELECT triple_id, subject, predicate, object, direction_a, direction_b, false AS opposed FROM triple_change
    UNION ALL
    SELECT triple_id, subject, other, object, NULL, NULL, true FROM triple_change JOIN opposed USING (predicate)
"""
_ROWS: Final = """
    CREATE TABLE rows_{build} AS
    SELECT q.triple_id, e.evidence_id, e.doc_id, e.extractor, e.subject, e.predicate, e.object, e.polarity, e.retracted,
           e.probability * e.certainty AS worth, {supports} AND NOT q.opposed AS supports
    FROM evidence_{build} e JOIN (SELECT *, direction_{build} AS direction FROM asked) q USING (subject, predicate, object)
    WHERE e.polarity OR NOT q.opposed
"""
#: `raises` tells whether the change speaks for more belief.
_EVIDENCE: Final = """
    CREATE TABLE evidence_difference AS
    SELECT triple_id, evidence_id, coalesce(b.doc_id, a.doc_id) AS doc_id, coalesce(b.extractor, a.extractor) AS extractor,
           coalesce(b.subject, a.subject) AS subject, coalesce(b.predicate, a.predicate) AS predicate,
           coalesce(b.object, a.object) AS object, coalesce(b.polarity, a.polarity) AS polarity,
           coalesce(b.worth, a.worth) AS worth, a.retracted AS retracted_a, b.retracted AS retracted_b,
           CASE WHEN a.worth IS NULL THEN 'new' WHEN b.worth IS NULL THEN 'gone' ELSE 'changed' END AS change,
           CASE WHEN a.worth IS NULL THEN b.supports WHEN b.worth IS NULL THEN NOT a.supports
                WHEN a.retracted != b.retracted THEN b.supports != b.retracted
                ELSE b.supports = (b.worth > a.worth) END AS raises
    FROM rows_a a FULL JOIN rows_b b USING (triple_id, evidence_id)
    WHERE a.worth IS NULL OR b.worth IS NULL OR a.worth != b.worth OR a.retracted != b.retracted
"""
#: Ends whose concept is not the same in both builds.
_TOUCHED: Final = """
    CREATE TABLE touched AS
    SELECT curie FROM concept_change WHERE len(list_intersect(changes, ['parents', 'other'])) < len(changes)
    UNION SELECT merged_into FROM merged_a WHERE curie IN (SELECT curie FROM concept_change)
    UNION SELECT merged_into FROM merged_b WHERE curie IN (SELECT curie FROM concept_change)
"""
_REASONED: Final = """
    CREATE TABLE evidence_change AS
    SELECT e.*, CASE
        WHEN e.change = 'changed' AND e.retracted_b AND NOT e.retracted_a THEN 'document-retracted'
        WHEN e.change = 'changed' AND e.retracted_a AND NOT e.retracted_b THEN 'document-reinstated'
        WHEN e.extractor IN (SELECT extractor FROM graph_readers) THEN 'graph'
        WHEN e.change = 'new' AND NOT d.lives_a THEN 'document-new'
        WHEN e.change = 'gone' AND NOT d.lives_b THEN 'document-gone'
        WHEN e.change != 'changed' AND d.revised THEN 'document-revised'
        WHEN e.change = 'new' AND e.extractor NOT IN (SELECT extractor FROM extractors_a) THEN 'extractor'
        WHEN e.change = 'gone' AND e.extractor NOT IN (SELECT extractor FROM extractors_b) THEN 'extractor'
        WHEN e.subject IN (SELECT curie FROM touched) OR e.object IN (SELECT curie FROM touched) THEN 'vocabulary'
        ELSE 'extraction' END AS reason
    FROM evidence_difference e LEFT JOIN document_change d USING (doc_id)
"""
_BY_EVIDENCE: Final = "CREATE TABLE triple_reason AS SELECT DISTINCT triple_id, reason FROM evidence_change"

#: Claims that are gone because an end was merged into another concept, where the claim about that one is there; and the reverse.
_MOVING: Final = """
    CREATE TABLE moving_{build} AS
    SELECT t.triple_id AS was, t.predicate, coalesce(s.merged_into, t.subject) AS subject, t.object
    FROM (SELECT * FROM triple_change WHERE list_contains(changes, '{change}')) t
    LEFT JOIN merged_{build} s ON s.curie = t.subject;
    CREATE TABLE moved_{build} AS
    SELECT m.was, m.subject, m.predicate, coalesce(o.merged_into, m.object) AS object
    FROM moving_{build} m LEFT JOIN merged_{build} o ON o.curie = m.object;
"""
_MOVED: Final = f"""
    CREATE TABLE triple_moved AS
    SELECT m.was AS triple_id, t.triple_id AS moved_to
    FROM (SELECT was, {TRIPLE_ID_SQL} AS triple_id FROM moved_b UNION ALL SELECT was, {TRIPLE_ID_SQL} FROM moved_a) m
    JOIN (SELECT triple_id FROM triples_a UNION SELECT triple_id FROM triples_b) t USING (triple_id) WHERE m.was != t.triple_id
"""  # noqa: S608
