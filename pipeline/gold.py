"""Gold annotations on their way from a reader into the documents table: offsets moved into the cleaned text.

A reader's offsets count into what it handed over (`raw_text`); the documents table holds that text cleaned, with empty
sections left out (`compose`). Where cleaning changes no length, which is nearly always, an offset moves by what was left
out before it. Else (a text that is not in Unicode NFC) the length of the cleaned prefix of its section tells.
"""

from __future__ import annotations

from itertools import accumulate
from typing import Any

from pipeline.readers.base import Document, clean

__all__ = ["annotation_rows", "relation_rows"]


class _Places:
    """Offsets of a document's raw text as offsets of its cleaned text."""

    def __init__(self, document: Document) -> None:
        self.parts = [document.title, *(text for _, text in document.sections)]
        cleaned = [clean(part) for part in self.parts]
        self.kept = [place == 0 or bool(part and not part.isspace()) for place, part in enumerate(cleaned)]
        self.raw_starts = [0, *accumulate(len(part) + 1 for part in self.parts)]
        lengths = (len(part) + 1 if keep else 0 for part, keep in zip(cleaned, self.kept, strict=True))
        self.starts = [0, *accumulate(lengths)]
        self.same = [len(part) == len(raw) for part, raw in zip(cleaned, self.parts, strict=True)]

    def span(self, start: int, end: int) -> tuple[int, int] | None:
        """Where a span stands in the cleaned text; None where it leaves the text, is empty, or begins or ends in what is left out."""
        if not 0 <= start < end < self.raw_starts[-1]:
            return None
        first, last = self._move(start), self._move(end)
        return (first, last) if 0 <= first < last < self.starts[-1] else None

    def _move(self, offset: int) -> int:
        part = next(place for place in range(len(self.parts)) if offset < self.raw_starts[place + 1])
        if not self.kept[part]:
            return -1
        inside = offset - self.raw_starts[part]
        if not self.same[part]:
            inside = len(clean(self.parts[part][:inside]))
        return self.starts[part] + inside


def annotation_rows(document: Document) -> list[dict[str, Any]]:
    """The annotations of a document as rows of the documents table; one whose spans leave the text is left out."""
    if not document.annotations:
        return []
    places = _Places(document)
    rows = []
    for annotation in document.annotations:
        spans = [span for start, end in annotation.spans if (span := places.span(start, end)) is not None]
        if spans and len(spans) == len(annotation.spans):
            rows.append(
                {
                    "name": clean(annotation.name),
                    "start": min(start for start, _ in spans),
                    "end": max(end for _, end in spans),
                    "spans": [{"start": start, "end": end} for start, end in spans],
                    "text": clean(annotation.text),
                    "type": clean(annotation.type),
                    "identifiers": [clean(identifier) for identifier in annotation.identifiers],
                }
            )
    return rows


def relation_rows(document: Document) -> list[dict[str, Any]]:
    """The relations of a document as rows of the documents table."""
    return [
        {
            "type": clean(relation.type),
            "arguments": [{"role": clean(role), "reference": clean(ref)} for role, ref in relation.arguments],
            "attributes": [{"key": clean(key), "value": clean(value)} for key, value in relation.attributes],
        }
        for relation in document.relations
    ]
