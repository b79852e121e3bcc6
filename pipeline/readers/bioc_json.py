"""BioC JSON: one collection, a list of collections or documents, documents on lines of their own, or PubTator 3's answers.

Format: https://bioc.sourceforge.net and https://www.ncbi.nlm.nih.gov/research/pubtator3/api. What is kept is told in
`pipeline.readers.bioc_documents`; a document is whatever object has `passages`, wherever it stands.

A collection may be larger than memory, so the events of `ijson` (yajl, in C) are put together document by document and each
is let go before the next. Where the first line is JSON in itself, every line is read by itself, so a broken one costs
itself alone; elsewhere, a file that breaks ends there. Nesting beyond 64 levels and documents beyond 64 MiB or
300,000 objects are refused.
The `bioc` library decodes each document; what it takes for granted and files leave out (`relations`, `infons`) is put in first.

Rejected: `ijson.items` (needs the place of the documents beforehand; its paths take memory that grows as the square of the depth).
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO, cast

import ijson
from bioc import biocjson

from pipeline.errors import SetAside
from pipeline.readers.base import Document
from pipeline.readers.bioc_documents import MOST_OBJECTS, documents
from pipeline.readers.streams import BrokenStreamError, numbered_lines

__all__ = ["BiocJson", "is_bioc_json"]

_PASSAGES = re.compile(rb'(?<!\\)"passages"\s*:\s*\[')
_FIRST_LINE = 1 << 20
_DEEPEST = 64
_LARGEST = 64 << 20
_AGAIN = "Get the file again from its source"

#: Lists that an object of each list holds.
_LISTS = {
    "documents": ("passages", "annotations", "relations"),
    "passages": ("sentences", "annotations", "relations"),
    "sentences": ("annotations", "relations"),
    "annotations": ("locations",),
    "relations": ("nodes",),
    "locations": (),
    "nodes": (),
}
#: What the API of PubTator puts beside the infons of a document.
_BESIDE = ("pmid", "pmcid", "journal", "year")


def is_bioc_json(head: bytes) -> bool:
    """Whether the first bytes of a file are JSON with passages."""
    return head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"[") and _PASSAGES.search(head) is not None


class BiocJson:
    """Reader of BioC JSON."""

    name = "bioc_json.v1"
    one_document = False

    def recognises(self, head: bytes, name: str) -> bool:
        """By passages among its first bytes."""
        return is_bioc_json(head)

    def read(self, stream: BinaryIO, file: str) -> Iterator[Document | SetAside]:
        """The documents in order, each after what of its gold is set aside."""
        first = _first_line(stream).removeprefix(b"\xef\xbb\xbf")
        if not _is_json(first):
            yield from _read(_Source(first, stream), file)
            return
        yield from _read(_Source(first), file, "line 1, ")
        for number, line in numbered_lines(stream):
            place = f"line {number + 1}"
            if line is None:
                detail = "The line is longer than 16 MiB. Put one document on each line."
                yield SetAside(file, place, "line-too-long", detail)
            elif line.strip():
                yield from _read(_Source(line), file, f"{place}, ")


class _FormError(ValueError):
    """JSON, but not of the form of BioC. The message is a clause."""


class _Source:
    """Bytes and then a stream, for ijson: hands over what it has, and counts what it gave since the last document."""

    def __init__(self, first: bytes, stream: BinaryIO | None = None) -> None:
        self._first, self._stream = io.BytesIO(first), stream
        self.given = 0

    def read(self, size: int) -> bytes:
        data = self._first.read(size)
        if not data and self._stream is not None:
            data = cast(bytes, self._stream.read1(size))  # type: ignore[attr-defined]
        self.given += len(data)
        if self.given > _LARGEST:
            raise _FormError("a document is larger than 64 MiB")
        return data


def _first_line(stream: BinaryIO) -> bytes:
    """The first line, at most 1 MiB of it; where the stream breaks in it, what came before, and the next read says so."""
    line = b""
    while len(line) < _FIRST_LINE and not line.endswith(b"\n"):
        try:
            ahead = stream.peek(1)  # type: ignore[attr-defined]
        except BrokenStreamError:
            break
        if not ahead:
            break
        line += stream.read(ahead.find(b"\n") + 1 or len(ahead))
    return line


def _is_json(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict | list)
    except (ValueError, RecursionError):
        return False


def _read(source: _Source, file: str, line: str = "") -> Iterator[Document | SetAside]:
    count = 0
    try:
        for item in _objects(source):
            source.given = 0
            yield from _document(item, file, f"{line}record {count}")
            count += 1
    except (ijson.JSONError, ValueError, OverflowError) as error:
        what = str(error) if isinstance(error, _FormError) else "it is cut short or no JSON in UTF-8"
        detail = f"The JSON cannot be read on ({what}); the {count} documents before it are kept. {_AGAIN}."
        yield SetAside(file, f"{line}record {count}", "invalid-json", detail)


def _objects(source: _Source) -> Iterator[Any]:
    """Every object with passages as soon as it is complete, and what stands in the place of one.

    Values are built as they end: an object with passages is handed over instead of being put into what holds it, so what
    holds the documents stays small.
    """
    stack: list[Any] = []
    keys: list[str] = []
    found, objects = False, 0
    for event, scalar in ijson.basic_parse(source, multiple_values=True, use_float=True):
        if event == "map_key":
            keys[-1] = scalar
            continue
        if event in ("start_map", "start_array"):
            if len(stack) == _DEEPEST:
                raise _FormError(f"it is nested more than {_DEEPEST} levels deep")
            objects += 1
            if objects > MOST_OBJECTS:
                raise _FormError(f"a document holds more than {MOST_OBJECTS} objects")
            stack.append({} if event == "start_map" else [])
            keys.append("")
            continue
        value = stack.pop() if event in ("end_map", "end_array") else scalar
        del keys[len(stack) :]
        # the second: an item of the list `documents`, whatever it is; the third: a whole file or line without any document
        expected = (len(stack) > 1 and keys[-2] == "documents") or not (stack or found)
        if expected or (isinstance(value, dict) and "passages" in value):
            yield value
            found, objects = bool(stack), 0
        elif stack:
            if isinstance(stack[-1], list):
                stack[-1].append(value)
            else:
                stack[-1][keys[-1]] = value
        else:
            found = False


def _document(item: Any, file: str, place: str) -> Iterator[Document | SetAside]:
    try:
        document = biocjson.fromJSON(_complete(item, "documents"), "BioCDocument")
    except _FormError as error:
        detail = f"The document is not BioC ({error}). Correct or remove it."
        yield SetAside(file, place, "invalid-bioc", detail)
    else:
        document.infons |= {key: item[key] for key in _BESIDE if key in item and key not in document.infons}
        yield from documents(document, file)


def _complete(item: Any, kind: str) -> dict[str, Any]:
    """An object with everything that the library takes for granted, each of its right type."""
    if not isinstance(item, dict):
        raise _FormError(f"{kind} holds what is no object")
    if kind == "documents" and "passages" not in item:
        raise _FormError("an object has no passages")
    whole: dict[str, Any] = {"infons": _or(item.get("infons"), {}), "text": item.get("text")}
    if not isinstance(whole["infons"], dict):
        raise _FormError("infons is no object")
    if not isinstance(whole["text"], str | None):
        raise _FormError("text is no string")
    for key in ("id", "refid", "role"):
        value = item.get(key)
        if not isinstance(value, str | int | None):
            raise _FormError(f"{key} is no string")
        whole[key] = str(_or(value, ""))
    for key in ("offset", "length"):
        whole[key] = item.get(key, 0)
        if not isinstance(whole[key], int) or (key not in item and kind == "locations"):
            raise _FormError(f"{key} is no whole number")
    for key in _LISTS[kind]:
        value = _or(item.get(key), [])
        if not isinstance(value, list):
            raise _FormError(f"{key} is no list")
        whole[key] = [_complete(each, key) for each in value]
    return whole


def _or(value: Any, default: Any) -> Any:
    return default if value is None else value
