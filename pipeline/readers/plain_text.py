"""Plain text: a guideline or a chapter, one document a file.

There is no format; the file's name says that it is text (`.txt`, `.text`), and its encoding is told by
`pipeline.readers.encodings`. The first line is the title where it is short, stands alone and does not end like a sentence.
Paragraphs stand between blank lines; lines that the page's width broke are joined. A file is held in memory, of at most
16 MiB.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from pipeline.errors import SetAside
from pipeline.readers.base import Document, raw_text
from pipeline.readers.encodings import whole_text
from pipeline.readers.identifiers import identify
from pipeline.readers.languages import language_of
from pipeline.readers.wrapped_lines import goes_on, joined, page_width

__all__ = ["PlainText"]

_NAMES = (".txt", ".text", ".txt.gz", ".text.gz")
_LARGEST = 16 << 20
_LONGEST_TITLE = 200
_SENTENCE_ENDS = ".!?;:,。！？；：，"


class PlainText:
    """Reader of plain text."""

    name = "text.v1"
    one_document = True

    def recognises(self, head: bytes, name: str) -> bool:
        """By the file's name alone: any bytes could be text."""
        return name.lower().endswith(_NAMES)

    def read(self, stream: BinaryIO, file: str) -> Iterator[Document | SetAside]:
        """The one document of the file; none where it is blank."""
        text = whole_text(stream, file, limit=_LARGEST)
        if isinstance(text, SetAside):
            yield text
        elif text.strip():
            yield _document(text)


def _document(text: str) -> Document:
    lines = text.replace("\f", "\n\n").split("\n")
    width = page_width(lines)
    paragraphs: list[list[str]] = [[]]
    for line in lines:
        if line.strip():
            paragraphs[-1].append(line)
        elif paragraphs[-1]:
            paragraphs.append([])
    first, *following = paragraphs[0]
    title = first.strip()
    if (
        len(title) > _LONGEST_TITLE
        or title[-1] in _SENTENCE_ENDS
        or (following and goes_on(first, following[0], width))
    ):
        title = ""
    else:
        del paragraphs[0][0]
    body = "\n".join(joined(paragraph, width) for paragraph in paragraphs if paragraph)
    sections = (("body", body),) if body else ()
    doc_id, aliases = identify((), title, sections)
    language = language_of(raw_text(title, sections))
    return Document(doc_id, aliases=aliases, title=title, sections=sections, language=language, full_text=True)
