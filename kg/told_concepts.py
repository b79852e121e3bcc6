"""The concepts that each bucket's passages name, and which of their names are another concept's too.

All that telling a bucket needs of the vocabulary, so that a synonym makes only those buckets stale that tell its concept.
Whether a name is ambiguous is a question to the whole vocabulary; by which names a concept may be told is one to the languages
(0.2 ms a concept), whose answer is taken from the rows of before where the vocabulary says the same of the concept.
Cost on 50,000 concepts, of which 1,800 are told: 1.2 s at first, 0.5 s after a change of the vocabulary, 0.2 s after one of claims.
Rejected: all ambiguous names for every bucket (a name that two concepts come to share would reach every bucket).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from kg.languages import Concept, Language
from kg.tables import TOLD_CONCEPTS
from pipeline.duck import connect, table_view
from pipeline.hashing import hash_fields

__all__ = ["ToldConcepts", "other_names"]

#: What the vocabulary says of a concept.
_GIVEN = TOLD_CONCEPTS.names[:-2]


def other_names(concept: Concept, languages: Sequence[Language]) -> list[str]:
    """Names beside the preferred one by which a concept may be told, in lower case, sorted."""
    found: set[str] = set()
    for language in languages:
        name = language.name_of(concept)
        if name is not None:
            others = (*language.other_names_of(concept, name), *language.also_called(concept, name))
            found.update(other.text.lower() for other in others)
    return sorted(found)


class ToldConcepts:
    """The rows of some buckets, and a fingerprint of each bucket's.

    Args:
        vocabulary: Parquet files of VOCABULARY.
        named: what the triples of these buckets, and what follows on them, name (`concept_buckets.named_in`).
        ambiguous: names, in lower case, that several concepts have (`concepts.ambiguous_names`).
        languages: those that are told in.
        before: Parquet files of TOLD_CONCEPTS that were made for the same languages.
    """

    def __init__(
        self,
        vocabulary: Sequence[str],
        named: pa.Table,
        ambiguous: Collection[str],
        languages: Sequence[Language],
        before: Sequence[str] = (),
    ) -> None:
        rows, known = _rows_of(vocabulary, named["curie"].unique(), before)
        said = rows["said"].to_pylist()
        given = zip(*(rows[name].to_pylist() for name in _GIVEN), strict=True)
        names = [
            known[hash_] if hash_ in known else other_names(Concept._make(row), languages)
            for hash_, row in zip(said, given, strict=True)
        ]
        shared = [[name for name in some if name in ambiguous] for some in names]
        lists = [pa.array(column, pa.list_(pa.string())) for column in (names, shared)]
        columns = [*(rows[name] for name in _GIVEN), *lists]
        self._rows = pa.table(columns, names=TOLD_CONCEPTS.names).cast(TOLD_CONCEPTS)
        hashes = [hash_fields(one, *some) for one, some in zip(said, shared, strict=True)]
        self._places: dict[int, list[int]] = {}
        places = pc.index_in(named["curie"], value_set=rows["curie"].combine_chunks())
        known_only = named.append_column("place", places).filter(pc.is_valid(places))
        ordered = known_only.sort_by([("bucket", "ascending"), ("place", "ascending")])
        for bucket, place in zip(ordered["bucket"].to_pylist(), ordered["place"].to_pylist(), strict=True):
            self._places.setdefault(bucket, []).append(place)
        #: A hash of the rows of each bucket that has any.
        self.fingerprints = {b: hash_fields(*(hashes[place] for place in some)) for b, some in self._places.items()}

    def rows(self, only: Collection[int]) -> Iterator[tuple[int, pa.RecordBatch]]:
        """Bucket and rows (TOLD_CONCEPTS, sorted by CURIE) of some buckets, ascending."""
        for bucket in sorted(set(only) & set(self._places)):
            for batch in self._rows.take(pa.array(self._places[bucket], pa.int64())).combine_chunks().to_batches():
                yield bucket, batch


def _rows_of(
    vocabulary: Sequence[str], curies: pa.ChunkedArray, before: Sequence[str]
) -> tuple[pa.Table, dict[str, list[str]]]:
    """What the vocabulary says of some concepts, sorted by CURIE, with a hash of each in `said`; by that hash, known names."""
    fields = ", ".join(_GIVEN)
    with connect() as connection:
        table_view(connection, "vocabulary", vocabulary, pa.schema([TOLD_CONCEPTS.field(name) for name in _GIVEN]))
        table_view(connection, "before", before, TOLD_CONCEPTS)
        connection.register("wanted", pa.table({"curie": curies}))
        rows = connection.sql(
            """SELECT *, md5(vocabulary::VARCHAR) AS said FROM vocabulary SEMI JOIN wanted USING (curie) ORDER BY curie"""
        ).to_arrow_table()
        known = connection.sql(
            f"""SELECT md5(given::VARCHAR) AS said, any_value(other_names)
                FROM (SELECT (SELECT x FROM (SELECT {fields}) x) AS given, other_names FROM before) GROUP BY said"""  # noqa: S608
        ).fetchall()
    return rows, dict(known)
