"""JSON Lines: one record a line, the simplest way to bring text of one's own.

Format: https://jsonlines.org. Fields, all optional but some text: `id` (a CURIE such as `PMID:123`, or any name of the
record in its file), `pmid`, `pmc`, `doi`; `title`; `abstract` or `text` (both where both are there); `sections` (a list of
`{"label", "text"}`); `keywords` or `subjects`; `publication_types`; `year`; `journal`; `language`; `version`; `retracted`;
`deleted`. Other fields are passed over. White space at the ends of a text is dropped, line breaks inside are kept.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from pipeline.errors import SetAside
from pipeline.hashing import hash_fields
from pipeline.readers.base import ACTIVE, DELETED, RETRACTED, Document, Section
from pipeline.readers.bioc_json import is_bioc_json
from pipeline.readers.identifiers import doi_curie, identifier, identify, pmc_curie, pmid_curie
from pipeline.readers.languages import two_letters
from pipeline.readers.marked_sentences import is_marked
from pipeline.readers.streams import numbered_lines

__all__ = ["Jsonl"]

_FIELDS = {"id", "pmid", "pmc", "pmcid", "doi", "title", "abstract", "text", "sections"}
_NAMES = (".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz")


class _FieldError(ValueError):
    """A field holds what it cannot hold."""


class Jsonl:
    """Reader of JSON Lines."""

    name = "jsonl.v1"
    one_document = False

    def recognises(self, head: bytes, name: str) -> bool:
        """By a first line that is a JSON object with one of the fields, or by the file's name."""
        if is_bioc_json(head) or is_marked(head):
            return False
        if name.lower().endswith(_NAMES):
            return True
        first = head.lstrip(b"\xef\xbb\xbf \t\r\n").split(b"\n", 1)[0]
        try:
            record = json.loads(first)
        except (ValueError, RecursionError):
            return False
        # a list of documents (BioC JSON) is one object too, on a line of its own
        return isinstance(record, dict) and not _FIELDS.isdisjoint(record) and "documents" not in record

    def read(self, stream: BinaryIO, file: str) -> Iterator[Document | SetAside]:
        """One document a line that is not blank."""
        for number, line in numbered_lines(stream):
            place = f"line {number}"
            if line is None:
                yield SetAside(
                    file, place, "line-too-long", "The line is longer than 64 MiB. Put one record on each line."
                )
            elif line.strip():
                yield _record(line, file, place)


def _record(line: bytes, file: str, place: str) -> Document | SetAside:
    try:
        record = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError:
        return SetAside(file, place, "invalid-encoding", "The line is not UTF-8. Save the file in UTF-8.")
    except (ValueError, RecursionError) as error:
        what = error.msg if isinstance(error, json.JSONDecodeError) else "nested too deep or out of range"
        return SetAside(file, place, "invalid-json", f"The line is not JSON ({what}). Write one JSON object a line.")
    if not isinstance(record, dict):
        return SetAside(file, place, "invalid-json", "The line is not a JSON object. Write one JSON object a line.")
    try:
        return _document(record, file, place)
    except _FieldError as error:
        return SetAside(file, place, "invalid-field", f"{error}. Correct the field or leave it out.")


def _document(record: dict[str, Any], file: str, place: str) -> Document | SetAside:
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
        two_letters(_string(record, "language")),
        _integer(record, "year", None),
        _string(record, "journal") or None,
        tuple(dict.fromkeys([*_strings(record, "keywords"), *_strings(record, "subjects")])),
        tuple(_strings(record, "publication_types")),
    )


def _identifiers(record: dict[str, Any], file: str) -> Iterator[str]:
    for field, curie in (("pmid", pmid_curie), ("pmc", pmc_curie), ("pmcid", pmc_curie), ("doi", doi_curie)):
        if text := _string(record, field):
            if (found := curie(text)) is None:
                raise _FieldError(f"{field} is no such identifier: {text[:40]!r}")
            yield found
    if text := _string(record, "id"):
        # a name that is no CURIE means something in this file only, so the file is part of what it stands for
        yield identifier(text) or f"materia:{hash_fields(file, text)[:16]}"


def _sections(record: dict[str, Any]) -> Iterator[Section]:
    for field in ("abstract", "text"):
        if text := _string(record, field):
            yield "abstract" if field == "abstract" else "body", text
    for section in _list(record, "sections"):
        if not isinstance(section, dict):
            raise _FieldError('sections is no list of {"label", "text"}')
        if text := _string(section, "text"):
            yield _string(section, "label") or "body", text


def _string(record: dict[str, Any], field: str) -> str:
    value = record.get(field)
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool) and field in ("id", "pmid", "pmc"):
        return str(value)
    if not isinstance(value, str):
        raise _FieldError(f"{field} is no text")
    return value.strip()


def _list(record: dict[str, Any], field: str) -> list[Any]:
    value = record.get(field)
    if value is None:
        return []
    if not isinstance(value, list):
        raise _FieldError(f"{field} is no list")
    return value


def _strings(record: dict[str, Any], field: str) -> list[str]:
    values = _list(record, field)
    if not all(isinstance(value, str) for value in values):
        raise _FieldError(f"{field} holds what is no text")
    return [value.strip() for value in values if value.strip()]


def _integer(record: dict[str, Any], field: str, default: int | None) -> int | None:
    value = record.get(field)
    if value is None or value == "":
        return default
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value):
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**31:
        raise _FieldError(f"{field} is no whole number from 0")
    return value


def _flag(record: dict[str, Any], field: str) -> bool:
    value = record.get(field)
    if value is None:
        return False
    if not isinstance(value, bool):
        raise _FieldError(f"{field} is neither true nor false")
    return value
