"""The tables of this floor: fused claims, and the passages made from them."""

from __future__ import annotations

import pyarrow as pa

from pipeline.tables import MENTION_IN_PASSAGE, SENTENCE, table_schema

__all__ = ["PASSAGES", "TRIPLES", "WITHHELD_CLAIMS"]

_TEXT, _TEXTS, _INT, _FLOAT, _FLAG = pa.string(), pa.list_(pa.string()), pa.int32(), pa.float64(), pa.bool_()
_RELATION = pa.struct([("subject", _INT), ("predicate", _TEXT), ("object", _INT), ("source", _TEXT)])

TRIPLES = table_schema(
    "triples",
    2,
    {
        "triple_id": (_TEXT, "SHA-256 of subject, predicate and object; one row each, sorted"),
        "subject": (_TEXT, "CURIE of the subject"),
        "subject_category": (_TEXT, "Biolink class of the subject"),
        "predicate": (_TEXT, "Biolink predicate, as a CURIE"),
        "object": (_TEXT, "CURIE of the object"),
        "object_category": (_TEXT, "Biolink class of the object"),
        "belief": (_FLOAT, "support x (1 - contradiction), in [0, 1], rounded to 6 decimals"),
        "support": (_FLOAT, "belief from the evidence for it alone"),
        "contradiction": (_FLOAT, "belief from the evidence against it alone"),
        "contested": (_FLAG, "support and contradiction are both at least 0.5"),
        "supporting_evidence": (_INT, "number of evidence rows for"),
        "contradicting_evidence": (_INT, "number of evidence rows against"),
        "supporting_documents": (_INT, "number of documents with evidence for"),
        "contradicting_documents": (_INT, "number of documents with evidence against"),
        "evidence_ids": (_TEXTS, "evidence for and against, sorted"),
        "doc_ids": (_TEXTS, "documents behind that evidence, sorted"),
        "extractors": (_TEXTS, "extractors behind that evidence, sorted"),
        "split": (_TEXT, "train, validation or test: by hash of the unordered entity pair"),
        "direction": (
            _TEXT,
            "of biolink:affects: increased or decreased, whichever is supported more; null where not said or undecided",
        ),
    },
)

WITHHELD_CLAIMS = table_schema(
    "withheld_claims",
    1,
    {
        "triple_id": (_TEXT, "a training claim that no training passage may make; one row each, sorted"),
        "entails": (_TEXT, "the held-out claim that it entails through is_a, the first of several by id"),
    },
)

PASSAGES = table_schema(
    "passages",
    1,
    {
        "passage_id": (
            _TEXT,
            "SHA-256 of kind, sources and text; one row each: verbalized ones by id, literature in the order of papers",
        ),
        "kind": (_TEXT, "literature or verbalized"),
        "language": (_TEXT, "ISO 639-1 code"),
        "text": (_TEXT, "the passage"),
        "sentences": (pa.list_(SENTENCE), "[start, end) of each sentence of the passage, in order"),
        "spans": (
            pa.list_(MENTION_IN_PASSAGE),
            "[start, end), CURIE and Biolink class of each linked entity, in order",
        ),
        "relations": (
            pa.list_(_RELATION),
            "claims inside the passage: indexes of two spans, the predicate, and the id of the "
            "evidence (literature) or triple (verbalized) that says so",
        ),
        "triple_ids": (_TEXTS, "triples the passage states (verbalized) or supports (literature), sorted"),
        "evidence_ids": (
            _TEXTS,
            "evidence behind those triples (verbalized) or inside the passage (literature), sorted",
        ),
        "doc_ids": (_TEXTS, "documents behind the passage, sorted"),
        "belief": (_FLOAT, "belief of the least believed triple told; null for literature"),
        "split": (_TEXT, "train, validation or test"),
    },
)
