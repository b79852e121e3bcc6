"""The claims that a gold corpus can judge: all that could be made of its documents, what extractors say of them, and which hold.

What could be made of a document is every pair of its entities whose types the corpus relates, with every predicate that its relations
stand for. A claim holds where the corpus has such a relation between the two; all others count as false, as annotators were asked to
mark every relation. The evidence is what a build would write of the same mentions, row for row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, product
from typing import Any

import pyarrow as pa

from pipeline.claims import MentionedDocument, documents_with_mentions, evidence_rows
from pipeline.duck import connect
from pipeline.errors import MateriaError
from pipeline.gold_corpus import GoldCorpus
from pipeline.hashing import hash_fields
from pipeline.relations.evaluation import gold_relations
from pipeline.relations.gold_mentions import gold_mentions, identifiers_of
from pipeline.relations.model import Classifier
from pipeline.relations.pairs import Scheme, pairs_of
from pipeline.relations.prediction import mentioned_reading
from pipeline.relations.schemes import MEANINGS
from pipeline.tables import EVIDENCE

__all__ = ["CANDIDATES", "GoldClaims", "gold_claims"]

#: A claim that could be made of a document. `claim` numbers them, from 0.
CANDIDATES = pa.schema(
    [
        ("claim", pa.int64()),
        ("doc_id", pa.string()),
        ("subject", pa.string()),
        ("predicate", pa.string()),
        ("object", pa.string()),
        ("true", pa.bool_()),
    ]
)


#: A pair of identifiers by both its orders.
_Pairs = dict[tuple[str, str], tuple[str, str]]
#: A predicate and two ends, the smaller first.
_Held = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class GoldClaims:
    """Claims of documents with the evidence for and against them.

    Attributes:
        candidates: [CANDIDATES], by document and pair.
        evidence: [EVIDENCE] about the pairs of candidates. `subject` is the document, a space and the subject, so that fusion keeps
            documents apart. A mention that stands for several concepts has a row for each. Ends are compared without their order, as
            evaluation does: which of the two is the subject follows from their types, or is not said.
        documents: how many documents there are, those without candidates too.
        missed: relations of the gold that are no candidates, as one of their ends is not mentioned.
    """

    candidates: pa.Table
    evidence: pa.Table
    documents: int
    missed: int

    def said(self, *, polarity: bool = True) -> pa.Table:
        """Who affirms (or denies) which candidate.

        Returns:
            claim, extractor, figure (its best probability x certainty), subject, predicate, object, true; by claim and extractor.
        """
        with connect(threads=1) as connection:
            connection.register("candidates", self.candidates)
            connection.register("evidence", self.evidence)
            return connection.sql(
                f"""SELECT c.claim, e.extractor, max(e.probability * e.certainty) AS figure,
                          any_value(c.subject) AS subject, any_value(c.predicate) AS predicate,
                          any_value(c.object) AS object, any_value(c."true") AS "true"
                   FROM candidates c JOIN evidence e
                   ON e.subject = c.doc_id || ' ' || c.subject AND e.predicate = c.predicate AND e.object = c.object
                   WHERE e.polarity = {polarity} GROUP BY c.claim, e.extractor ORDER BY c.claim, e.extractor"""  # noqa: S608
            ).to_arrow_table()


def gold_claims(
    corpus: GoldCorpus,
    scheme: Scheme,
    classifier_of: Callable[[str], Classifier | None],
    *,
    mentions: Iterable[pa.RecordBatch] | None = None,
) -> GoldClaims:
    """All claims of a corpus.

    Args:
        corpus: with relations between identifiers.
        scheme: which types are related, and by what.
        classifier_of: the classifier that reads a document, beside the patterns.
        mentions: [MENTIONS] of the documents, in their order; the annotations where not given.

    Raises:
        MateriaError: the corpus relates single mentions, which are no concepts that a graph could hold.
    """
    if scheme.level == "mention":
        raise MateriaError(
            "These corpora relate single mentions without identifiers, and a graph holds claims about concepts",
            remedy="Calibrate on a corpus that relates identifiers: BC5CDR or BioRED",
        )
    held = _relations(corpus)
    found = documents_with_mentions(corpus.documents, gold_mentions(corpus.documents) if mentions is None else mentions)
    candidates: list[dict[str, Any]] = []
    evidence: list[dict[str, Any]] = []
    for _, group in groupby(found, key=lambda document: id(classifier_of(document[0][0]))):
        documents = list(group)
        pairs = {document[0][0]: _pairs(document, scheme) for document in documents}
        candidates += _candidates(pairs, held, scheme)
        classifier = classifier_of(documents[0][0][0])
        evidence += _about([row for document in documents for row in evidence_rows(document, classifier)], pairs)
    table = pa.Table.from_pylist([{"claim": n, **row} for n, row in enumerate(candidates)], schema=CANDIDATES)
    missed = sum(map(len, held.values())) - sum(row["true"] for row in candidates)
    return GoldClaims(table, pa.Table.from_pylist(evidence, schema=EVIDENCE), len(corpus.doc_ids), missed)


def _predicate(relation: str) -> str:
    return MEANINGS[relation].predicate if relation in MEANINGS else "biolink:related_to"


def _relations(corpus: GoldCorpus) -> dict[str, set[_Held]]:
    """The claims that hold, by document: predicate and the two ends without their order."""
    held: dict[str, set[_Held]] = {}
    for doc_id, kind, *ends in gold_relations(corpus):
        a, b = sorted(ends)
        held.setdefault(doc_id, set()).add((_predicate(kind), a, b))
    return held


def _pairs(document: MentionedDocument, scheme: Scheme) -> _Pairs:
    """The pairs of a document's entities whose types are related, by both orders of their ends."""
    _, text, _, mentions = document
    reading = mentioned_reading(text, mentions, scheme)
    found: _Pairs = {}
    if reading is None:
        return found
    for a, b in pairs_of(reading, scheme):
        one, other = reading.entities[a].key, reading.entities[b].key
        if one != other:
            found[one, other] = found[other, one] = (one, other)
    return found


def _candidates(pairs: dict[str, _Pairs], held: dict[str, set[_Held]], scheme: Scheme) -> Iterator[dict[str, Any]]:
    predicates = sorted({_predicate(label) for label in scheme.labels})
    for doc_id, found in pairs.items():
        for subject, object_ in sorted(set(found.values())):
            a, b = sorted((subject, object_))
            for predicate in predicates:
                true = (predicate, a, b) in held.get(doc_id, ())
                yield {"doc_id": doc_id, "subject": subject, "predicate": predicate, "object": object_, "true": true}


def _about(rows: Sequence[dict[str, Any]], pairs: dict[str, _Pairs]) -> Iterator[dict[str, Any]]:
    """The rows about candidates, one for each pair of identifiers, with ids of their own."""
    for row in rows:
        for ends in product(identifiers_of(row["subject"]), identifiers_of(row["object"])):
            pair = pairs[row["doc_id"]].get(ends)
            if pair is not None:
                name = hash_fields(row["evidence_id"], *ends)
                yield {**row, "evidence_id": name, "subject": f"{row['doc_id']} {pair[0]}", "object": pair[1]}
