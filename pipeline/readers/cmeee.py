"""CMeEE: sentences of Chinese textbooks and guidelines with the entities in them, nested ones among them, as one JSON array.

Format: the named-entity task of CBLUE (Zhang et al. 2022, https://aclanthology.org/2022.acl-long.544, data at https://tianchi.aliyun.com/dataset/95414):
`[{"text": "...", "entities": [{"start_idx": 3, "end_idx": 7, "type": "dis", "entity": "..."}]}]`. Ends are inclusive, in all 21,037
entities of the first 4,000 sentences, whatever is said of them elsewhere; as `entity` gives the words, either reading is understood.

A sentence is a document of its own, in Chinese, named by a hash of its text. Types stay as they are: `dis` disease, `sym` clinical
manifestation, `dru` drug, `equ` device, `pro` procedure, `bod` body part, `ite` test item, `mic` microorganism, `dep` department.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from pipeline.errors import SetAside
from pipeline.json_items import JsonError, json_items
from pipeline.readers.annotation_checks import checked
from pipeline.readers.base import Annotation, Document, content_id

__all__ = ["Cmeee"]

_FIRST = re.compile(rb'\[\s*\{\s*"(?:text|entities)"\s*:')
_ENTITY = re.compile(rb'"start_idx"\s*:\s*\d|"entities"\s*:\s*\[\s*\]')


class Cmeee:
    """Reader of CMeEE."""

    name = "cmeee.v1"
    one_document = False

    def recognises(self, head: bytes, name: str) -> bool:
        """By an array whose first object has a text and entities with `start_idx`."""
        head = head.removeprefix(b"\xef\xbb\xbf").lstrip()
        return _FIRST.match(head) is not None and _ENTITY.search(head) is not None

    def read(self, stream: BinaryIO, file: str) -> Iterator[Document | SetAside]:
        """One document a sentence."""
        number = 0
        try:
            for _, record in json_items(stream, ["item"]):
                number += 1
                yield from _record(record, file, f"sentence {number}")
        except JsonError as error:
            detail = f"The file is not JSON after sentence {number}: {error}. Get it again from its source."
            yield SetAside(file, f"sentence {number + 1}", "invalid-json", detail)


def _record(record: Any, file: str, place: str) -> Iterator[Document | SetAside]:
    text = record.get("text") if isinstance(record, dict) else None
    if not isinstance(text, str) or not text.strip():
        yield SetAside(file, place, "invalid-sentence", "The sentence has no text. Correct or remove it.")
        return
    entities = record.get("entities")
    annotations = [_annotation(text, e) for e in entities] if isinstance(entities, list) else [None]
    if None in annotations:
        detail = "An entity lacks start_idx, end_idx, type or entity. Correct it; the others stand."
        yield SetAside(file, place, "invalid-entity", detail)
    sections = (("sentence", text),)
    kept = tuple(a for a in annotations if a is not None)
    yield from checked(Document(content_id("", sections), sections=sections, language="zh", annotations=kept), file)


def _annotation(text: str, entity: Any) -> Annotation | None:
    if not isinstance(entity, dict):
        return None
    start, last, kind, words = (entity.get(key) for key in ("start_idx", "end_idx", "type", "entity"))
    if not (isinstance(start, int) and isinstance(last, int) and isinstance(kind, str) and isinstance(words, str)):
        return None
    end = last if text[start:last] == words else last + 1
    return Annotation("", ((start + 1, end + 1),), words, kind)  # behind the empty title and its newline
