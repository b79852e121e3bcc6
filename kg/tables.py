"""The tables of this floor: fused claims, the passages made from them, and the corpus that is chosen from these."""

from __future__ import annotations

import pyarrow as pa

from pipeline.tables import MENTION_IN_PASSAGE, SENTENCE, VOCABULARY, describe, table_schema

__all__ = [
    "CONCEPTS_BY_BUCKET",
    "CONTEXT",
    "CORPUS_PASSAGES",
    "MIXTURE",
    "PASSAGES",
    "REWRITES",
    "SELECTION",
    "TOLD_CONCEPTS",
    "TRIPLES",
    "VERDICTS",
    "WITHHELD_CLAIMS",
]

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

#: What is told of a triple.
_FACT = pa.struct(
    [
        TRIPLES.field(name)
        for name in (
            "triple_id", "subject", "subject_category", "predicate", "object", "object_category", "belief", "support",
            "contradiction", "contested", "evidence_ids", "doc_ids", "split", "direction",
        )
    ]
)  # fmt: skip
_QUOTATION = pa.struct(
    [
        ("evidence_id", _TEXT),
        ("doc_id", _TEXT),
        ("language", _TEXT),
        ("sentence", _TEXT),
        ("mentions", pa.list_(MENTION_IN_PASSAGE)),
    ]
)

CONTEXT = table_schema(
    "triple_context",
    1,
    {
        "triple_id": (_TEXT, "a triple of the bucket; at most two rows each, sorted"),
        "onward": (
            _FACT,
            "a triple whose subject is the object of this one, as in triples; null in a row with a quotation",
        ),
        "quotation": (
            _QUOTATION,
            "a sentence that says the triple: its evidence, document, language, text, and linked mentions, in order of their "
            "start; null in a row with a triple",
        ),
    },
)


def _of_vocabulary(*names: str) -> dict[str, tuple[pa.DataType, str]]:
    columns = {column: (VOCABULARY.field(column).type, text) for column, _, text in describe(VOCABULARY)}
    return {name: columns[name] for name in names}


CONCEPTS_BY_BUCKET = table_schema(
    "concepts_by_bucket",
    1,
    {
        **_of_vocabulary(*VOCABULARY.names),
        "own": (
            _FLAG,
            "whether the concept is of this bucket; else claims name it, and only its CURIE, name and class are here",
        ),
    },
)

TOLD_CONCEPTS = table_schema(
    "told_concepts",
    2,
    {
        **_of_vocabulary("curie", "name", "category", "synonyms", "definition", "translations"),
        "other_names": (
            _TEXTS,
            "names beside the preferred one by which it could be told there, in lower case; sorted",
        ),
        "ambiguous": (_TEXTS, "those of them that other concepts have too"),
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
    2,
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
        "form": (
            _TEXT,
            "how it tells: fact (one triple), paragraph (several of one subject), entity (definition and other names), chain "
            "(two triples that share an entity), quotation (a triple with a sentence that says so), text (literature)",
        ),
    },
)

VERDICTS = table_schema(
    "verdicts",
    1,
    {
        "passage_id": (_TEXT, "a passage that is left out of the corpus; one row each"),
        "reason": (_TEXT, "why, in kebab-case: too-short, duplicate, near-duplicate, test-document, test-ngram ..."),
        "other": (
            _TEXT,
            "the passage it duplicates, or the test document it is found in; null where it is judged alone",
        ),
        "detail": (_TEXT, "what was measured, for a person: 3 words, Jaccard similarity 0.91"),
    },
)

_SOURCE = (
    _TEXT,
    "what was given to the build that all documents behind it come from (a folder or file of papers, a graph); "
    "null where there are several or it is not known",
)
_TOKENS = (_INT, "words of the text: runs of letters and digits, and each ideograph")

SELECTION = table_schema(
    "selection",
    1,
    {
        "passage_id": (_TEXT, "a candidate for the corpus; one row each, sorted"),
        "split": (_TEXT, "train, validation or test"),
        "taken": (_INT, "how many times it is in the corpus; 0 where it is not"),
        "tokens": _TOKENS,
        "source": _SOURCE,
        "predicate": (_TEXT, "of most of the facts it tells; null for literature"),
        "reason": (_TEXT, "why it is not taken, in kebab-case: duplicate, ratio ...; null where it is"),
        "other": (_TEXT, "what it was rejected for: the passage it is a duplicate of, the test document; else null"),
        "detail": (_TEXT, "the measure or the words that decided; else null"),
    },
)

MIXTURE = table_schema(
    "mixture",
    1,
    {
        "split": (_TEXT, "train, validation or test"),
        "kind": (_TEXT, "literature or verbalized"),
        "language": (_TEXT, "ISO 639-1 code"),
        "source": _SOURCE,
        "predicate": (_TEXT, "of most of the facts told; null for literature"),
        "reason": (_TEXT, "why these candidates are not taken; null where they are"),
        "candidates": (pa.int64(), "number of passages"),
        "candidate_tokens": (pa.int64(), "their words, each passage once"),
        "rows": (pa.int64(), "rows of the corpus they became, repeats included"),
        "tokens": (pa.int64(), "words of these rows"),
    },
)

CORPUS_PASSAGES = table_schema(
    "corpus_passages",
    1,
    {name: (PASSAGES.field(name).type, text) for name, _, text in describe(PASSAGES)}
    | {
        "passage_id": (_TEXT, "SHA-256 of kind, sources and text; rows stand in an order by hash that mixes the kinds"),
        "source": _SOURCE,
        "tokens": _TOKENS,
        "repeat": (_INT, "which copy of the passage this row is, from 0; more than one where the mixture asks for it"),
    },
)

REWRITES = table_schema(
    "rewrites",
    1,
    {
        "language": (_TEXT, "ISO 639-1 code"),
        "template": (_TEXT, "facts as templates tell them; one row for each such text of a language, sorted"),
        "written": (_TEXT, "what the model made of it; null where it is longer than the model reads"),
        "outcome": (_TEXT, "rewritten, or why the template was kept: name-lost, claim-changed ..."),
    },
)
