"""PDF: a paper or guideline, one document a file; it needs the extra `materia[pdf]` (pypdf).

Format: ISO 32000 (https://pdfa.org/resource/iso-32000-pdf/). A PDF holds glyphs at places and no paragraphs, so what is read is
a best guess; give a file in another format where there is one.

Kept: the title that the file states, the text of the pages in the order in which it is drawn, lines joined to paragraphs, and words
that a line end divides put together. Dropped: lines that stand first or last on most pages (headers, footers, page numbers),
pictures, forms, notes. Set aside: encrypted files, files whose pages are pictures (scans), files over 64 MiB or 2,000 pages,
and pages whose content cannot be parsed. Rejected: PyMuPDF, for its AGPL licence.
"""

from __future__ import annotations

import io
import logging
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, BinaryIO

from pipeline.errors import SetAside
from pipeline.readers.base import Document, raw_text
from pipeline.readers.identifiers import doi_curie, identify
from pipeline.readers.languages import language_of
from pipeline.readers.wrapped_lines import goes_on, joined, page_width

__all__ = ["Pdf"]

_LARGEST = 64 << 20
_MOST_PAGES = 2000
#: Bytes of the drawing instructions of one page. Text takes a hundredth of it; more is a drawing, and slow to parse.
_LONGEST_CONTENT = 2 << 20
#: Lines at the top and the foot of a page that may be its header or footer.
_EDGE = 2
#: A line at the edge of this share of the pages, of at least so many, is no text of theirs.
_REPEATED, _FEWEST_PAGES = 0.5, 3
_DOI = re.compile(r"(?i)\bdoi(?:\.org/|:\s*)(10\.\d{4,9}/[^\s,;]+)")
#: Titles that are what a program called its file.
_FILE_NAME = re.compile(r"(?i)\.(?:docx?|dvi|indd|pdf|qxd|tex)$|^microsoft word")
_AGAIN = "Get the file again from its source, or in another format"


class Pdf:
    """Reader of PDF."""

    name = "pdf.v1"
    one_document = True

    def recognises(self, head: bytes, name: str) -> bool:
        """By the format's header, which may stand behind a few other bytes."""
        return b"%PDF-" in head[:16]

    def read(self, stream: BinaryIO, file: str) -> Iterator[Document | SetAside]:
        """The one document of the file, and a SetAside for each page that cannot be read."""
        try:
            import pypdf
        except ImportError:
            detail = "PDF is read by an optional library that is not installed. Run: pip install 'materia[pdf]'."
            yield SetAside(file, "file", "needs-pdf-extra", detail)
            return
        data = stream.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            yield SetAside(file, "file", "file-too-large", "The file is larger than 64 MiB. Split it by its pages.")
            return
        if not data.strip():
            return
        logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # what matters of it is set aside
        try:
            book = pypdf.PdfReader(io.BytesIO(data))
            if book.is_encrypted and not book.decrypt(""):
                yield SetAside(file, "file", "encrypted-pdf", "The file needs a password. Save it without one.")
                return
            count = len(book.pages)
            stated = str(book.metadata.title or "") if book.metadata is not None else ""
        except Exception as error:  # pypdf raises whatever a damaged file leads it to
            detail = f"The file is damaged ({_named(error)}). {_AGAIN}."
            yield SetAside(file, "file", "corrupt-pdf", detail)
            return
        if count > _MOST_PAGES:
            yield SetAside(file, "file", "file-too-large", "The file has more than 2,000 pages. Split it by its pages.")
            return
        pages: list[list[str]] = []
        problems: list[SetAside] = []
        for number in range(count):
            try:
                pages.append(_page_lines(book.pages[number]))
            except Exception as error:
                detail = f"The page cannot be read ({_named(error)}). {_AGAIN}."
                problems.append(SetAside(file, f"page {number + 1}", "corrupt-page", detail))
        yield from problems
        document = _document(pages, stated)
        if document is not None:
            yield document
        elif not problems:
            detail = "The pages hold no text: they are pictures, as of a scan. Run text recognition (OCR) over the file first."
            yield SetAside(file, "file", "no-text-in-pdf", detail)


def _named(error: Exception) -> str:
    """An error on one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:120].rstrip(".: ")


def _page_lines(page: Any) -> list[str]:
    """The lines of a page as they are drawn, an empty one where a gap is."""
    content = page.get_contents()
    if content is None:
        return []
    if len(content.get_data()) > _LONGEST_CONTENT:
        raise ValueError("it is drawn with more than 2 MiB of instructions")
    return [line.rstrip() for line in page.extract_text().splitlines()]


def _document(pages: list[list[str]], stated: str) -> Document | None:
    """The document of the pages; None where they hold no text."""
    repeated = _repeated(pages)
    lines: list[str] = []
    for page in pages:
        lines += [
            line for place, line in enumerate(page) if not _is_edge(page, place) or _pattern(line) not in repeated
        ]
    width = page_width(lines)
    paragraphs: list[list[str]] = [[]]
    for line in lines:
        if line.strip():
            paragraphs[-1].append(line)
        elif paragraphs[-1] and not goes_on(paragraphs[-1][-1], "", width):
            paragraphs.append([])  # a gap inside a full line's paragraph is a page's end
    body = "\n".join(joined(paragraph, width, divided=True) for paragraph in paragraphs if paragraph)
    if not body:
        return None
    title = " ".join(stated.split())
    if not re.search(r"[^\W\d_]{2}.*\s", title) or _FILE_NAME.search(title):
        title = ""
    sections = (("body", body),)
    dois = {doi_curie(match.rstrip(".)]")) for match in _DOI.findall("\n".join(lines[:60]))}
    doc_id, aliases = identify(dois if len(dois) == 1 else (), title, sections)
    language = language_of(raw_text(title, sections))
    return Document(doc_id, aliases=aliases, title=title, sections=sections, language=language, full_text=True)


def _repeated(pages: list[list[str]]) -> set[str]:
    """Patterns of the lines that stand at the edge of most pages."""
    counts: Counter[str] = Counter()
    for page in pages:
        counts.update({_pattern(line) for place, line in enumerate(page) if line.strip() and _is_edge(page, place)})
    least = max(_FEWEST_PAGES, _REPEATED * len(pages))
    return {pattern for pattern, count in counts.items() if count >= least}


def _is_edge(page: list[str], place: int) -> bool:
    """Whether a line is among the first or last of its page."""
    return place < _EDGE or place >= len(page) - _EDGE


def _pattern(line: str) -> str:
    """A line with its numbers taken out, so that page 3 and page 4 look alike."""
    return re.sub(r"\d+", "#", " ".join(line.split())).casefold()
