"""Which concepts are the same: only what is said to be exactly the same is merged, and a log says what, why, and what not.

Four kinds of statement merge, in this order:

1. a retired identifier and the concept that stands for it (OBO `alt_id`, OWL `replaced_by`), unless the file that says so
   still has the identifier as a concept of its own;
2. an exact match (SSSOM and SKOS `exactMatch`, OWL `equivalentClass`), whatever the categories;
3. a cross-reference that is the only one, in either direction, between the two concepts and each other's vocabularies,
   where the categories agree: equal, one a kind of the other, or one unknown. Cross-references that are not one to one
   often mean something broader, so they are left alone. This kind can be switched off;
4. the name of a concept that only its name identifies, where it is the name of one other concept whose category agrees
   (`pipeline.vocabularies.same_names`).

A vocabulary does not say one thing under two identifiers, so no statement may bring two of its concepts together (retired
ones and mere names aside): the later statement is refused. Statements count in the order of the preferred prefixes of their two ends, so
the result does not depend on the order of rows. The concept of the most preferred prefix gives a group its name.

Groups are found by union-find over the numbers of those concepts that a statement joins (Galler and Fischer 1964,
doi:10.1145/364099.364331), each with a proof: the statement that joined it. The statements come sorted out of DuckDB.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.biolink import is_kind_of
from pipeline.curies import NAME_PREFIX, PREFIX_ORDER
from pipeline.duck import stream
from pipeline.vocabularies.same_names import STEPS, candidates

__all__ = ["merge", "renames"]


def renames(merges: pa.Table) -> dict[str, str]:
    """What each identifier that was merged is now, from the merge log (VOCABULARY_MERGES): for graphs made before the merge."""
    done = merges.filter(pc.is_valid(merges["merged_into"]))
    return dict(zip(done["curie"].to_pylist(), done["merged_into"].to_pylist(), strict=True))


def merge(connection: Any, prefix_order: Sequence[str] = PREFIX_ORDER, *, cross_references: bool = True) -> None:
    """Make the tables that say what is merged.

    `prefix` (prefix, prefix_place); `member` (id, into_id, retired), a row for every concept that has a name; `renamed`
    (curie, into_curie), for every identifier that was merged; `merge_log`, the columns of VOCABULARY_MERGES with the
    place of the source file.

    Args:
        connection: a database with the tables `concept`, `part`, `link` and `category` of `pipeline.vocabularies.join`.
        prefix_order: prefixes in the order in which they name what is merged.
        cross_references: whether a one-to-one cross-reference merges.
    """
    _number_prefixes(connection, prefix_order)
    groups = _Groups()
    connection.execute(_RETIRED)
    for row in _rows(connection, _REPLACEMENTS):
        groups.replace(*row)
    connection.register("replaced", groups.members())
    connection.execute(_CURRENT)
    for statement in _statements(connection, _EXACT):
        groups.join(statement, "exact-match")
    if cross_references:
        connection.execute(_XREFS)
        for statement in _statements(connection, _ONE_TO_ONE):
            groups.join(statement, "one-to-one-xref", by_kind=True)
    _join_names(connection, groups)
    connection.register("merged", groups.members())
    connection.register("proofs", groups.proof_rows())
    connection.register("refusals", groups.refusal_rows())
    connection.execute(_OUTCOME)
    if cross_references:
        connection.execute(_LOG_AMBIGUOUS)


def _join_names(connection: Any, groups: _Groups) -> None:
    """Join what only a name identifies to the concept that has the name."""
    found = list(candidates(connection))
    numbers = {number for one in found for number in (one.concept, *(other for step in one.steps for other in step))}
    connection.register("wanted", pa.table({"id": pa.array(sorted(numbers), pa.int64())}))
    rows = connection.execute("SELECT id, prefix_place, category FROM named JOIN wanted USING (id)").fetchall()
    known = {number: (prefix, category) for number, prefix, category in rows}
    for step, why in enumerate(STEPS):
        left = []
        for one in found:
            said, own = one.steps[step], known[one.concept]
            preferred = sorted(said, key=lambda other: (known[other][0], other), reverse=True)
            agreeing = {groups.root(o): o for o in preferred if _common(own[1], known[o][1]) is not None}
            if len(agreeing) == 1:
                (other,) = agreeing.values()
                (prefix, category), (own_prefix, own_category) = known[other], own
                statement = _Statement(other, one.concept, prefix, own_prefix, category, own_category, said[other])
                # two names of one concept are synonyms; the translation of a synonym, which files take lightly, is but a guess
                groups.join(statement, why, by_kind=True, several=own_prefix if why != STEPS[-1] else None)
            elif agreeing:
                groups.refused += [(one.concept, o, why, said[o], "ambiguous") for o in sorted(agreeing.values())]
            else:
                left.append(one)
        found = left
    for one in found:
        other = min(one.steps[0], key=lambda other: (known[other][0], other))
        groups.refused.append((one.concept, other, STEPS[0], one.steps[0][other], "different-kind"))


def _number_prefixes(connection: Any, prefix_order: Sequence[str]) -> None:
    found = connection.execute("SELECT DISTINCT split_part(curie, ':', 1) FROM concept").fetchall()
    place = {prefix: number for number, prefix in enumerate(prefix_order)}
    # What has a name only never names what has an identifier.
    ordered = sorted(
        (prefix for (prefix,) in found),
        key=lambda prefix: (prefix == NAME_PREFIX, place.get(prefix, len(place)), prefix),
    )
    connection.register(
        "prefixes", pa.table({"prefix": pa.array(ordered, pa.string()), "prefix_place": range(len(ordered))})
    )
    connection.execute(_NAMED)


@dataclass(frozen=True, slots=True)
class _Statement:
    """That two concepts are the same: the preferred one first, with prefix and category of both, and who says so."""

    one: int
    other: int
    one_prefix: int
    other_prefix: int
    one_category: str
    other_category: str
    source: int


@dataclass(slots=True)
class _Groups:
    """Union-find. The root of a group is the concept that names it.

    Attributes:
        above: for each concept that was joined, one nearer to its root.
        prefixes: for each root of a group, the prefixes whose concept the group has.
        categories: for each root of a group, its most special category.
        proofs: for each concept that was joined, the statement that joined it: other end, why, source.
        retired: the concepts that were joined because another stands for them.
        refused: statements that were not followed: concept, other end, why, source, reason.
    """

    above: dict[int, int] = field(default_factory=dict)
    prefixes: dict[int, set[int]] = field(default_factory=dict)
    categories: dict[int, str] = field(default_factory=dict)
    proofs: dict[int, tuple[int, str, int]] = field(default_factory=dict)
    retired: set[int] = field(default_factory=set)
    refused: list[tuple[int, int, str, int, str]] = field(default_factory=list)
    order: dict[int, tuple[int, int]] = field(default_factory=dict)

    def root(self, concept: int) -> int:
        """The concept that names the group."""
        above = self.above
        while (up := above.get(concept)) is not None:
            if (higher := above.get(up)) is not None:
                above[concept] = higher  # path halving
            concept = up
        return concept

    def replace(self, retired: int, by: int, source: int) -> None:
        """Let a concept stand for a retired one. Two that stand for each other are one group, named by either."""
        root, old = self.root(by), self.root(retired)
        if root != old:
            self.above[old] = root
            self.retired.add(retired)
            self._hang(retired, (by, "alternative-id", source))

    def join(self, said: _Statement, why: str, *, by_kind: bool = False, several: int | None = None) -> None:
        """Make one group of two, unless that brings together two concepts of a prefix or, if asked, two kinds of thing.

        `several` is a prefix of which a group may have several concepts.
        """
        one, other = self.root(said.one), self.root(said.other)
        if one == other:
            return
        for root, prefix, category in (
            (one, said.one_prefix, said.one_category),
            (other, said.other_prefix, said.other_category),
        ):
            if root not in self.prefixes:
                self.prefixes[root], self.categories[root] = {prefix}, category
                self.order[root] = (prefix, root)
        reason = None
        if not self.prefixes[one] & self.prefixes[other] <= {several}:
            reason = "same-prefix"
        elif by_kind and _common(self.categories[one], self.categories[other]) is None:
            reason = "different-kind"
        if reason is not None:
            self.refused.append((said.other, said.one, why, said.source, reason))
            return
        ends = (said.one, said.other)
        if self.order[other] < self.order[one]:
            one, other, ends = other, one, ends[::-1]
        self.above[other] = one
        self._hang(ends[1], (ends[0], why, said.source))
        smaller, larger = sorted((self.prefixes[one], self.prefixes.pop(other)), key=len)
        larger |= smaller
        self.prefixes[one] = larger
        self.categories[one] = _common(self.categories[one], self.categories.pop(other)) or self.categories[one]

    def _hang(self, concept: int, proof: tuple[int, str, int] | None) -> None:
        """Join the tree of proofs that holds the concept to another, by a new proof: the way up to its old root turns around."""
        while proof is not None:
            old, self.proofs[concept] = self.proofs.get(concept), proof
            if old is None:
                return
            concept, proof = old[0], (concept, *old[1:])

    def members(self) -> pa.Table:
        """Every concept that was joined, with the root of its group."""
        ids = list(self.above)
        columns = [ids, [self.root(one) for one in ids], [one in self.retired for one in ids]]
        types = [pa.int64(), pa.int64(), pa.bool_()]
        arrays = [pa.array(column, kind) for column, kind in zip(columns, types, strict=True)]
        return pa.Table.from_arrays(arrays, ["id", "into_id", "retired"])

    def proof_rows(self) -> pa.Table:
        """Why each concept was joined."""
        return _log_table([(concept, *proof, None) for concept, proof in self.proofs.items()])

    def refusal_rows(self) -> pa.Table:
        """What was not joined, and why not."""
        return _log_table(self.refused)


def _log_table(rows: Sequence[tuple[int, int, str, int, str | None]]) -> pa.Table:
    kinds = {"id": pa.int64(), "other_id": pa.int64(), "why": pa.string(), "source": pa.int64(), "refused": pa.string()}
    columns = zip(*rows, strict=True) if rows else [[] for _ in kinds]
    return pa.table({name: pa.array(column, kinds[name]) for name, column in zip(kinds, columns, strict=True)})


def _common(one: str, other: str) -> str | None:
    """The more special of two categories, None where neither is a kind of the other; the unknown one is above all."""
    if is_kind_of(one, other):
        return one
    return other if is_kind_of(other, one) else None


def _rows(connection: Any, sql: str) -> Iterator[tuple[Any, ...]]:
    for batch in stream(connection.cursor(), sql):
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _statements(connection: Any, sql: str) -> Iterator[_Statement]:
    """Statements between two numbers of concepts, the preferred end first, in the order in which they count."""
    for row in _rows(connection, _ORIENTED.format(sql)):
        yield _Statement(*row)


# Concepts that have a name. The place of its prefix says how much a concept is preferred.
_NAMED: Final = """
CREATE TABLE prefix AS SELECT * FROM prefixes;
CREATE TABLE named AS
    SELECT id, curie, prefix_place, category.category
    FROM concept JOIN category USING (id) JOIN prefix ON prefix = split_part(curie, ':', 1);
"""

# Retired identifiers; `id` where some file still names them.
_RETIRED: Final = """
CREATE TABLE retirement AS
    WITH said AS (
        SELECT target AS curie, link.id AS by_id, source FROM link JOIN named own ON own.id = link.id
        WHERE kind = 'alternative' AND target <> own.curie
    ), used AS (
        SELECT DISTINCT said.curie, said.source FROM said JOIN part_row ON part_row.curie = said.curie
        WHERE name IS NOT NULL AND spot >> 40 = said.source
    ), held AS (
        SELECT said.curie, by_id, min(said.source) AS source, bool_or(used.curie IS NOT NULL) AS used
        FROM said LEFT JOIN used ON used.curie = said.curie AND used.source = said.source GROUP BY said.curie, by_id
    )
    SELECT held.curie, named.id, by_id, source,
           CASE WHEN used THEN 'still-used' WHEN count(*) OVER (PARTITION BY held.curie) > 1 THEN 'ambiguous' END AS refused
    FROM held LEFT JOIN named ON named.curie = held.curie;
"""
_REPLACEMENTS: Final = "SELECT id, by_id, source FROM retirement WHERE id IS NOT NULL AND refused IS NULL ORDER BY ALL"

# Every identifier that stands for a concept now, retired ones too.
_CURRENT: Final = """
CREATE TABLE current AS
    SELECT named.id, named.curie, coalesce(into_id, named.id) AS now_id FROM named LEFT JOIN replaced USING (id)
    UNION ALL SELECT NULL, curie, coalesce(into_id, by_id) FROM retirement LEFT JOIN replaced ON replaced.id = by_id
    WHERE retirement.id IS NULL AND refused IS NULL;
"""
_EXACT: Final = """
    SELECT own.now_id AS a, target.now_id AS b, min(source) AS source
    FROM link JOIN current own ON own.id = link.id JOIN current target ON target.curie = link.target
    WHERE kind = 'exact' GROUP BY a, b
"""
_ORIENTED: Final = """
SELECT one.id, other.id, one.prefix_place, other.prefix_place, one.category, other.category, min(source)
FROM ({}) said JOIN named x ON x.id = a JOIN named y ON y.id = b
JOIN named one ON one.id = CASE WHEN (x.prefix_place, x.id) <= (y.prefix_place, y.id) THEN a ELSE b END
JOIN named other ON other.id = CASE WHEN one.id = a THEN b ELSE a END
WHERE a <> b GROUP BY ALL ORDER BY one.prefix_place, other.prefix_place, one.id, other.id
"""

# Cross-references between vocabularies; then those ends that have several into the vocabulary of the other end.
_XREFS: Final = """
CREATE TABLE xref AS
    SELECT now.id AS a, now.curie AS a_curie, far.id AS b, coalesce(far.curie, link.target) AS b_curie, min(source) AS source
    FROM link JOIN current own ON own.id = link.id JOIN named now ON now.id = own.now_id
    LEFT JOIN current target ON target.curie = link.target LEFT JOIN named far ON far.id = target.now_id
    WHERE kind = 'xref' AND split_part(now.curie, ':', 1) <> split_part(coalesce(far.curie, link.target), ':', 1)
    GROUP BY ALL;
CREATE TABLE crowded AS
    SELECT curie, prefix FROM (
        SELECT a_curie AS curie, b_curie AS far, split_part(b_curie, ':', 1) AS prefix FROM xref
        UNION SELECT b_curie, a_curie, split_part(a_curie, ':', 1) FROM xref
    ) GROUP BY curie, prefix HAVING count(*) > 1;
CREATE TABLE pair AS
    SELECT a, b, source, x.curie IS NOT NULL OR y.curie IS NOT NULL AS ambiguous
    FROM xref LEFT JOIN crowded x ON x.curie = a_curie AND x.prefix = split_part(b_curie, ':', 1)
    LEFT JOIN crowded y ON y.curie = b_curie AND y.prefix = split_part(a_curie, ':', 1) WHERE b IS NOT NULL;
"""
_ONE_TO_ONE: Final = "SELECT a, b, source FROM pair WHERE NOT ambiguous"

_OUTCOME: Final = """
CREATE TABLE member AS
    SELECT named.id, coalesce(into_id, named.id) AS into_id, coalesce(retired, false) AS retired
    FROM named LEFT JOIN merged USING (id);
CREATE TABLE renamed AS
    SELECT old.curie, new.curie AS into_curie
    FROM merged JOIN named old USING (id) JOIN named new ON new.id = into_id
    UNION ALL SELECT retirement.curie, new.curie FROM retirement JOIN member ON member.id = by_id
    JOIN named new ON new.id = into_id WHERE retirement.id IS NULL AND refused IS NULL;
CREATE TABLE merge_log AS
    SELECT old.curie, into_curie AS merged_into, other.curie AS other, why, source, refused
    FROM proofs JOIN named old USING (id) JOIN named other ON other.id = other_id JOIN renamed ON renamed.curie = old.curie
    UNION ALL SELECT old.curie, NULL, other.curie, why, source, refused
    FROM refusals JOIN named old USING (id) JOIN named other ON other.id = other_id
    UNION ALL SELECT retirement.curie, into_curie, heir.curie, 'alternative-id', source, refused
    FROM retirement JOIN named heir ON heir.id = by_id LEFT JOIN renamed ON renamed.curie = retirement.curie AND refused IS NULL
    WHERE retirement.id IS NULL OR refused IS NOT NULL;
"""

# Ambiguous ones are many, and join nothing, so they go from table to table. What was joined otherwise is no refusal.
_LOG_AMBIGUOUS: Final = """
INSERT INTO merge_log
    SELECT other.curie, NULL, one.curie, 'one-to-one-xref', min(source), 'ambiguous'
    FROM pair JOIN named x ON x.id = a JOIN named y ON y.id = b JOIN member p ON p.id = a JOIN member q ON q.id = b
    JOIN named one ON one.id = CASE WHEN (x.prefix_place, x.id) <= (y.prefix_place, y.id) THEN a ELSE b END
    JOIN named other ON other.id = CASE WHEN one.id = a THEN b ELSE a END
    WHERE ambiguous AND p.into_id <> q.into_id GROUP BY other.curie, one.curie;
"""
