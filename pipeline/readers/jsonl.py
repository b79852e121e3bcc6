"""JSON Lines: one record a line, the simplest way to bring text of one's own.

Format: https://jsonlines.org. The fields are those of `pipeline.readers.fields`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import BinaryIO

from pipeline.errors import SetAside
from pipeline.readers.base import Document
from pipeline.readers.bioc_json import is_bioc_json
from pipeline.readers.cmeie import is_cmeie
from pipeline.readers.fields import document_of
from pipeline.readers.marked_sentences import is_marked
from pipeline.readers.streams import numbered_lines

__all__ = ["Jsonl"]

_FIELDS = {"id", "pmid", "pmc", "pmcid", "doi", "title", "abstract", "text", "sections"}
_OTHERS = {"documents", "paper_id"}
_NAMES = (".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz")


class Jsonl:
    """Reader of JSON Lines."""

    name = "jsonl.v1"
    one_document = False

    def recognises(self, head: bytes, name: str) -> bool:
        """By a first line that is a JSON object with one of the fields, or by the file's name."""
        if is_bioc_json(head) or is_marked(head) or is_cmeie(head):
            return False
        if name.lower().endswith(_NAMES):
            return True
        first = head.lstrip(b"\xef\xbb\xbf \t\r\n").split(b"\n", 1)[0]
        try:
            record = json.loads(first)
        except (ValueError, RecursionError):
            return False
        # a list of documents (BioC JSON) or a parsed paper (CORD-19) is one object too, on a line of its own
        return isinstance(record, dict) and not _FIELDS.isdisjoint(record) and _OTHERS.isdisjoint(record)

    def read(self, stream: BinaryIO, file: str) -> Iterator[Document | SetAside]:
        """One document a line that is not blank."""
        for number, line in numbered_lines(stream):
            place = f"line {number}"
            if line is None:
                yield SetAside(
                    file, place, "line-too-long", "The line is longer than 16 MiB. Put one record on each line."
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
    return document_of(record, file, place)
