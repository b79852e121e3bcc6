"""The concepts that each bucket's passages name, and which of their names are another concept's too.

All that telling a bucket needs of the vocabulary. Of its own concepts, the subjects of its triples, a bucket has all that is said about an
entity. Of a concept that its triples only name it has what naming rests on: most synonyms stand in no sentence about something
else (`Language.synonyms_that_count`), and a new one of these reaches one bucket, where it would reach 28 of 64 for a disease that
many papers name.

By which names a concept may be told is a question to the languages (0.2 ms a concept), which of them are another's too is one to the
whole vocabulary. Both answers are kept (TOLD_NAMES), the first with a hash of what the vocabulary said. Rejected: all ambiguous names
for every bucket (a name that two concepts come to share would reach every bucket).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from kg.concepts import ambiguous_among
from kg.languages import Concept, Language
from kg.tables import TOLD_CONCEPTS
from pipeline.duck import one_batch, table_view
from pipeline.hashing import bucket_of, hash_fields
from pipeline.tables import VOCABULARY, table_schema

__all__ = ["TOLD_NAMES", "ToldConcepts", "other_names"]

_TEXT, _TEXTS = pa.string(), pa.list_(pa.string())
TOLD_NAMES: Final = table_schema(
    "told_names",
    1,
    {
        "curie": (_TEXT, "a concept that is told; sorted"),
        "said": (_TEXT, "hash of what the vocabulary says of it"),
        "lean": (_TEXT, "hash of the part of it that counts where the concept is only named"),
        "synonyms": (_TEXTS, "its synonyms that count there"),
        "other_names": (_TEXTS, "names beside the preferred one by which it could be told, in lower case; sorted"),
        "instead": (_TEXTS, "those of them that may stand in place of the preferred one"),
        "ambiguous": (_TEXTS, "those of the other names that other concepts have too"),
    },
)

#: What the vocabulary says of a concept.
_GIVEN = TOLD_CONCEPTS.names[:-2]


class _Names(NamedTuple):
    """A row of TOLD_NAMES, less its concept."""

    said: str
    lean: str
    synonyms: list[str]
    other_names: list[str]
    instead: list[str]
    ambiguous: list[str]


def other_names(concept: Concept, languages: Sequence[Language]) -> list[str]:
    """Names beside the preferred one by which a concept may be told, in lower case, sorted."""
    return _other_names(concept, languages)[0]


def _other_names(concept: Concept, languages: Sequence[Language]) -> tuple[list[str], list[str]]:
    """All of them, and those that may stand in place of the preferred one."""
    every: set[str] = set()
    instead: set[str] = set()
    for language in languages:
        name = language.name_of(concept)
        if name is not None:
            instead.update(other.text.lower() for other in language.other_names_of(concept, name))
            every.update(other.text.lower() for other in language.also_called(concept, name))
    return sorted(every | instead), sorted(instead)


class ToldConcepts:
    """The rows of some buckets, and a fingerprint of each bucket's.

    Args:
        connection: as `pipeline.duck.connect` gives it; a view is made in it.
        vocabulary: Parquet files of VOCABULARY.
        named: what the triples of these buckets, and what follows on them, name (`concept_buckets.named_in`).
        buckets: number of buckets of the home.
        languages: those that are told in.
        known: TOLD_NAMES that were made for the same languages.
        same_vocabulary: whether they were made of this vocabulary.

    Attributes:
        asked: TOLD_NAMES of the concepts that were looked up in the vocabulary; those of the others that are named stand in `known`.
        fingerprints: a hash of the rows of each bucket that has any.
    """

    def __init__(
        self,
        connection: Any,
        vocabulary: Sequence[str],
        named: pa.Table,
        buckets: int,
        languages: Sequence[Language],
        *,
        known: pa.Table,
        same_vocabulary: bool = False,
    ) -> None:
        self._connection = connection
        table_view(connection, "vocabulary", vocabulary, VOCABULARY)
        curies = named["curie"].unique()
        before = _by_curie(known.filter(pc.is_in(known["curie"], curies)))
        kept = before if same_vocabulary else {}
        found = self._ask(sorted({*curies.to_pylist()} - kept.keys()), languages, before)
        self.asked = _table(found)
        self._names = kept | found
        #: Of each bucket the concepts, in order, and whether they are its own.
        self._named: dict[int, list[tuple[str, bool]]] = {}
        homes = {curie: bucket_of(curie, buckets) for curie in self._names}
        for bucket, curie in sorted(zip(named["bucket"].to_pylist(), named["curie"].to_pylist(), strict=True)):
            if curie in homes:
                self._named.setdefault(bucket, []).append((curie, homes[curie] == bucket))
        whole = {curie: hash_fields(one.said, *one.ambiguous) for curie, one in self._names.items()}
        lean = {curie: hash_fields(one.lean, *_both(one.instead, one.ambiguous)) for curie, one in self._names.items()}
        self.fingerprints = {
            bucket: hash_fields(*(whole[curie] if own else lean[curie] for curie, own in some))
            for bucket, some in self._named.items()
        }

    def rows(self, only: Collection[int]) -> Iterator[tuple[int, pa.RecordBatch]]:
        """Bucket and rows (TOLD_CONCEPTS, sorted by CURIE) of some buckets, ascending."""
        wanted = sorted({curie for bucket in only for curie, _ in self._named.get(bucket, [])})
        given = _said(self._connection, wanted).select(_GIVEN)
        names = [self._names[curie] for curie in given["curie"].to_pylist()]
        whole = _told(given, [(one.other_names, one.ambiguous) for one in names])
        lean = _told(_lean(given, names), [(one.instead, _both(one.instead, one.ambiguous)) for one in names])
        both, places = pa.concat_tables([whole, lean]), {curie: place for place, curie in enumerate(wanted)}
        for bucket in sorted(set(only) & self._named.keys()):
            chosen = [places[curie] + (0 if own else len(wanted)) for curie, own in self._named[bucket]]
            yield bucket, one_batch(both.take(pa.array(chosen, pa.int64())))

    def _ask(
        self, curies: Sequence[str], languages: Sequence[Language], before: Mapping[str, _Names]
    ) -> dict[str, _Names]:
        """What is told of some concepts, those that the vocabulary has; by which names is asked where it says something new of one."""
        if not curies:
            return {}
        rows = _said(self._connection, curies)
        found: dict[str, _Names] = {}
        for said, *given in zip(rows["said"].to_pylist(), *(rows[name].to_pylist() for name in _GIVEN), strict=True):
            concept = Concept._make(given)
            known = before.get(concept.curie)
            found[concept.curie] = known if known and known.said == said else _names_of(concept, said, languages)
        shared = ambiguous_among(self._connection, {name for one in found.values() for name in one.other_names})
        return {
            curie: one._replace(ambiguous=[name for name in one.other_names if name in shared])
            for curie, one in found.items()
        }


def _names_of(concept: Concept, said: str, languages: Sequence[Language]) -> _Names:
    counting = {name for language in languages for name in language.synonyms_that_count(concept)}
    synonyms = [synonym for synonym in concept.synonyms or () if synonym["name"] in counting]
    lean = json.dumps([concept.curie, concept.name, concept.category, synonyms, concept.translations], sort_keys=True)
    kept = sorted({synonym["name"] for synonym in synonyms})
    return _Names(said, hash_fields(lean), kept, *_other_names(concept, languages), [])


def _said(connection: Any, curies: Sequence[str]) -> pa.Table:
    """What the vocabulary says of some concepts, sorted by CURIE, with a hash of each in `said`."""
    connection.register("wanted", pa.table({"curie": pa.array(curies, _TEXT)}))
    given = ", ".join(_GIVEN)
    return connection.sql(
        f"""SELECT *, md5(given::VARCHAR) AS said FROM (SELECT {given} FROM vocabulary) given
            SEMI JOIN wanted USING (curie) ORDER BY curie"""  # noqa: S608
    ).to_arrow_table()


def _lean(given: pa.Table, names: Sequence[_Names]) -> pa.Table:
    """The rows with the synonyms alone that count for naming, and without definitions."""
    kept = [
        [synonym for synonym in synonyms or () if synonym["name"] in one.synonyms] or None if one.synonyms else None
        for synonyms, one in zip(given["synonyms"].to_pylist(), names, strict=True)
    ]
    columns = {name: given[name] for name in _GIVEN}
    columns["synonyms"] = pa.array(kept, TOLD_CONCEPTS.field("synonyms").type)
    columns["definition"] = pa.nulls(given.num_rows, TOLD_CONCEPTS.field("definition").type)
    return pa.table(columns)


def _told(given: pa.Table, names: Sequence[tuple[list[str], list[str]]]) -> pa.Table:
    """Rows of TOLD_CONCEPTS from what the vocabulary says, and their other and ambiguous names."""
    lists = [pa.array([pair[place] for pair in names], _TEXTS) for place in (0, 1)]
    return pa.table([*given.columns, *lists], names=TOLD_CONCEPTS.names).cast(TOLD_CONCEPTS)


def _both(some: Sequence[str], others: Collection[str]) -> list[str]:
    return [name for name in some if name in others]


def _by_curie(names: pa.Table) -> dict[str, _Names]:
    columns = [names[name].to_pylist() for name in TOLD_NAMES.names]
    return {curie: _Names(*row) for curie, *row in zip(*columns, strict=True)}


def _table(names: Mapping[str, _Names]) -> pa.Table:
    rows = [(curie, *one) for curie, one in sorted(names.items())]
    columns = zip(*rows, strict=True) if rows else [()] * len(TOLD_NAMES)
    return pa.table(
        [pa.array(column, field.type) for column, field in zip(columns, TOLD_NAMES, strict=True)], schema=TOLD_NAMES
    )
