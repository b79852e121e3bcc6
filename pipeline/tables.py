"""The tables that pass from stage to stage on this floor: their names, versions, columns, and what each column means.

A table is an Arrow schema whose metadata carries its name and version and whose fields carry a description. The version
is part of every skip key: raise it when a column changes meaning, and everything downstream is built again.
"""

from __future__ import annotations

import pyarrow as pa

__all__ = [
    "CONCEPT_LINKS",
    "CONCEPT_NAMES",
    "CONCEPT_PARTS",
    "DOCUMENTS",
    "EVIDENCE",
    "LITERATURE_BY_BUCKET",
    "LITERATURE_INVENTORY",
    "LIVE_DOCUMENTS",
    "MENTIONS",
    "SET_ASIDE",
    "VOCABULARY",
    "VOCABULARY_MERGES",
    "describe",
    "table_schema",
    "table_version",
]


def table_schema(name: str, version: int, columns: dict[str, tuple[pa.DataType, str]]) -> pa.Schema:
    """An Arrow schema with a name and a version, and a description for every column."""
    fields = [pa.field(column, kind, metadata={"description": text}) for column, (kind, text) in columns.items()]
    return pa.schema(fields, metadata={"materia.table": name, "materia.version": str(version)})


def table_version(schema: pa.Schema) -> str:
    """Name and version of a table, as they enter skip keys: `documents.v1`."""
    return f"{schema.metadata[b'materia.table'].decode()}.v{schema.metadata[b'materia.version'].decode()}"


def describe(schema: pa.Schema) -> list[tuple[str, str, str]]:
    """Column, type and description of every column, in order: what the UI and the docs show."""
    return [(f.name, str(f.type), (f.metadata or {}).get(b"description", b"").decode()) for f in schema]


_TEXT, _TEXTS, _INT, _FLOAT, _FLAG = pa.string(), pa.list_(pa.string()), pa.int32(), pa.float64(), pa.bool_()
_SECTION = pa.struct([("label", _TEXT), ("start", _INT), ("end", _INT)])
_SYNONYM = pa.struct([("name", _TEXT), ("scope", _TEXT)])
_TRANSLATED_NAME = pa.struct([("language", _TEXT), ("name", _TEXT), ("scope", _TEXT)])
_MATCH = pa.struct([("curie", _TEXT), ("predicate", _TEXT)])
_TRANSLATION = pa.struct([("language", _TEXT), ("label", _TEXT), ("text", _TEXT)])
_SPAN = pa.struct([("start", _INT), ("end", _INT)])
_ANNOTATION = pa.struct(
    [
        ("name", _TEXT),
        ("start", _INT),
        ("end", _INT),
        ("spans", pa.list_(_SPAN)),
        ("text", _TEXT),
        ("type", _TEXT),
        ("identifiers", _TEXTS),
    ]
)
_RELATION = pa.struct(
    [
        ("type", _TEXT),
        ("arguments", pa.list_(pa.struct([("role", _TEXT), ("reference", _TEXT)]))),
        ("attributes", pa.list_(pa.struct([("key", _TEXT), ("value", _TEXT)]))),
    ]
)
MENTION_IN_PASSAGE = pa.struct([("start", _INT), ("end", _INT), ("curie", _TEXT), ("category", _TEXT)])
SENTENCE = pa.struct([("start", _INT), ("end", _INT)])
CLAIM_IN_TEXT = pa.struct(
    [
        ("evidence_id", _TEXT),
        ("triple_id", _TEXT),
        ("subject_start", _INT),
        ("subject_end", _INT),
        ("predicate", _TEXT),
        ("object_start", _INT),
        ("object_end", _INT),
        ("polarity", _FLAG),
    ]
)

LITERATURE_INVENTORY = table_schema(
    "literature_inventory",
    2,
    {
        "file": (_TEXT, "name relative to its source, with the source's own name in front; never an absolute path"),
        "sha256": (_TEXT, "SHA-256 of the bytes of the file, hex"),
        "bytes": (pa.int64(), "size of the file"),
        "format": (_TEXT, "reader that recognised it, with its version: pubmed_xml.v1"),
        "position": (
            _TEXT,
            "place in the order of release, a key made from the file's name alone (a new file moves no other): a greater one wins",
        ),
        "batch": (_TEXT, "partition key the file is read under: [a-z0-9_.-]+"),
        "records": (_FLAG, "whether it holds clinical records, which are de-identified before anything is written"),
    },
)

DOCUMENTS = table_schema(
    "documents",
    2,
    {
        "doc_id": (_TEXT, "CURIE of the document: PMID before PMC before DOI before a content hash"),
        "version": (_INT, "version the source gives (PubMed's PMID Version), 1 where it gives none"),
        "position": (_TEXT, "sort key of the file in the order of release, as in the inventory"),
        "record": (_INT, "place of the record in its file, from 0"),
        "file": (_TEXT, "literature file, as in the inventory"),
        "member": (_TEXT, "path inside that file where it is an archive, else null"),
        "status": (_TEXT, "active, retracted (kept, marked), or deleted (a tombstone without text)"),
        "aliases": (_TEXTS, "other CURIEs of the same document, sorted"),
        "title": (_TEXT, "title, in Unicode NFC; also the first section of the text"),
        "text": (
            _TEXT,
            "title, then sections, joined by one newline, in Unicode NFC; every offset counts its code points",
        ),
        "sections": (pa.list_(_SECTION), "label and [start, end) of each section of the text, the title first"),
        "language": (_TEXT, "ISO 639-1 code of the text"),
        "year": (_INT, "year of publication, null where unknown"),
        "journal": (_TEXT, "title of the journal, null where unknown"),
        "subjects": (_TEXTS, "subject headings and keywords as the source gives them"),
        "publication_types": (_TEXTS, "publication types as the source gives them"),
        "full_text": (_FLAG, "whether the text holds the body of the paper, not its title and abstract alone"),
        "translations": (
            pa.list_(_TRANSLATION),
            "titles and abstracts in other languages: ISO 639-1 code, label, text; no part of the text",
        ),
        "retracts": (_TEXTS, "CURIEs of the papers that this record, a notice of retraction, retracts; sorted"),
        "annotations": (
            pa.list_(_ANNOTATION),
            "mentions that the source marks itself (gold), offsets into the text; they enter no graph unasked",
        ),
        "relations": (
            pa.list_(_RELATION),
            "relations that the source states itself (gold), between CURIEs or names of annotations",
        ),
        "text_hash": (_TEXT, "SHA-256 of the NFC text: what extraction depends on"),
        "metadata_hash": (
            _TEXT,
            "SHA-256 of everything else a reader keeps, so that a change there runs no extraction",
        ),
    },
)

LIVE_DOCUMENTS = table_schema(
    "live_documents",
    2,
    {
        "doc_id": (_TEXT, "CURIE of the document; one row each, sorted"),
        "version": (_INT, "the version that counts"),
        "batch": (_TEXT, "batch whose row counts"),
        "file": (_TEXT, "file whose row counts"),
        "position": (_TEXT, "sort key of that file in the order of release"),
        "record": (_INT, "place of that row in its file"),
        "member": (_TEXT, "path inside that file where it is an archive, else null"),
        "text_hash": (_TEXT, "hash of the text that counts"),
        "status": (_TEXT, "active, retracted or deleted"),
        "reason": (
            _TEXT,
            "why this row counts: only, fullest-text, highest-version, latest-write, retracted; deleted, not-in-baseline where none does",
        ),
        "superseded": (_INT, "number of other rows of the same document that do not count"),
    },
)

CONCEPT_PARTS = table_schema(
    "concept_parts",
    1,
    {
        "place": (
            pa.int64(),
            "place of this part of a concept in its file, from 0; the file's other tables refer to it",
        ),
        "curie": (_TEXT, "CURIE of the concept; may come more than once"),
        "name": (_TEXT, "preferred name, null where the file only adds to a concept that others name"),
        "category": (_TEXT, "Biolink class that the file itself states, null where it states none"),
        "definition": (_TEXT, "definition, null where there is none"),
    },
)

CONCEPT_NAMES = table_schema(
    "concept_names",
    1,
    {
        "place": (pa.int64(), "the part of a concept that this is another name of"),
        "language": (_TEXT, "ISO 639-1 code; null for English"),
        "name": (_TEXT, "the name"),
        "scope": (_TEXT, "exact, narrow, broad or related"),
    },
)

CONCEPT_LINKS = table_schema(
    "concept_links",
    1,
    {
        "place": (pa.int64(), "the part of a concept that says so"),
        "kind": (
            _TEXT,
            "parent, xref, alternative (a retired identifier), mark (the source's own kind), "
            "or a match: exact, close, narrow, broad, related",
        ),
        "target": (_TEXT, "CURIE it refers to; for a mark, scheme:value"),
    },
)

VOCABULARY = table_schema(
    "vocabulary",
    2,
    {
        "curie": (_TEXT, "CURIE of the concept; one row each, sorted"),
        "name": (_TEXT, "preferred name"),
        "synonyms": (pa.list_(_SYNONYM), "other names with their scope: exact, narrow, broad, related; sorted"),
        "category": (_TEXT, "Biolink class as a CURIE: biolink:Disease"),
        "definition": (_TEXT, "definition, null where there is none"),
        "parents": (_TEXTS, "CURIEs of direct superclasses (is_a), sorted"),
        "xrefs": (_TEXTS, "CURIEs of cross-references, sorted"),
        "sources": (_TEXTS, "vocabulary files the concept comes from, in the order given"),
        "translations": (
            pa.list_(_TRANSLATED_NAME),
            "names in other languages than English: ISO 639-1 code, name, scope (label where it is the preferred one); sorted",
        ),
        "matches": (
            pa.list_(_MATCH),
            "concepts of other vocabularies with the kind of match: exact, close, broad, narrow, related; sorted",
        ),
    },
)

VOCABULARY_MERGES = table_schema(
    "vocabulary_merges",
    1,
    {
        "curie": (
            _TEXT,
            "an identifier that was joined into a concept, one row each, or was not although something asked for it; sorted",
        ),
        "merged_into": (_TEXT, "identifier of the concept that holds its names now; null where it was not joined"),
        "other": (_TEXT, "the identifier it was said to be the same as"),
        "why": (
            _TEXT,
            "what says so: alternative-id (retired in favour of the other), exact-match, one-to-one-xref; "
            "same-name, translated-name, translated-synonym of what only its name identifies",
        ),
        "source": (_TEXT, "vocabulary file that says so"),
        "refused": (
            _TEXT,
            "why it was not joined: ambiguous, same-prefix, different-kind, still-used; null where it was",
        ),
    },
)

MENTIONS = table_schema(
    "mentions",
    2,
    {
        "doc_id": (_TEXT, "CURIE of the document"),
        "version": (_INT, "version of the document"),
        "text_hash": (_TEXT, "hash of the text that the offsets point into"),
        "start": (_INT, "offset of the first code point"),
        "end": (_INT, "offset after the last code point"),
        "text": (_TEXT, "the document's text from start to end"),
        "category": (_TEXT, "Biolink class, as a CURIE"),
        "curie": (_TEXT, "concept it is linked to, null where none"),
        "score": (_FLOAT, "confidence of the link, in [0, 1]"),
        "expanded": (_TEXT, "long form, where the text is an abbreviation defined in the document; else null"),
        "negated": (_FLAG, "in the scope of a negation (no evidence of ...)"),
        "hedged": (_FLAG, "in the scope of a hedge (may, suspected ...)"),
        "hypothetical": (_FLAG, "spoken of as a case that may come (if, should, return for ...)"),
        "experiencer": (_TEXT, "who has it: patient, or other (family, donors)"),
        "sentence_start": (_INT, "offset of the sentence's first code point"),
        "sentence_end": (_INT, "offset after the sentence's last code point"),
        "finder": (_TEXT, "what found it, with its version: dictionary.v2, or the name of a trained model"),
    },
)

EVIDENCE = table_schema(
    "evidence",
    2,
    {
        "evidence_id": (_TEXT, "SHA-256 of document, text hash, offsets, claim and extractor"),
        "doc_id": (_TEXT, "CURIE of the document"),
        "version": (_INT, "version of the document"),
        "text_hash": (_TEXT, "hash of the text that the offsets point into"),
        "sentence_start": (_INT, "offset of the sentence's first code point"),
        "sentence_end": (_INT, "offset after the sentence's last code point"),
        "sentence": (_TEXT, "the sentence itself; the passage from one to the other where a claim spans sentences"),
        "section": (_TEXT, "label of the section the sentence stands in"),
        "subject": (_TEXT, "CURIE of the claim's subject"),
        "subject_category": (_TEXT, "Biolink class of the subject"),
        "subject_start": (_INT, "offset of the subject's mention"),
        "subject_end": (_INT, "offset after the subject's mention"),
        "predicate": (_TEXT, "Biolink predicate, as a CURIE: biolink:treats"),
        "object": (_TEXT, "CURIE of the claim's object"),
        "object_category": (_TEXT, "Biolink class of the object"),
        "object_start": (_INT, "offset of the object's mention"),
        "object_end": (_INT, "offset after the object's mention"),
        "trigger": (_TEXT, "the words that carry the claim"),
        "direction": (
            _TEXT,
            "of biolink:affects: increased or decreased (Biolink's object_direction_qualifier); null where not said",
        ),
        "polarity": (_FLAG, "true where the claim is made, false where it is denied"),
        "certainty": (_FLOAT, "1 where stated plainly, lower where hedged or hypothetical, in (0, 1]"),
        "hypothetical": (_FLAG, "whether the claim is made of a case that may come (if, whether, to test ...)"),
        "extractor": (
            _TEXT,
            "extractor and version: trigger.v2, trigger.zh.v1, cooccurrence.v1, or the name of a trained model",
        ),
        "probability": (_FLOAT, "that the sentence makes this claim, in (0, 1)"),
        "retracted": (_FLAG, "whether the live version of the document is retracted; false until the shuffle joins it"),
    },
)

LITERATURE_BY_BUCKET = table_schema(
    "literature_by_bucket",
    2,
    {
        "doc_id": (_TEXT, "CURIE of a live document, sorted"),
        "version": (_INT, "version that counts"),
        "text_hash": (_TEXT, "hash of the text"),
        "text": (_TEXT, "text, as in documents"),
        "sections": (pa.list_(_SECTION), "sections, as in documents"),
        "language": (_TEXT, "ISO 639-1 code of the text"),
        "year": (_INT, "year of publication, null where unknown"),
        "mentions": (pa.list_(MENTION_IN_PASSAGE), "linked mentions, in order of their start"),
        "claims": (
            pa.list_(CLAIM_IN_TEXT),
            "affirmed and denied claims made in the text, in order of their evidence id",
        ),
        "digest": (pa.uint64(), "hash of all that this row is made from: equal means an equal row"),
    },
)

SET_ASIDE = table_schema(
    "set_aside",
    1,
    {
        "file": (_TEXT, "file of the record, relative to its source"),
        "record": (_TEXT, "place in the file: a line number or an identifier"),
        "reason": (_TEXT, "short and stable, in kebab-case"),
        "detail": (_TEXT, "one sentence for a person, with the remedy"),
    },
)
