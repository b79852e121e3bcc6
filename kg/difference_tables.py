"""Two builds side by side in DuckDB: which documents, concepts and claims differ, one row each with the ways in which they do.

Only what may differ is opened: a table or bucket whose data version is the same in both manifests is left out. Of each query one
join stands on tables or files, never on another outer join (https://github.com/duckdb/duckdb/issues/24807).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pyarrow as pa
from upath import UPath

from kg.tables import TRIPLES
from pipeline.duck import table_view
from pipeline.storage import WHOLE, Dataset
from pipeline.tables import EVIDENCE, LIVE_DOCUMENTS, VOCABULARY, VOCABULARY_MERGES

__all__ = ["CONCEPT_CHANGES", "DOCUMENT_CHANGES", "TRIPLE_CHANGES", "make_changes", "open_builds"]

Url = UPath | Path | str

DOCUMENT_CHANGES: Final = ("new", "gone", "revised", "retracted", "reinstated", "renumbered")
CONCEPT_CHANGES: Final = ("new", "gone", "merged", "unmerged", "renamed", "names", "category", "parents", "other")
TRIPLE_CHANGES: Final = ("new", "gone", "stronger", "weaker", "contested", "settled", "direction", "split")

_READ: Final = {
    "live_documents": (LIVE_DOCUMENTS, ("doc_id", "version", "text_hash", "status")),
    "vocabulary": (
        VOCABULARY,
        ("curie", "name", "synonyms", "category", "definition", "parents", "xrefs", "translations", "matches"),
    ),
    "vocabulary_merges": (VOCABULARY_MERGES, ("curie", "merged_into")),
}
_TRIPLE: Final = ("triple_id", "subject", "predicate", "object", "belief", "contested", "direction", "split")


def open_builds(connection: Any, a: Url, b: Url) -> None:
    """Make the tables of both builds readable in SQL, as far as they may differ.

    Makes the views live_documents_a, vocabulary_a, vocabulary_merges_a, triples_a, evidence_a, the table extractors_a, and the same
    of b. `evidence` has the buckets of `triples`; `extractors` names those of the whole build.
    """
    for asset, (schema, columns) in _READ.items():
        versions = [
            manifest and manifest.data_version for manifest in (Dataset(url, asset).manifest() for url in (a, b))
        ]
        for name, url in (("a", a), ("b", b)):
            paths = [] if versions[0] == versions[1] else Dataset(url, asset).paths(WHOLE)
            table_view(connection, f"{asset}_{name}", paths, _part(schema, columns))
    for (name, url), keys in zip((("a", a), ("b", b)), _differing_buckets(a, b), strict=True):
        triples, evidence = Dataset(url, "triples"), Dataset(url, "evidence_by_bucket")
        table_view(connection, f"triples_{name}", _paths(triples, keys), _part(TRIPLES, _TRIPLE))
        table_view(connection, f"evidence_{name}", _paths(evidence, keys), EVIDENCE)
        # Of equal builds nothing is read.
        every = _paths(evidence, list(evidence.manifests())) if keys else []
        table_view(connection, f"all_evidence_{name}", every, _part(EVIDENCE, ("extractor",)))
        connection.execute(f"CREATE TABLE extractors_{name} AS SELECT DISTINCT extractor FROM all_evidence_{name}")  # noqa: S608


def make_changes(connection: Any, epsilon: float) -> None:
    """The tables document_change, concept_change and triple_change: what differs, with a list `changes` of the ways."""
    connection.execute(_DOCUMENTS)
    connection.execute(_CONCEPTS)
    connection.execute(_TRIPLES, {"epsilon": epsilon})


def _part(schema: pa.Schema, columns: tuple[str, ...]) -> pa.Schema:
    """Some columns only, so that a build of a version with other columns beside them can be compared too."""
    return pa.schema([schema.field(name) for name in columns])


def _paths(dataset: Dataset, keys: list[str]) -> list[str]:
    return dataset.paths_of(keys)


def _differing_buckets(a: Url, b: Url) -> tuple[list[str], list[str]]:
    """The buckets to read of each: those of different data, or all where the builds have different numbers of them."""
    of_a, of_b = (
        {key: manifest.data_version for key, manifest in Dataset(url, "triples").manifests().items()} for url in (a, b)
    )
    if of_a.keys() != of_b.keys():
        return list(of_a), list(of_b)
    differing = [key for key in of_a if of_a[key] != of_b[key]]
    return differing, differing


def _ways(ways: dict[str, str]) -> str:
    """A list of the names of those conditions that hold."""
    cases = ", ".join(f"CASE WHEN {condition} THEN '{name}' END" for name, condition in ways.items())
    return f"list_filter([{cases}], lambda way: way IS NOT NULL)"


_BOTH: Final = "(lives_a AND lives_b)"
_DOCUMENTS: Final = f"""
    CREATE TABLE document_change AS
    WITH beside AS (
        SELECT doc_id, coalesce(a.status != 'deleted', false) AS lives_a, coalesce(b.status != 'deleted', false) AS lives_b,
               a.text_hash AS text_a, b.text_hash AS text_b, a.version AS version_a, b.version AS version_b,
               coalesce(a.status = 'retracted', false) AS retracted_a, coalesce(b.status = 'retracted', false) AS retracted_b
        FROM live_documents_a a FULL JOIN live_documents_b b USING (doc_id)
    )
    SELECT doc_id, lives_a, lives_b, text_a IS DISTINCT FROM text_b AS revised, {
    _ways(
        {
            "new": "lives_b AND NOT lives_a",
            "gone": "lives_a AND NOT lives_b",
            "revised": f"{_BOTH} AND text_a != text_b",
            "retracted": f"{_BOTH} AND retracted_b AND NOT retracted_a",
            "reinstated": f"{_BOTH} AND retracted_a AND NOT retracted_b",
            "renumbered": f"{_BOTH} AND text_a = text_b AND version_a != version_b",
        }
    )
} AS changes
    FROM beside WHERE len(changes) > 0
"""  # noqa: S608

_HAS_BOTH: Final = "a.curie IS NOT NULL AND b.curie IS NOT NULL"
_CONCEPTS: Final = f"""
    CREATE TABLE merged_a AS SELECT curie, merged_into FROM vocabulary_merges_a WHERE merged_into IS NOT NULL;
    CREATE TABLE merged_b AS SELECT curie, merged_into FROM vocabulary_merges_b WHERE merged_into IS NOT NULL;
    CREATE TABLE concept_change AS
    SELECT coalesce(a.curie, b.curie) AS curie, {
    _ways(
        {
            "new": "a.curie IS NULL AND b.curie NOT IN (SELECT curie FROM merged_a)",
            "unmerged": "a.curie IS NULL AND b.curie IN (SELECT curie FROM merged_a)",
            "gone": "b.curie IS NULL AND a.curie NOT IN (SELECT curie FROM merged_b)",
            "merged": "b.curie IS NULL AND a.curie IN (SELECT curie FROM merged_b)",
            "renamed": f"{_HAS_BOTH} AND a.name IS DISTINCT FROM b.name",
            "names": f"{_HAS_BOTH} AND (a.synonyms IS DISTINCT FROM b.synonyms OR a.translations IS DISTINCT FROM b.translations)",
            "category": f"{_HAS_BOTH} AND a.category IS DISTINCT FROM b.category",
            "parents": f"{_HAS_BOTH} AND a.parents IS DISTINCT FROM b.parents",
            "other": f"{_HAS_BOTH} AND (a.definition IS DISTINCT FROM b.definition OR a.xrefs IS DISTINCT FROM b.xrefs "
            "OR a.matches IS DISTINCT FROM b.matches)",
        }
    )
} AS changes
    FROM vocabulary_a a FULL JOIN vocabulary_b b ON a.curie = b.curie
    WHERE len(changes) > 0
"""  # noqa: S608

_TRIPLES: Final = f"""
    CREATE TABLE triple_change AS
    WITH beside AS (
        SELECT triple_id, coalesce(a.subject, b.subject) AS subject, coalesce(a.predicate, b.predicate) AS predicate,
               coalesce(a.object, b.object) AS object, a.belief AS belief_a, b.belief AS belief_b,
               a.contested AS contested_a, b.contested AS contested_b, a.split AS split_a, b.split AS split_b,
               a.direction AS direction_a, b.direction AS direction_b
        FROM triples_a a FULL JOIN triples_b b USING (triple_id)
    )
    SELECT *, coalesce(belief_b, 0) - coalesce(belief_a, 0) AS gain, {
    _ways(
        {
            "new": "belief_a IS NULL",
            "gone": "belief_b IS NULL",
            "stronger": "belief_b - belief_a > $epsilon",
            "weaker": "belief_a - belief_b > $epsilon",
            "contested": "contested_b AND NOT contested_a",
            "settled": "contested_a AND NOT contested_b",
            "direction": "belief_a IS NOT NULL AND belief_b IS NOT NULL AND direction_a IS DISTINCT FROM direction_b",
            "split": "split_a != split_b",
        }
    )
} AS changes
    FROM beside WHERE len(changes) > 0
"""  # noqa: S608
