"""Sentences with two marked entities and the class of their relation, one JSON object a line.

Format: the relation classification data of SciBERT (https://github.com/allenai/scibert/tree/master/data/text_classification, ChemProt):
`{"text": "<< EGFR >> inhibitors include [[ gefitinib ]].", "label": "INHIBITOR", "metadata": []}`.

The markers go, with the space inside each; the rest of the sentence stays as it is. The two entities are annotations `e1` (`<<`)
and `e2` (`[[`) of type `entity`, as the format does not say what they are, and the label is the type of their relation, `e1`
being its subject as it comes first in the text. `metadata` is dropped. Text in chemical names may hold `[[` or `>>` too; a marker
is told from it by its space. A sentence is a document of its own for each pair that is marked in it, named by all that
is given, so that no pair hides another.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, BinaryIO

from pipeline.errors import SetAside
from pipeline.hashing import hash_fields
from pipeline.readers.annotation_checks import checked
from pipeline.readers.base import Annotation, Document, Relation, clean
from pipeline.readers.streams import numbered_lines

__all__ = ["MarkedSentences", "is_marked"]

_MARKERS = (("e1", "<< ", " >>"), ("e2", "[[ ", " ]]"))

#: A marked entity: where its first marker begins and its second ends, its name, its words.
_Mark = tuple[int, int, str, str]


def is_marked(head: bytes) -> bool:
    """Whether the first line of a file is a labelled sentence with both markers."""
    try:
        record = json.loads(head.removeprefix(b"\xef\xbb\xbf").lstrip().split(b"\n", 1)[0])
    except (ValueError, RecursionError):
        return False
    return _has_form(record) and bool(_marks(record["text"]))


class MarkedSentences:
    """Reader of sentences with marked entities."""

    name = "marked_sentences.v1"
    one_document = False

    def recognises(self, head: bytes, name: str) -> bool:
        """By a first line with a label and both markers in its text."""
        return is_marked(head)

    def read(self, stream: BinaryIO, file: str) -> Iterator[Document | SetAside]:
        """One document a line that is not blank."""
        for number, line in numbered_lines(stream):
            if line is None or line.strip():
                yield from _record(line, file, f"line {number}")


def _record(line: bytes | None, file: str, place: str) -> Iterator[Document | SetAside]:
    try:
        record = json.loads((line or b"").decode("utf-8"))
    except (ValueError, RecursionError):
        detail = "The line is no JSON in UTF-8, or longer than 64 MiB. Write one JSON object a line."
        yield SetAside(file, place, "invalid-json", detail)
        return
    text = record.get("text") if isinstance(record, dict) else None
    marks = _marks(text) if isinstance(text, str) else []
    if not marks:
        detail = "The line has no text with one << entity >> and one [[ entity ]]. Correct or remove it."
        yield SetAside(file, place, "invalid-sentence", detail)
        return
    if not _has_form(record):
        yield SetAside(file, place, "no-label", "The line has no label. Give it one or remove it.")
        return
    yield from checked(_document(record["text"], record["label"], marks), file)


def _has_form(record: Any) -> bool:
    return (
        isinstance(record, dict)
        and isinstance(record.get("text"), str)
        and isinstance(record.get("label"), str)
        and bool(record["label"].strip())
    )


def _marks(text: str) -> list[_Mark]:
    """The marked entities in the order of the text; none where the text is not marked once in each way."""
    marks = []
    for name, opening, closing in _MARKERS:
        start = text.find(opening)
        end = text.find(closing, start + len(opening))
        if start < 0 or end < 0 or text.find(opening, start + 1) >= 0:
            return []
        marks.append((start, end + len(closing), name, text[start + len(opening) : end]))
    marks.sort()
    return marks if marks[0][1] <= marks[1][0] else []


def _document(text: str, label: str, marks: list[_Mark]) -> Document:
    pieces, annotations, last, start = [], [], 0, 1  # behind the empty title and its newline
    for first, end, name, words in marks:
        start += first - last
        annotations.append(Annotation(name, ((start, start + len(words)),), words, "entity"))
        start += len(words)
        pieces += [text[last:first], words]
        last = end
    sentence = "".join([*pieces, text[last:]])
    return Document(
        f"materia:{hash_fields(clean(text), clean(label))[:16]}",
        sections=(("sentence", sentence),),
        annotations=tuple(annotations),
        relations=(Relation(label, (("subject", "e1"), ("object", "e2"))),),
    )
