"""What is said of concepts, as columns of IRIs: one row a statement, before it becomes a line of the graph.

Links have an IRI as their object, labels an English text. Arrow puts them together in a few thousandths of a second a bucket;
as SQL they were nine joins, whose planning cost ten times that.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.curies import expand
from pipeline.duck import one_array

__all__ = ["Iris", "label_statements", "link_statements"]

#: SKOS forbids an altLabel that equals the prefLabel. Only exact synonyms are other names of the same thing.
_SYNONYMS: Final = {
    "exact": "skos:altLabel",
    "broad": "oboInOwl:hasBroadSynonym",
    "narrow": "oboInOwl:hasNarrowSynonym",
    "related": "oboInOwl:hasRelatedSynonym",
}
#: An IRI in angle brackets; of a column each distinct one is held once.
_IRI: Final = pa.dictionary(pa.int32(), pa.string())


class Iris:
    """IRIs of columns of CURIEs; each distinct CURIE is expanded once, whatever the columns."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def __call__(self, curies: pa.Array) -> pa.DictionaryArray:
        """The IRI of each CURIE; null where it is null."""
        encoded = curies.dictionary_encode()
        names = encoded.dictionary.to_pylist()
        for name in names:
            if name not in self._known:
                self._known[name] = f"<{expand(name)}>"
        iris = pa.array([self._known[name] for name in names], pa.string())
        return pa.DictionaryArray.from_arrays(encoded.indices, iris)

    def of_lists(self, curies: pa.ListArray) -> pa.ListArray:
        """The IRIs of lists of CURIEs; an empty list where there is none."""
        lengths = pc.fill_null(pc.list_value_length(curies), 0).to_numpy(zero_copy_only=False)
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
        return pa.ListArray.from_arrays(pa.array(offsets), self(curies.flatten()))


def link_statements(concepts: pa.Table, buckets: pa.Array, iris: Iris) -> pa.Table:
    """Classes, superclasses, cross-references and SKOS matches of concepts (VOCABULARY): bucket, and subject, predicate, object as IRIs.

    Args:
        buckets: the bucket of each concept (int32).
    """
    concepts = concepts.combine_chunks()
    subjects = iris(one_array(concepts["curie"]))
    pieces = [(buckets, subjects, _constant("rdf:type", len(subjects)), iris(one_array(concepts["category"])))]
    for column, predicate in {"parents": "rdfs:subClassOf", "xrefs": "oboInOwl:hasDbXref"}.items():
        of, others = _unnested(concepts, column)
        pieces.append((buckets.take(of), subjects.take(of), _constant(predicate, len(of)), iris(others)))
    # Concepts of other vocabularies, by SKOS's mapping properties: `exact` is skos:exactMatch.
    of, matches = _unnested(concepts, "matches")
    properties = pc.binary_join_element_wise(f"<{expand('skos:')}", matches.field("predicate"), "Match>", "")
    pieces.append((buckets.take(of), subjects.take(of), properties.dictionary_encode(), iris(matches.field("curie"))))
    return _table(pieces, _IRI)


def label_statements(concepts: pa.Table, buckets: pa.Array, iris: Iris) -> pa.Table:
    """Names, synonyms and definitions of concepts (VOCABULARY): as `link_statements`, with the text as `object`."""
    concepts = concepts.combine_chunks()
    subjects, names = iris(one_array(concepts["curie"])), one_array(concepts["name"])
    pieces = [(buckets, subjects, _constant("skos:prefLabel", len(subjects)), names)]
    definitions = one_array(concepts["definition"])
    pieces.append((buckets, subjects, _constant("skos:definition", len(subjects)), definitions))
    of, synonyms = _unnested(concepts, "synonyms")
    for scope, predicate in _SYNONYMS.items():
        wanted = pc.and_(pc.equal(synonyms.field("scope"), scope), pc.not_equal(synonyms.field("name"), names.take(of)))
        found, texts = of.filter(wanted), synonyms.field("name").filter(wanted)
        pieces.append((buckets.take(found), subjects.take(found), _constant(predicate, len(found)), texts))
    return _table(pieces, pa.string())


def _constant(predicate: str, length: int) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(length, np.int32)), [f"<{expand(predicate)}>"])


def _unnested(table: pa.Table, column: str) -> tuple[pa.Array, pa.Array]:
    """The items of a column of lists, and the row of each."""
    lists = one_array(table[column])
    return pc.list_parent_indices(lists), lists.flatten()


def _table(pieces: list[tuple[pa.Array, ...]], kind: pa.DataType) -> pa.Table:
    schema = pa.schema([("bucket", pa.int32()), ("subject", _IRI), ("predicate", _IRI), ("object", kind)])
    columns = [
        pa.chunked_array(list(chunks), field.type)
        for field, chunks in zip(schema, zip(*pieces, strict=True), strict=True)
    ]
    statements = pa.table(columns, schema=schema)
    return statements.filter(pc.is_valid(statements["object"]))
