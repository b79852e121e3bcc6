"""From words to claims: names to concepts, words to a predicate, and the claims of a graph that fit.

Nothing is guessed. A name that several concepts share is refused with the list of them; one that none has, with the names most
like it. Cost: one pass over the columns of names, a fraction of a second for a million concepts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Final, Literal

import pyarrow as pa
from upath import UPath

from kg.claims import triple_id
from kg.concepts import concepts_named
from kg.tables import TRIPLES
from pipeline.biolink_predicates import PREDICATES
from pipeline.duck import connect, table_view
from pipeline.errors import MateriaError
from pipeline.hashing import bucket_name, bucket_of
from pipeline.storage import Dataset
from pipeline.tables import VOCABULARY, VOCABULARY_MERGES

__all__ = ["Concept", "claims_like", "find_concept", "find_predicate", "names_of"]

_CURIE: Final = re.compile(r"[A-Za-z][\w.-]*:\S+")
_SHOWN: Final = 10


@dataclass(frozen=True)
class Concept:
    """A concept and how it was found: by identifier, preferred name, exact synonym, inexact synonym or merged identifier.

    `others` have the name too, but no claim of the graph.
    """

    curie: str
    name: str | None
    category: str | None
    found_by: str
    others: tuple[str, ...] = ()


def find_concept(home: UPath | Path | str, words: str, role: Literal["subject", "object"], buckets: int) -> Concept:
    """The one concept with this CURIE or name.

    A CURIE that the vocabulary does not have is taken as it is, since graphs name such concepts too; one that was joined
    into another leads there. A name is compared without regard to case: preferred names and exact synonyms first, inexact
    synonyms (broad, narrow, related) where there is none. Of several concepts, those count that the graph has claims of.

    Args:
        home: where the build lives.
        words: what the user wrote.
        role: the end of a claim that the concept is looked for at.
        buckets: number of buckets of the home.

    Raises:
        MateriaError: no concept has this name, or several have.
    """
    vocabulary, merges = Dataset(home, "vocabulary").paths(), Dataset(home, "vocabulary_merges").paths()
    with connect(threads=1) as connection:
        table_view(connection, "vocabulary", vocabulary, VOCABULARY)
        table_view(connection, "merges", merges, VOCABULARY_MERGES)
        if _CURIE.fullmatch(words):
            rows = connection.execute(_BY_CURIE, {"words": words}).fetchall()
            return Concept(*rows[0]) if rows else Concept(words, None, None, "identifier")
        found = connection.execute(_BY_NAME, {"words": " ".join(words.split())}).fetchall()
        if not found:
            like = [name for (name,) in connection.execute(_LIKE, {"words": words}).fetchall()]
            hint = f"Did you mean {', '.join(like)}? A CURIE (MESH:D008687) serves too" if like else "Give a CURIE"
            raise MateriaError("no concept of the vocabulary has this name", file=words, remedy=hint)
    exact = [row for row in found if row[3] != "inexact synonym"] or found
    if len(exact) == 1:
        return Concept(*exact[0])
    claims = _claims_of(home, role, [row[0] for row in exact], buckets)
    told = [row for row in exact if row[0] in claims]
    if len(told) == 1:
        others = tuple(f"{curie} {name}" for curie, name, _, _ in exact if curie not in claims)
        return replace(Concept(*told[0]), others=others)
    listed = "; ".join(
        f"{curie} {name} ({_plain(category)}, {claims.get(curie, 0):,} claims)"
        for curie, name, category, _ in exact[:_SHOWN]
    )
    more = f"; and {len(exact) - _SHOWN} more" if len(exact) > _SHOWN else ""
    raise MateriaError(
        f"is a name of {len(exact)} concepts: {listed}{more}", file=words, remedy="Give the CURIE of one of them"
    )


def _claims_of(home: UPath | Path | str, role: str, curies: list[str], buckets: int) -> dict[str, int]:
    """How many claims the graph has of each of these subjects or objects."""
    keys = {bucket_name(bucket_of(curie, buckets), buckets) for curie in curies}
    dataset = Dataset(home, "triples")
    paths = dataset.paths_of(sorted(keys if role == "subject" else dataset.manifests()))
    with connect(threads=1) as connection:
        table_view(connection, "triples", paths, TRIPLES)
        counted = f"SELECT {role}, count(*) FROM triples WHERE list_contains($curies, {role}) GROUP BY {role}"  # noqa: S608
        return dict(connection.execute(counted, {"curies": curies}).fetchall())


#: Two steps at most: identifiers are joined into concepts, never into what is joined itself.
_BY_CURIE: Final = """
    SELECT v.curie, v.name, v.category, 'identifier' FROM vocabulary v WHERE v.curie = $words
    UNION ALL
    SELECT v.curie, v.name, v.category, 'merged identifier' FROM merges m JOIN vocabulary v ON v.curie = m.merged_into
    WHERE m.curie = $words AND m.merged_into IS NOT NULL
    ORDER BY 4
"""
_BY_NAME: Final = """
    WITH concepts AS (
        SELECT curie, name, category, lower($words) AS wanted, lower(name) = wanted AS preferred,
               list_filter(coalesce(synonyms, []), lambda s: lower(s.name) = wanted) AS called,
               list_filter(coalesce(translations, []), lambda s: lower(s.name) = wanted) AS translated
        FROM vocabulary
    )
    SELECT curie, name, category,
           CASE WHEN preferred THEN 'preferred name'
                WHEN len(list_filter(called, lambda s: s.scope = 'exact')) + len(translated) > 0 THEN 'exact synonym'
                ELSE 'inexact synonym' END AS found_by
    FROM concepts WHERE preferred OR len(called) + len(translated) > 0
    ORDER BY CASE found_by WHEN 'preferred name' THEN 1 WHEN 'exact synonym' THEN 2 ELSE 3 END, curie
"""
_LIKE: Final = """
    SELECT DISTINCT name FROM (
        SELECT name, jaro_winkler_similarity(lower(name), lower($words)) AS likeness FROM vocabulary
        WHERE likeness > 0.85 ORDER BY likeness DESC, name LIMIT 3
    ) ORDER BY name
"""


def find_predicate(words: str) -> str:
    """A Biolink predicate as a CURIE, from its name in any case, with or without prefix, with underscores or spaces.

    Raises:
        MateriaError: Biolink has no such predicate.
    """
    name = "_".join(words.lower().removeprefix("biolink:").split())
    if (curie := f"biolink:{name}") in PREDICATES:
        return curie
    like = get_close_matches(name, [known.removeprefix("biolink:") for known in PREDICATES], n=3)
    hint = f"Did you mean {', '.join(like)}" if like else "Name one of Biolink's predicates (treats, causes, affects)"
    raise MateriaError("is no predicate of Biolink", file=words, remedy=hint + ", or * for any")


def claims_like(
    home: UPath | Path | str,
    buckets: int,
    subject: str | None = None,
    predicate: str | None = None,
    object_: str | None = None,
    *,
    limit: int | None = None,
) -> tuple[pa.Table, int]:
    """The claims with these ends and this predicate (None: any), and how many there are in all.

    Returns:
        TRIPLES, the most believed first.
    """
    dataset = Dataset(home, "triples")
    keys = [bucket_name(bucket_of(subject, buckets), buckets)] if subject else list(dataset.manifests())
    ends = {"subject": subject, "predicate": predicate, "object": object_}
    given = {column: value for column, value in ends.items() if value is not None}
    if subject and predicate and object_:
        given["triple_id"] = triple_id(subject, predicate, object_)  # the column that the rows are sorted by
    condition = " AND ".join(f"{column} = ${column}" for column in given) or "true"
    paths = dataset.paths_of(keys)
    with connect(threads=1) as connection:
        table_view(connection, "triples", paths, TRIPLES)
        connection.execute(f"CREATE TABLE found AS SELECT * FROM triples WHERE {condition}", given)  # noqa: S608
        ((total,),) = connection.execute("SELECT count(*) FROM found").fetchall()
        order = "ORDER BY belief DESC, supporting_documents DESC, triple_id"
        rows = connection.sql(f"SELECT * FROM found {order} LIMIT {total if limit is None else limit}")  # noqa: S608
        return rows.to_arrow_table(), total


def names_of(home: UPath | Path | str, curies: Iterable[str]) -> dict[str, str]:
    """Preferred names of those concepts that the vocabulary has."""
    found = concepts_named(Dataset(home, "vocabulary").paths(), curies) if curies else VOCABULARY.empty_table()
    return dict(zip(found["curie"].to_pylist(), found["name"].to_pylist(), strict=True))


def _plain(curie: str) -> str:
    return curie.removeprefix("biolink:")
