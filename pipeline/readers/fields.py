"""The fields of a record, as a document: what JSON Lines, Parquet and delimited tables share.

Fields, all optional but some text: `id` (a CURIE such as `PMID:123`, or any name of the record in its file), `pmid`,
`pmc` or `pmcid`, `doi`, `aliases` (a list of CURIEs); `title`; `abstract` or `text` (both where both are there);
`sections` (a list of `{"label", "text"}`); `keywords` or `subjects`; `publication_types`; `year`; `journal`; `language`;
`version`; `retracted`; `deleted`. Other fields are passed over. White space at the ends of a text is dropped, line breaks
inside are kept. Where no language is stated the script tells it. A record holds the body of a paper (`full_text`) where it
has `text` or a section that is no abstract.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.curies import is_curie
from pipeline.errors import SetAside
from pipeline.hashing import hash_fields
from pipeline.readers.base import ACTIVE, DELETED, RETRACTED, Document, Section, raw_text
from pipeline.readers.identifiers import doi_curie, identifier, identify, pmc_curie, pmid_curie
from pipeline.readers.languages import language_of, two_letters

__all__ = ["document_of"]


class _FieldError(ValueError):
    """A field holds what it cannot hold."""


def document_of(record: Mapping[str, Any], file: str, place: str) -> Document | SetAside:
    """The document that a record states, or why it states none.

    Args:
        record: JSON-like values by field.
        file, place: where the record stands, for what is said of it.

    Returns:
        the document, or a SetAside: `invalid-field` (a value of the wrong type), `no-identifier` (a deletion of nothing).
    """
    try:
        return _document(record, file, place)
    except _FieldError as error:
        return SetAside(file, place, "invalid-field", f"{error}. Correct the field or leave it out.")


def _document(record: Mapping[str, Any], file: str, place: str) -> Document | SetAside:
    title = _string(record, "title")
    sections = list(_sections(record))
    ids = list(_identifiers(record, file))
    version = _integer(record, "version", 1) or 1
    if _flag(record, "deleted"):
        if not ids:
            detail = "The record deletes a document but names none. Give its id, pmid, pmc or doi."
            return SetAside(file, place, "no-identifier", detail)
        return Document(identify(ids, "", ())[0], version, DELETED)
    doc_id, aliases = identify(ids, title, sections)
    return Document(
        doc_id,
        version,
        RETRACTED if _flag(record, "retracted") else ACTIVE,
        aliases,
        title,
        tuple(sections),
        two_letters(_string(record, "language"), "") or language_of(raw_text(title, sections)),
        _integer(record, "year", None),
        _string(record, "journal") or None,
        tuple(dict.fromkeys([*_strings(record, "keywords"), *_strings(record, "subjects")])),
        tuple(_strings(record, "publication_types")),
        full_text=any(not label.casefold().startswith("abstract") for label, _ in sections),
    )


def _identifiers(record: Mapping[str, Any], file: str) -> Iterator[str]:
    for field, curie in (("pmid", pmid_curie), ("pmc", pmc_curie), ("pmcid", pmc_curie), ("doi", doi_curie)):
        if text := _string(record, field):
            if (found := curie(text)) is None:
                raise _FieldError(f"{field} is no such identifier: {text[:40]!r}")
            yield found
    for alias in _strings(record, "aliases"):
        if not is_curie(alias):
            raise _FieldError(f"aliases holds what is no CURIE: {alias[:40]!r}")
        yield identifier(alias) or alias
    if text := _string(record, "id"):
        # a name that is no CURIE means something in this file only, so the file is part of what it stands for
        yield identifier(text) or f"materia:{hash_fields(file, text)[:16]}"


def _sections(record: Mapping[str, Any]) -> Iterator[Section]:
    for field in ("abstract", "text"):
        if text := _string(record, field):
            yield "abstract" if field == "abstract" else "body", text
    for section in _list(record, "sections"):
        if not isinstance(section, dict):
            raise _FieldError('sections is no list of {"label", "text"}')
        if text := _string(section, "text"):
            yield _string(section, "label") or "body", text


def _string(record: Mapping[str, Any], field: str) -> str:
    value = record.get(field)
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool) and field in ("id", "pmid", "pmc"):
        return str(value)
    if not isinstance(value, str):
        raise _FieldError(f"{field} is no text")
    return value.strip()


def _list(record: Mapping[str, Any], field: str) -> list[Any]:
    value = record.get(field)
    if value is None:
        return []
    if not isinstance(value, list):
        raise _FieldError(f"{field} is no list")
    return value


def _strings(record: Mapping[str, Any], field: str) -> list[str]:
    values = _list(record, field)
    if not {*map(type, values)} <= {str}:
        raise _FieldError(f"{field} holds what is no text")
    return [text for value in values if (text := value.strip())]


def _integer(record: Mapping[str, Any], field: str, default: int | None) -> int | None:
    value = record.get(field)
    if value is None or value == "":
        return default
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value):
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**31:
        raise _FieldError(f"{field} is no whole number from 0")
    return value


def _flag(record: Mapping[str, Any], field: str) -> bool:
    value = record.get(field)
    if value is None:
        return False
    if not isinstance(value, bool):
        raise _FieldError(f"{field} is neither true nor false")
    return value
