"""The pattern tier judged alone: its claims over gold mentions, as relations of the corpus."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from pipeline.claims import extract_evidence
from pipeline.parallel import Workers
from pipeline.relations.gold_mentions import gold_mentions, identifiers_of
from pipeline.relations.schemes import CLAIMED_AS

__all__ = ["pattern_relations"]


def pattern_relations(documents: Sequence[pa.RecordBatch]) -> set[tuple[str, str, str, str]]:
    """Relations (document, type, subject, object) that the trigger patterns affirm between gold mentions of documents [DOCUMENTS].

    A claim counts under the relation that `CLAIMED_AS` names for its predicate; one that is denied or hypothetical does not count.
    """
    found: set[tuple[str, str, str, str]] = set()
    columns = ("doc_id", "subject", "predicate", "object", "polarity", "hypothetical")
    for batch in extract_evidence(documents, gold_mentions(documents), Workers(1)):
        rows = zip(*(batch.column(name).to_pylist() for name in columns), strict=True)
        for doc_id, subjects, predicate, objects, polarity, hypothetical in rows:
            relation = CLAIMED_AS.get(predicate)
            if relation and polarity and not hypothetical:
                found.update(
                    (doc_id, relation, subject, object_)
                    for subject in identifiers_of(subjects)
                    for object_ in identifiers_of(objects)
                )
    return found
