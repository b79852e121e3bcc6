"""PubTator: title and abstract of a document a block, its annotations and relations as lines below.

Format: https://www.ncbi.nlm.nih.gov/research/pubtator3/api (and the BioCreative V CDR corpus, doi:10.1093/database/baw068):
`ID|t|title`, `ID|a|abstract`, then tab-separated lines, then a blank line. Offsets count code points of title, one separator,
abstract; so the text is title, newline, abstract, each exactly as given.

- A mention: `ID start end text type identifiers [part names]`. Identifiers become CURIEs (`annotation_identifiers`); the names
  of the parts of a composite mention are dropped, as their order does not always follow that of the identifiers.
- A relation: `ID type identifier identifier [novelty]`, of the document as a whole. Its ends have the roles subject and object
  in the order of the columns (CID: the chemical, then the disease; BioRED's relations have no direction). Bare identifiers are
  read as the document's own annotations read them; an end of several identifiers gives as many arguments of that role.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from pipeline.errors import SetAside
from pipeline.hashing import hash_fields
from pipeline.readers.annotation_checks import checked
from pipeline.readers.annotation_identifiers import curies_of, learn
from pipeline.readers.base import Annotation, Document, Relation, Section
from pipeline.readers.identifiers import identifier, identify, pmid_curie
from pipeline.readers.streams import numbered_lines

__all__ = ["Pubtator"]

_LINE = re.compile(r"([^|\t\n]{1,200})\|([ta])\|(.*)")
_OFFSET = re.compile(r"[0-9]{1,9}")
_ROLES = ("subject", "object")


@dataclass(slots=True)
class _Block:
    """The lines of one document so far."""

    name: str
    title: str = ""
    sections: list[Section] = field(default_factory=list)
    annotations: list[Annotation] = field(default_factory=list)
    #: An identifier as written -> its CURIEs, as the annotations tell.
    curies: dict[str, tuple[str, ...]] = field(default_factory=dict)
    relations: list[list[str]] = field(default_factory=list)


class Pubtator:
    """Reader of PubTator text."""

    name = "pubtator.v2"
    one_document = False

    def recognises(self, head: bytes, name: str) -> bool:
        """By a first line of the form `ID|t|...`."""
        first = head.lstrip(b"\xef\xbb\xbf\r\n").split(b"\n", 1)[0]
        match = _LINE.match(first.decode("utf-8", "replace"))
        return match is not None and match[2] == "t"

    def read(self, stream: BinaryIO, file: str) -> Iterator[Document | SetAside]:
        """One document a block, in order, each after what of it is set aside."""
        block: _Block | None = None
        for number, raw in numbered_lines(stream):
            try:
                line = raw.decode("utf-8") if raw is not None else None
            except UnicodeDecodeError:
                yield SetAside(
                    file, f"line {number}", "invalid-encoding", "The line is not UTF-8. Save the file in UTF-8."
                )
                continue
            match = _LINE.fullmatch(line) if line else None
            if block and (line == "" or (match is not None and (match[1] != block.name or match[2] == "t"))):
                yield from checked(_document(block, file), file)
                block = None
            if match is not None:
                block = block or _Block(match[1])
                if match[2] == "t":
                    block.title = match[3]
                else:
                    block.sections.append(("abstract", match[3]))
            elif line is None or "\t" in line:
                problem = _add(block, line.split("\t")) if line is not None else _NO_LINE
                if problem is not None:
                    yield SetAside(file, f"line {number}", *problem)
            elif line.strip():
                yield SetAside(file, f"line {number}", *_NO_LINE)
        if block:
            yield from checked(_document(block, file), file)


_NO_LINE = (
    "invalid-pubtator-line",
    "The line is neither ID|t|title, ID|a|abstract nor a tab-separated annotation. Correct or remove it.",
)
_NO_ANNOTATION = (
    "invalid-annotation",
    "The line is neither ID, start, end, text, type, identifiers nor ID, type, identifier, identifier. Correct or remove it.",
)
_NO_BLOCK = (
    "unknown-document",
    "The annotation stands in no block of its document. Move it below its title and abstract.",
)


def _add(block: _Block | None, fields: list[str]) -> tuple[str, str] | None:
    """Take a mention or relation into its block; else the reason and detail why not."""
    if block is None or fields[0] != block.name:
        return _NO_BLOCK
    if len(fields) >= 5 and _OFFSET.fullmatch(fields[1]) and _OFFSET.fullmatch(fields[2]):
        start, end, text, kind = int(fields[1]), int(fields[2]), fields[3], fields[4]
        curies = learn(block.curies, fields[5], kind) if len(fields) > 5 else ()
        block.annotations.append(Annotation("", ((start, end),), text, kind, curies))
    elif len(fields) in (4, 5) and not _OFFSET.fullmatch(fields[1]):
        block.relations.append(fields[1:])
    else:
        return _NO_ANNOTATION
    return None


def _relation(block: _Block, kind: str, ends: list[str], novelty: list[str]) -> Relation:
    arguments = [
        (role, curie)
        for role, end in zip(_ROLES, map(str.strip, ends), strict=True)
        # what no annotation explains and no form tells stays as it is, and is set aside
        for curie in block.curies.get(end) or curies_of(end, "") or (end,)
    ]
    return Relation(kind, tuple(arguments), tuple(("novelty", value) for value in novelty))


def _document(block: _Block, file: str) -> Document:
    curie = pmid_curie(block.name) or identifier(block.name) or f"materia:{hash_fields(file, block.name)[:16]}"
    doc_id, aliases = identify([curie], block.title, block.sections)
    return Document(
        doc_id,
        aliases=aliases,
        title=block.title,
        sections=tuple(block.sections),
        annotations=tuple(block.annotations),
        relations=tuple(_relation(block, kind, ends[:2], ends[2:]) for kind, *ends in block.relations),
    )
