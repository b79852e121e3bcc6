"""What a literature reader is, and what it hands over.

A reader turns the bytes of one file into documents, one at a time, so memory holds one record whatever the size of the
file. It decides nothing about order, versions that count, or tables: those are the business of `pipeline.documents` and
`pipeline.live`. A record it cannot use it yields as a `SetAside` in the place where the document would stand.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from pipeline.errors import SetAside
from pipeline.hashing import text_hash

__all__ = [
    "ACTIVE",
    "DELETED",
    "RETRACTED",
    "Annotation",
    "Document",
    "Reader",
    "Relation",
    "Section",
    "Translation",
    "clean",
    "compose",
    "raw_text",
]

ACTIVE, RETRACTED, DELETED = "active", "retracted", "deleted"

#: A label and the text that stands under it.
Section = tuple[str, str]
#: A language (ISO 639-1), a label and a text in that language: an abstract or title beside those of the document's own.
Translation = tuple[str, str, str]

# Control characters other than newline and tab (Unicode category Cc). They carry nothing in prose and break XML and
# terminals. One code point becomes one space, so offsets that a source gives into its own text stay true.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_SURROGATES = re.compile("[\ud800-\udfff]")
# Where a run of combining marks may stand: neither letters nor white space nor ASCII.
_PERHAPS_MARKS = re.compile(r"[^\w\s\x00-\x7f]{31,}")


@dataclass(frozen=True, slots=True)
class Annotation:
    """A mention that the source itself marks (gold). Offsets count code points of `raw_text`, as the reader gave it.

    Attributes:
        name: how the source's relations refer to it, empty where it has no name.
        spans: [start, end) of each part in reading order; more than one where the mention is discontinuous.
        text: the words of the mention, as the source gives them.
        type: as the source gives it: Chemical, Disease.
        identifiers: CURIEs of what it stands for; several for a composite mention, none where the source links nothing.
    """

    name: str
    spans: tuple[tuple[int, int], ...]
    text: str
    type: str
    identifiers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Relation:
    """A relation that the source itself states (gold).

    Attributes:
        type: as the source gives it: CID, Positive_Correlation, mechanism.
        arguments: role and reference of each end in order; a reference is a CURIE (of a document-level relation) or the
            name of an annotation.
        attributes: key and value of whatever else the source says of it: novelty.
    """

    type: str
    arguments: tuple[tuple[str, str], ...]
    attributes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """One record of a literature file, as its reader understood it. The text is not yet cleaned or joined.

    Attributes:
        doc_id: CURIE: PMID before PMC before DOI before a hash of the content.
        version: the version the source gives, 1 where it gives none.
        status: `active`, `retracted` (kept, marked) or `deleted` (a tombstone: no title, no sections).
        aliases: other CURIEs of the same document.
        title: the title, may be empty.
        sections: label and text of each section after the title, in reading order.
        language: ISO 639-1 code of the text.
        subjects: subject headings and keywords, as the source gives them.
        publication_types: as the source gives them.
        full_text: whether the record holds the body of the paper, not its title and abstract alone.
        translations: titles and abstracts in other languages than the text's.
        retracts: CURIEs of the papers that this record, a notice, retracts.
        annotations, relations: what the source marks itself (gold); they never enter a graph unasked.
    """

    doc_id: str
    version: int = 1
    status: str = ACTIVE
    aliases: tuple[str, ...] = ()
    title: str = ""
    sections: tuple[Section, ...] = ()
    language: str = "en"
    year: int | None = None
    journal: str | None = None
    subjects: tuple[str, ...] = ()
    publication_types: tuple[str, ...] = ()
    full_text: bool = False
    translations: tuple[Translation, ...] = ()
    retracts: tuple[str, ...] = ()
    annotations: tuple[Annotation, ...] = ()
    relations: tuple[Relation, ...] = ()


class Reader(Protocol):
    """A member of the family of literature readers."""

    @property
    def name(self) -> str:
        """Name and version, as the inventory stores it: `pubmed_xml.v1`. Raise the version when the output changes."""

    @property
    def one_document(self) -> bool:
        """Whether a file of this format holds one document, so that small files are read in groups."""

    def recognises(self, head: bytes, name: str) -> bool:
        """Whether a file is of this format, by its first (decompressed) bytes and, where they leave it open, its name."""

    def read(self, stream: BinaryIO, file: str) -> Iterator[Document | SetAside]:
        """Yield the documents of a decompressed stream in their order, and a `SetAside` for each record not used.

        A file that breaks off (malformed XML) ends with a `SetAside`; what was read before it stands.
        `pipeline.readers.streams.BrokenStreamError` passes through.
        """


def clean(text: str) -> str:
    """The text in Unicode NFC, each control character but newline and tab replaced by a space.

    So is every combining mark that follows thirty others on one letter: no language has more (Unicode Standard Annex 15,
    Stream-Safe Text Format), and normalizing takes time that grows as the square of such a run.
    """
    if text.isascii():
        if text.isprintable():
            return text
    else:
        text = _PERHAPS_MARKS.sub(_thinned, _SURROGATES.sub("\ufffd", text))
        text = unicodedata.normalize("NFC", text)
    return _CONTROLS.sub(" ", text)


def _thinned(run: re.Match[str]) -> str:
    kept, marks = [], 0
    for character in run[0]:
        marks = marks + 1 if unicodedata.combining(character) else 0
        kept.append(character if marks <= 30 else " ")
        marks %= 31
    return "".join(kept)


def compose(title: str, sections: Sequence[Section]) -> tuple[str, list[tuple[str, int, int]]]:
    """The text that every offset counts into, and the label, start and end of each of its sections.

    The text is the title, then the sections that hold more than white space, each cleaned, joined by one newline. The title
    is always the first section, also where it is empty: so `title + separator + abstract`, the rule of PubTator's offsets,
    holds for every document.
    """
    parts = [("title", clean(title))]
    parts += [(clean(label), cleaned) for label, text in sections if (cleaned := clean(text)) and not cleaned.isspace()]
    spans, start = [], 0
    for label, text in parts:
        spans.append((label, start, start + len(text)))
        start += len(text) + 1
    return "\n".join(text for _, text in parts), spans


def raw_text(title: str, sections: Sequence[Section]) -> str:
    """What a reader's own offsets count into: the title and every section, also empty ones, joined by one newline."""
    return "\n".join([title, *(text for _, text in sections)])


def content_id(title: str, sections: Sequence[Section]) -> str:
    """The name of a document that brings no identifier of its own: the first 64 bits of its text hash."""
    return f"materia:{text_hash(compose(title, sections)[0])[:16]}"
