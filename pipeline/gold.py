"""Gold annotations on their way from a reader into the documents table: offsets moved into the cleaned text.

A reader's offsets count into what it handed over (`raw_text`); the documents table holds that text cleaned, with empty
sections left out (`compose`). Where cleaning changes no length, which is nearly always, an offset moves by what was left
out before it. Else (a text that is not in Unicode NFC) the length of the cleaned prefix of its section tells.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from itertools import accumulate
from typing import Any

from pipeline.readers.base import Document, clean

__all__ = ["annotation_rows", "relation_rows"]

_RUN = re.compile(r"[\x00-\x7f]+[^\x00-\x7f]*|[^\x00-\x7f]+")


class _Places:
    """Offsets of a document's raw text as offsets of its cleaned text."""

    def __init__(self, document: Document) -> None:
        self.parts = [document.title, *(text for _, text in document.sections)]
        cleaned = [clean(part) for part in self.parts]
        self._kept = [place == 0 or bool(part and not part.isspace()) for place, part in enumerate(cleaned)]
        self.raw_starts = [0, *accumulate(len(part) + 1 for part in self.parts)]
        lengths = (len(part) + 1 if keep else 0 for part, keep in zip(cleaned, self._kept, strict=True))
        self.starts = [0, *accumulate(lengths)]
        # lengths would not do: what NFC joins here it may take apart there
        self._runs = [None if unicodedata.is_normalized("NFC", part) else _runs(part) for part in self.parts]

    def span(self, start: int, end: int) -> tuple[int, int] | None:
        """Where a span stands in the cleaned text; None where it leaves the text, is empty, or is in a section left out."""
        if not 0 <= start < end < self.raw_starts[-1]:
            return None
        first, last = self._move(start), self._move(end)
        return (first, last) if first is not None and last is not None and first < last < self.starts[-1] else None

    def _move(self, offset: int) -> int | None:
        part = bisect_right(self.raw_starts, offset) - 1
        if not self._kept[part]:
            return None
        inside = offset - self.raw_starts[part]
        if runs := self._runs[part]:
            raw, cleaned = runs
            run = bisect_right(raw, inside) - 1
            inside = cleaned[run] + len(clean(self.parts[part][raw[run] : inside]))
        return self.starts[part] + inside


def _runs(text: str) -> tuple[list[int], list[int]]:
    """Where each run of ASCII and what follows it starts, in the text and in the text cleaned.

    NFC joins no ASCII character to one before it, so the runs are cleaned each on its own, and an offset costs one run.
    """
    runs = [match[0] for match in _RUN.finditer(text)]
    return (
        [0, *accumulate(len(run) for run in runs)][:-1],
        [0, *accumulate(len(clean(run)) for run in runs)][:-1],
    )


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
