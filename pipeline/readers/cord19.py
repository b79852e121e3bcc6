"""CORD-19: full texts as the COVID-19 Open Research Dataset gives them (`document_parses`), one paper a file.

Format: https://github.com/allenai/cord19 (its README and the `json_schema.txt` of each release). Its `metadata.csv` is a table that
`pipeline.readers.csv_table` reads; the two join by PMC identifier, or by the SHA-1 of the PDF, which both state as `cord19:<sha>`.

Kept: title, abstract, body and back matter under their section names, captions of figures and tables. Dropped: authors,
bibliography, spans of citations, the LaTeX and HTML of tables. A file is held in memory, of at most 16 MiB.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any, BinaryIO

from pipeline.errors import SetAside
from pipeline.readers.base import ACTIVE, Document, Section, raw_text
from pipeline.readers.identifiers import identify, pmc_curie
from pipeline.readers.languages import language_of

__all__ = ["Cord19"]

_START = re.compile(rb'\s*\{\s*"paper_id"\s*:')
_LARGEST = 16 << 20


class Cord19:
    """Reader of CORD-19's full texts."""

    name = "cord19.v1"
    one_document = True

    def recognises(self, head: bytes, name: str) -> bool:
        """By its first key."""
        return _START.match(head.removeprefix(b"\xef\xbb\xbf")) is not None

    def read(self, stream: BinaryIO, file: str) -> Iterator[Document | SetAside]:
        """The one document of the file."""
        data = stream.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            yield SetAside(
                file, "file", "file-too-large", "The file is larger than 16 MiB. Put one paper in each file."
            )
            return
        try:
            paper = json.loads(data.decode("utf-8-sig"))
        except UnicodeDecodeError:
            yield SetAside(file, "file", "invalid-encoding", "The file is not UTF-8. Get it again from its source.")
            return
        except (ValueError, RecursionError) as error:
            what = error.msg if isinstance(error, json.JSONDecodeError) else "nested too deep or out of range"
            detail = f"The file is not JSON ({what}). Get it again from its source."
            yield SetAside(file, "file", "invalid-json", detail)
            return
        if isinstance(paper, dict) and isinstance(paper.get("paper_id"), str):
            yield _document(paper)
        else:
            detail = "The file is no JSON object with a paper_id. Get it again from its source, or read it in its own format."
            yield SetAside(file, "file", "invalid-cord19", detail)


def _document(paper: dict[str, Any]) -> Document:
    metadata = paper.get("metadata")
    title = _text(metadata.get("title")) if isinstance(metadata, dict) else ""
    body = list(_paragraphs(paper.get("body_text"), "body"))
    sections = [
        *_paragraphs(paper.get("abstract"), "abstract"),
        *body,
        *_captions(paper.get("ref_entries")),
        *((f"back matter > {label}", text) for label, text in _paragraphs(paper.get("back_matter"), "other")),
    ]
    name = paper["paper_id"].strip()
    # the parse of a PMC article is named by it, the parse of a PDF by the PDF's SHA-1
    curie = pmc_curie(name) if name.startswith("PMC") else f"cord19:{name}" if re.fullmatch(r"\S+", name) else None
    doc_id, aliases = identify([curie], title, sections)
    language = language_of(raw_text(title, sections))
    return Document(doc_id, 1, ACTIVE, aliases, title, tuple(sections), language, full_text=bool(body))


def _paragraphs(paragraphs: Any, label: str) -> Iterator[Section]:
    """Sections of a list of paragraphs, those that follow one another under one name joined."""
    if not isinstance(paragraphs, list):
        return
    named = ((_text(p.get("section")) or label, _text(p.get("text"))) for p in paragraphs if isinstance(p, dict))
    for section, group in groupby((pair for pair in named if pair[1]), key=itemgetter(0)):
        yield label if section.casefold() == label else section, "\n".join(text for _, text in group)


def _captions(entries: Any) -> Iterator[Section]:
    """Captions of figures and tables, each under its kind and number."""
    for entry in entries.values() if isinstance(entries, dict) else ():
        if isinstance(entry, dict) and (text := _text(entry.get("text"))):
            kind = _text(entry.get("type_str")) or _text(entry.get("type")) or "caption"
            yield f"{kind} {_text(entry.get('fig_num'))}".strip(), text


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""
