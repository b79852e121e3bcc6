"""PubTator: title and abstract of a document a block, its annotations as lines below.

Format: https://www.ncbi.nlm.nih.gov/research/pubtator3/api (and the BioCreative V CDR corpus, doi:10.1093/database/baw068):
`ID|t|title`, `ID|a|abstract`, then lines of tab-separated annotations, then a blank line. Offsets run over title, one separator,
abstract; so the text is title, newline, abstract, each exactly as given. This version keeps the text and passes over the
annotations; they never enter a graph unasked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from pipeline.errors import SetAside
from pipeline.hashing import hash_fields
from pipeline.readers.base import Document, Section
from pipeline.readers.identifiers import identifier, identify, pmid_curie
from pipeline.readers.streams import numbered_lines

__all__ = ["Pubtator"]

_LINE = re.compile(r"([^|\t\n]{1,200})\|([ta])\|(.*)")


class Pubtator:
    """Reader of PubTator text."""

    name = "pubtator.v1"
    one_document = False

    def recognises(self, head: bytes, name: str) -> bool:
        """By a first line of the form `ID|t|...`."""
        first = head.lstrip(b"\xef\xbb\xbf\r\n").split(b"\n", 1)[0]
        match = _LINE.match(first.decode("utf-8", "replace"))
        return match is not None and match[2] == "t"

    def read(self, stream: BinaryIO, file: str) -> Iterator[Document | SetAside]:
        """One document a block, in order."""
        name, title, sections = "", "", list[Section]()
        for number, raw in numbered_lines(stream):
            try:
                line = raw.decode("utf-8") if raw is not None else None
            except UnicodeDecodeError:
                yield SetAside(
                    file, f"line {number}", "invalid-encoding", "The line is not UTF-8. Save the file in UTF-8."
                )
                continue
            match = _LINE.fullmatch(line) if line else None
            if name and (line == "" or (match is not None and (match[1] != name or match[2] == "t"))):
                yield _document(name, title, sections, file)
                name, title, sections = "", "", []
            if match is not None:
                name = match[1]
                if match[2] == "t":
                    title = match[3]
                else:
                    sections.append(("abstract", match[3]))
            elif line is None or (line.strip() and "\t" not in line):
                detail = "The line is neither ID|t|title, ID|a|abstract nor a tab-separated annotation. Correct or remove it."
                yield SetAside(file, f"line {number}", "invalid-pubtator-line", detail)
        if name:
            yield _document(name, title, sections, file)


def _document(name: str, title: str, sections: list[Section], file: str) -> Document:
    curie = pmid_curie(name) or identifier(name) or f"materia:{hash_fields(file, name)[:16]}"
    doc_id, aliases = identify([curie], title, sections)
    return Document(doc_id, aliases=aliases, title=title, sections=tuple(sections))
