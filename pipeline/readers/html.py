"""Web pages: the text of an encyclopaedia's article without the page's navigation, one document a file.

Format: HTML (https://html.spec.whatwg.org) and XHTML. trafilatura (https://trafilatura.readthedocs.io) finds the article and drops
menus, banners, comments and scripts; it works on the given bytes alone and never fetches. Its faster way is used, without
the second opinion of other extractors; a page of 49,000 paragraphs took 2.5 s.

Kept: title (`h1`, else the head's `title`), sections under the path of their headings, list items, rows of tables (cells between
` | `), language, and where the head states them in Highwire's or Dublin Core's names the identifiers, the journal and the
year. Dropped: authors, captions of pictures, links' addresses. A page is held in memory, of at most 8 MiB and 100,000 tags.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import Any, BinaryIO, cast

from lxml import etree, html

from pipeline.errors import SetAside
from pipeline.readers.base import Document
from pipeline.readers.columns import Columns
from pipeline.readers.encodings import encoding_of
from pipeline.readers.fields import document_of
from pipeline.readers.identifiers import doi_curie, pmid_curie
from pipeline.readers.outline import Outline

__all__ = ["Html"]

_NAMES = (".html", ".htm", ".xhtml", ".html.gz", ".htm.gz", ".xhtml.gz")
_START = re.compile(rb"(?:\s|<\?xml[^>]{0,200}\?>|<!--(?s:.{0,2000}?)-->)*<(?:!doctype\s+html|html)\b", re.IGNORECASE)
_CHARSET = re.compile(
    rb"""<(?:meta\b[^>]{0,200}?\bcharset|\?xml[^>]{0,100}?\bencoding)\s*=\s*["']?([A-Za-z0-9_-]{1,40})""", re.I
)
_LARGEST = 8 << 20
_MOST_TAGS = 100_000
# Names of a head's `meta` elements: https://scholar.google.com/intl/en/scholar/inclusion.html
_META = {
    "citation_pmid": "pmid", "citation_doi": "doi", "dc.identifier": "doi", "citation_journal_title": "journal",
    "citation_publication_date": "year", "citation_date": "year", "dc.date": "year",
}  # fmt: skip
_CURIES = {"pmid": pmid_curie, "doi": doi_curie}
#: Elements of trafilatura's tree that stand on lines of their own.
_BLOCKS = {"p", "list", "item", "table", "row", "quote", "head", "div", "ab", "code"}


class Html:
    """Reader of web pages."""

    name = "html.v1"
    one_document = True

    def recognises(self, head: bytes, name: str) -> bool:
        """By the root element or the document type, or by the file's name."""
        return _START.match(head.removeprefix(b"\xef\xbb\xbf")) is not None or name.lower().endswith(_NAMES)

    def read(self, stream: BinaryIO, file: str) -> Iterator[Document | SetAside]:
        """The one document of the file."""
        data = stream.read(_LARGEST + 1)
        if len(data) > _LARGEST or data.count(b"<") > _MOST_TAGS:
            detail = "The page is larger than 8 MiB or has more than 100,000 tags. Cut out its article."
            yield SetAside(file, "file", "page-too-large", detail)
            return
        if not data.strip():
            return
        # a page without a mark of its own is decoded as it says, else as it looks
        stated = _CHARSET.search(data[:4096])
        encoding = encoding_of(data)
        if encoding not in ("utf-8", "utf-8-sig", "utf-16", "utf-32") and stated:
            encoding = _known(stated[1].decode("ascii")) or encoding
        if encoding is None:
            yield SetAside(
                file, "file", "not-text", "The file holds bytes that no page has. Get it again from its source."
            )
            return
        yield _document(data.decode(encoding, "replace"), file)


def _known(encoding: str) -> str | None:
    try:
        return codecs.lookup({"gb2312": "gb18030", "gbk": "gb18030"}.get(encoding.lower(), encoding)).name
    except LookupError:
        return None


def _document(page: str, file: str) -> Document | SetAside:
    from trafilatura import bare_extraction  # loads a second of libraries

    parser = html.HTMLParser(huge_tree=False, remove_comments=True, remove_pis=True)
    try:
        tree = html.document_fromstring(re.sub(r"^\s*<\?xml[^>]*\?>", "", page.replace("\0", " ")), parser)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError):
        return SetAside(file, "file", "malformed-html", "The file holds no HTML. Get it again from its source.")
    record = _head(tree)
    headings = [_words(heading) for heading in tree.iter("h1")]
    try:
        found = bare_extraction(
            tree, fast=True, include_comments=False, include_tables=True, include_links=False, include_images=False,
            include_formatting=False, favor_recall=True, deduplicate=False, with_metadata=False,
        )  # fmt: skip
    except (RecursionError, ValueError) as error:
        detail = f"Its article cannot be found ({type(error).__name__}). Cut it out, or save the page as text."
        return SetAside(file, "file", "malformed-html", detail)
    if found is None:
        return SetAside(
            file, "file", "no-article", "The page has no text to speak of. Nothing is to be done unless it has."
        )
    outline = Outline()
    inside = [_words(head) for head in found.body.iter("head") if head.get("rend") == "h1"]
    title = next(filter(None, [*inside, *headings]), "") or record.get("title", "")
    for element in found.body:
        if element.tag == "head":
            if (words := _words(element)) != title:
                outline.heading(int((element.get("rend") or "h2")[-1:] or 2), words)
        else:
            for line in _lines(element):
                outline.add(line)
    record["title"] = title
    record["sections"] = [{"label": label, "text": text} for label, text in outline.close()]
    return document_of(record, file, "file")


def _head(tree: etree._Element) -> dict[str, Any]:
    """What the head of a page states of it, as fields of a record; what is malformed there is passed over."""
    names, values = ["title", "language"], [_words(tree.find("head/title")), tree.get("lang") or ""]
    for meta in tree.iter("meta"):
        field = _META.get((meta.get("name") or "").lower())
        value = (meta.get("content") or "").strip()
        if field and value and (field not in _CURIES or _CURIES[field](value)):
            names.append(field)
            values.append(value)
    return Columns(names).record(values)


def _words(element: etree._Element | None) -> str:
    """All text below an element on one line."""
    return " ".join(_text(element).split()) if element is not None else ""


def _text(element: etree._Element) -> str:
    return "".join(cast(Iterator[str], element.itertext()))


def _lines(element: etree._Element) -> Iterator[str]:
    """The lines below a block of trafilatura's tree: a row is one, an item and a paragraph are one or more."""
    if element.tag == "row":
        yield " | ".join(_words(cell) for cell in element.iter("cell"))
        return
    pieces = [element.text or ""]
    for child in element:
        if child.tag in _BLOCKS:
            yield "".join(pieces)
            yield from _lines(child)
            pieces = []
        elif child.tag == "lb":
            pieces.append("\n")
        else:
            pieces.append(_text(child))
        pieces.append(child.tail or "")
    yield "".join(pieces)
