"""What two builds know differently, and why: documents, concepts and claims, each change with its reasons.

A claim differs where it is in one graph only, is believed more or less, is newly contested or settled, states another
direction of its effect, or fell into another split. Its reasons are found by comparing the evidence for and against it, opposed
claims included: every row that only one build has is there or not there because of its document, its extractor, a concept, or
a graph. Where all of that is equal, the settings of fusion differ, or its code.

Both builds are read as columns, whatever their numbers of buckets; buckets that the manifests show to be equal are not read at
all. Each step is a table in DuckDB, out of core. Rejected: comparing the N-Quads (a change of one number of a claim is two lines,
and no line tells why).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from upath import UPath

from kg.claim_search import names_of
from kg.difference_reasons import find_reasons
from kg.difference_tables import CONCEPT_CHANGES, DOCUMENT_CHANGES, TRIPLE_CHANGES, make_changes, open_builds
from pipeline.duck import MEMORY_LIMIT, connect
from pipeline.errors import MateriaError
from pipeline.storage import Dataset

__all__ = ["Build", "ClaimChange", "Counted", "Difference", "EvidenceChange", "compare"]

What = Literal["triples", "concepts", "documents"]
EVERYTHING: Final[tuple[What, ...]] = ("documents", "concepts", "triples")


@dataclass(frozen=True)
class Build:
    """One of two builds: where it lives, and its settings as one flat mapping (`fusion.systematic_error` to 0.05)."""

    url: UPath | Path | str
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Counted:
    """How many changed in which way, and the first few of each by identifier."""

    counts: dict[str, int]
    examples: dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class EvidenceChange:
    """A row of evidence that is new, gone, or other than it was: the surest of those behind a change."""

    evidence_id: str
    change: Literal["new", "gone", "changed"]
    reason: str
    doc_id: str
    extractor: str
    predicate: str
    polarity: bool
    sentence: str | None


@dataclass(frozen=True)
class ClaimChange:
    """A claim that differs. Figures are None in a build that does not have it; `moved_to` where a merge renamed it."""

    triple_id: str
    subject: str
    predicate: str
    object: str
    subject_name: str | None
    object_name: str | None
    changes: tuple[str, ...]
    reasons: tuple[str, ...]
    belief: tuple[float | None, float | None]
    contested: tuple[bool | None, bool | None]
    direction: tuple[str | None, str | None]
    split: tuple[str | None, str | None]
    moved_to: str | None
    evidence: EvidenceChange | None


@dataclass(frozen=True)
class Difference:
    """What B knows differently from A.

    Attributes:
        settings: those that differ, with both values. They alone make no difference: only what they change does.
        code: stages that ran in different versions, with both.
        documents, concepts: None where not asked for.
        triples: claims by the way they changed; a claim may have changed in several ways. None where not asked for.
        reasons: claims by reason; a claim may have several.
        largest: the largest changes of belief, then by id.
    """

    settings: dict[str, tuple[Any, Any]]
    code: dict[str, tuple[str, str]]
    documents: Counted | None
    concepts: Counted | None
    triples: dict[str, int] | None
    reasons: dict[str, int]
    largest: tuple[ClaimChange, ...]

    @property
    def equal(self) -> bool:
        """Whether nothing that was asked for differs."""
        counted = (self.documents and self.documents.counts, self.concepts and self.concepts.counts, self.triples)
        return not any(any(counts.values()) for counts in counted if counts)


def compare(
    a: Build,
    b: Build,
    *,
    what: Sequence[What] = EVERYTHING,
    epsilon: float = 0.0,
    limit: int = 10,
    threads: int | None = None,
    memory_limit: str = MEMORY_LIMIT,
) -> Difference:
    """Compare two builds.

    Args:
        a, b: the builds, the earlier one first.
        what: what to tell of.
        epsilon: changes of belief up to this do not count.
        limit: most examples of each kind.
        threads: worker threads; all cores where None. The result does not depend on it.
        memory_limit: what DuckDB may hold before it spills to disk.

    Raises:
        MateriaError: a build has no graph, or a table of it cannot be read.
    """
    for build in (a, b):
        if not Dataset(build.url, "triples").manifests():
            raise MateriaError("holds no graph", file=str(build.url), remedy="Name the home of a finished build")
    settings = {
        name: (a.settings.get(name), b.settings.get(name))
        for name in sorted({*a.settings, *b.settings})
        if a.settings.get(name) != b.settings.get(name)
    }
    with connect(threads=threads, memory_limit=memory_limit) as connection:
        open_builds(connection, a.url, b.url)
        make_changes(connection, epsilon)
        triples: dict[str, int] | None = None
        reasons: dict[str, int] = {}
        largest: tuple[ClaimChange, ...] = ()
        if "triples" in what:
            find_reasons(connection, settings)
            triples = _counts(connection, "triple_change", TRIPLE_CHANGES)
            counted = "SELECT reason, count(DISTINCT triple_id) AS n FROM triple_reason GROUP BY reason ORDER BY n DESC, reason"
            reasons = dict(connection.execute(counted).fetchall())
            largest = _largest(connection, (a, b), limit)
        documents = _counted(connection, "document_change", "doc_id", DOCUMENT_CHANGES, limit)
        concepts = _counted(connection, "concept_change", "curie", CONCEPT_CHANGES, limit)
    return Difference(
        settings,
        _code(a, b),
        documents if "documents" in what else None,
        concepts if "concepts" in what else None,
        triples,
        reasons,
        largest,
    )


def _code(a: Build, b: Build) -> dict[str, tuple[str, str]]:
    """Stages whose partitions were made by other versions of the code."""
    found = {}
    for stage in _STAGES:
        of_a, of_b = (
            ", ".join(sorted({manifest.code_version for manifest in Dataset(build.url, stage).manifests().values()}))
            for build in (a, b)
        )
        if of_a != of_b:
            found[stage] = (of_a, of_b)
    return found


def _counts(connection: Any, table: str, ways: Sequence[str]) -> dict[str, int]:
    """How many rows changed in each way, in the order of the ways."""
    sql = f"SELECT change, count(*) FROM (SELECT unnest(changes) AS change FROM {table}) GROUP BY change"  # noqa: S608
    counted = dict(connection.execute(sql).fetchall())
    return {way: counted.get(way, 0) for way in ways}


def _counted(connection: Any, table: str, key: str, ways: Sequence[str], limit: int) -> Counted:
    examples = {}
    for way in ways:
        sql = f"SELECT {key} FROM {table} WHERE list_contains(changes, ?) ORDER BY {key} LIMIT ?"  # noqa: S608
        if rows := connection.execute(sql, [way, limit]).fetchall():
            examples[way] = tuple(key for (key,) in rows)
    return Counted(_counts(connection, table, ways), examples)


def _largest(connection: Any, builds: tuple[Build, Build], limit: int) -> tuple[ClaimChange, ...]:
    """The largest changes of belief, each with its reasons and the evidence that made it."""
    connection.execute(_SHOWN, {"limit": limit})
    claims = connection.sql("SELECT * FROM shown ORDER BY abs(gain) DESC, triple_id").to_arrow_table().to_pylist()
    reasons: dict[str, list[str]] = {}
    for name, reason in connection.execute(_SHOWN_REASONS).fetchall():
        reasons.setdefault(name, []).append(reason)
    moved = dict(
        connection.execute("SELECT triple_id, moved_to FROM triple_moved SEMI JOIN shown USING (triple_id)").fetchall()
    )
    made = {row["triple_id"]: row for row in connection.sql(_SHOWN_EVIDENCE).to_arrow_table().to_pylist()}
    # The row that tells of a change stands in the build that has it; in both, where its worth changed.
    sentences = dict(connection.execute(_SENTENCES, {"ids": [row["evidence_id"] for row in made.values()]}).fetchall())
    curies = {row[end] for row in claims for end in ("subject", "object")}
    names = names_of(builds[0].url, curies) | names_of(builds[1].url, curies)
    return tuple(
        ClaimChange(
            triple_id=row["triple_id"],
            subject=row["subject"],
            predicate=row["predicate"],
            object=row["object"],
            subject_name=names.get(row["subject"]),
            object_name=names.get(row["object"]),
            changes=tuple(row["changes"]),
            reasons=tuple(reasons.get(row["triple_id"], ())),
            belief=(row["belief_a"], row["belief_b"]),
            contested=(row["contested_a"], row["contested_b"]),
            direction=(row["direction_a"], row["direction_b"]),
            split=(row["split_a"], row["split_b"]),
            moved_to=moved.get(row["triple_id"]),
            evidence=_evidence(made.get(row["triple_id"]), sentences),
        )
        for row in claims
    )


def _evidence(row: dict[str, Any] | None, sentences: Mapping[str, str]) -> EvidenceChange | None:
    if row is None:
        return None
    names = ("evidence_id", "change", "reason", "doc_id", "extractor", "predicate", "polarity")
    return EvidenceChange(**{name: row[name] for name in names}, sentence=sentences.get(row["evidence_id"]))


_STAGES: Final = ("documents", "vocabulary", "mentions", "evidence", "graph_evidence", "cooccurrence", "triples")
_SHOWN: Final = "CREATE TABLE shown AS SELECT * FROM triple_change ORDER BY abs(gain) DESC, triple_id LIMIT $limit"
_SHOWN_REASONS: Final = """
    SELECT DISTINCT triple_id, reason FROM triple_reason SEMI JOIN shown USING (triple_id) ORDER BY triple_id, reason
"""
#: Of each claim, the surest row among those that moved its belief the way it went.
_SHOWN_EVIDENCE: Final = """
    SELECT e.* FROM evidence_change e JOIN shown s USING (triple_id)
    QUALIFY row_number() OVER (
        PARTITION BY triple_id ORDER BY (e.raises = (s.gain > 0)) DESC, e.worth DESC, e.evidence_id
    ) = 1
"""
_SENTENCES: Final = """
    SELECT evidence_id, sentence FROM evidence_a WHERE list_contains($ids, evidence_id)
    UNION SELECT evidence_id, sentence FROM evidence_b WHERE list_contains($ids, evidence_id)
"""
