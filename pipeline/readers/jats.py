"""JATS and its forerunner NLM DTD: full-text articles as PubMed Central and publishers give them.

Format: https://jats.nlm.nih.gov/archiving/ (ANSI/NISO Z39.96). One article is held in memory at a time; a file may hold
several (an efetch answer).

Kept: title and subtitle; abstracts in the article's language; titles and abstracts in others as translations; body sections
under the path of their headings (`Results > Dose`), their paragraphs and list items on lines of their own; captions of
figures, tables and supplements as sections of their own, after the section they stand in; appendices; the papers that a
notice retracts. Dropped: references, cells and foot notes of tables, acknowledgements, sub-articles (reviews and replies),
LaTeX copies of formulas. The text of inline markup is kept, its tags are not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from lxml import etree

from pipeline.errors import SetAside
from pipeline.readers.base import ACTIVE, RETRACTED, Document, Section
from pipeline.readers.identifiers import doi_curie, identifier, identify, pmc_curie, pmid_curie
from pipeline.readers.languages import two_letters
from pipeline.readers.xml_stream import root_name, xml_records

__all__ = ["Jats"]

#: A path of headings longer than this starts anew at its last heading, so that deep nesting of long ones costs no memory.
_LONGEST_PATH = 1000
_LINK = "{http://www.w3.org/1999/xlink}href"
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
_RETRACTED_TITLE = re.compile(r"\W*retracted(?: article)?\s*[:\]]", re.IGNORECASE)
_UNDETERMINED = "und"  # ISO 639-2 for a language that nobody has said
_ABSTRACTS = {"abstract", "trans-abstract"}
_SILENT = {
    "ref-list", "tex-math", "object-id", "permissions", "graphic", "inline-graphic", "sec-meta", "table", "table-wrap-foot",
    "attrib", "alt-text", "long-desc", "annotation", "processing-meta",
}  # fmt: skip
_HEADS = {"title", "label"}  # of a section or a float: they become its label
_FLOATS = {"fig", "table-wrap", "supplementary-material", "media"}
_NESTED = {"sec", "boxed-text", "app", "glossary", "notes"}
_SPREAD = {"fig-group", "table-wrap-group", "floats-group", "floats-wrap", "app-group"}
_BLOCKS = {
    "p", "list", "list-item", "def-list", "def-item", "def", "term", "disp-quote", "verse-group", "verse-line", "statement",
    "speech", "preformat", "code", "array", "tr", "chem-struct-wrap", "title",
}  # fmt: skip
_SPACED = {
    "disp-formula",
    "disp-formula-group",
    "break",
    "td",
}  # apart from the words around, but inside their sentence


class Jats:
    """Reader of JATS and NLM DTD articles."""

    name = "jats.v2"
    one_document = True

    def recognises(self, head: bytes, name: str) -> bool:
        """By the root element; an article is told from other formats' by its `front` or its DTD."""
        root = root_name(head)
        return root == "pmc-articleset" or (
            root == "article" and (b"<front" in head or b"DTD" in head or b"JATS" in head)
        )

    def read(self, stream: BinaryIO, file: str) -> Iterator[Document | SetAside]:
        """One document an article."""
        for record in xml_records(stream, file, roots=("pmc-articleset",), records=("article",)):
            yield record if isinstance(record, SetAside) else _document(record)


def _document(article: etree._Element) -> Document:
    for element in article.iter(etree.Element):  # publishers put JATS or MathML into namespaces or not
        if "}" in element.tag:
            element.tag = element.tag.rpartition("}")[2]
    meta = article.find("front/article-meta")
    if meta is None:
        meta = etree.Element("article-meta")
    language = two_letters(article.get(_LANGUAGE))
    title = ": ".join(filter(None, (_line(meta.find(f"title-group/{tag}")) for tag in ("article-title", "subtitle"))))
    sections: list[Section] = []
    translations = [(code, "title", text) for code, text in _other_titles(meta)]
    for abstract in meta.iterfind("*"):
        if abstract.tag in _ABSTRACTS:
            code = two_letters(abstract.get(_LANGUAGE), _UNDETERMINED if abstract.tag == "trans-abstract" else language)
            found = _sections(abstract, _abstract_label(abstract))
            if code == language:
                sections += found
            else:
                translations += ((code, *section) for section in found)
    front = len(sections)
    for element in article.iterfind("body"):
        sections += _sections(element, "body")
    full_text = len(sections) > front
    for place, label in (
        ("back/app-group", "appendix"),
        ("back/app", "appendix"),
        ("floats-group", ""),
        ("floats-wrap", ""),
    ):
        for element in article.iterfind(place):
            sections += _sections(element, label)
    doc_id, aliases = identify(map(_id, meta.findall("article-id")), title, sections)
    subjects = [*map(_line, meta.iterfind("article-categories//subject")), *map(_line, meta.iterfind("kwd-group//kwd"))]
    return Document(
        doc_id,
        1,
        RETRACTED if _is_retracted(meta, title) else ACTIVE,
        aliases,
        title,
        tuple(sections),
        language,
        _year(meta),
        _line(article.find("front/journal-meta//journal-title")) or None,
        tuple(dict.fromkeys(filter(None, subjects))),
        tuple(filter(None, [article.get("article-type")])),
        full_text,
        tuple(translations),
        tuple(_retracts(meta)),
    )


def _other_titles(meta: etree._Element) -> Iterator[tuple[str, str]]:
    """Language and text of each title in another language: in a group of their own, or bare as the NLM DTD had them."""
    for title in meta.iterfind("title-group//trans-title"):
        group = title.getparent()
        code = title.get(_LANGUAGE) or (group.get(_LANGUAGE) if group is not None else None)
        if text := _line(title):
            yield two_letters(code, _UNDETERMINED), text


_CURIES = {"pmid": pmid_curie, "pmc": pmc_curie, "pmcid": pmc_curie, "doi": doi_curie}
_LINKS = {**_CURIES, "pubmed": pmid_curie}


def _id(element: etree._Element) -> str | None:
    curie = _CURIES.get(element.get("pub-id-type") or "")
    return curie(element.text) if curie is not None else None


def _is_retracted(meta: etree._Element, title: str) -> bool:
    """By a forward link to the notice, or by the mark that publishers set before the title."""
    links = (link.get("related-article-type") for link in meta.iterfind("related-article"))
    return "retraction-forward" in links or _RETRACTED_TITLE.match(title) is not None


def _retracts(meta: etree._Element) -> Iterator[str]:
    """The papers that this one, a notice, retracts."""
    for link in meta.iterfind("related-article"):
        if link.get("related-article-type") == "retracted-article":
            curie = _LINKS.get(link.get("ext-link-type") or "", identifier)(link.get(_LINK) or "")
            if curie:
                yield curie


def _year(meta: etree._Element) -> int | None:
    years = [e.text.strip() for e in meta.iterfind("pub-date/year") if e.text]
    return min((int(y) for y in years if re.fullmatch(r"[12]\d\d\d", y)), default=None)


def _abstract_label(abstract: etree._Element) -> str:
    kind, heading = abstract.get("abstract-type"), _line(abstract.find("title"))
    return _path(f"abstract ({kind})" if kind else "abstract", "" if heading.lower() == "abstract" else heading)


def _text(element: etree._Element) -> str:
    """Text below an element: inline tags vanish, blocks begin new lines, silent elements and floats are left out."""
    pieces: list[str] = []

    def walk(node: etree._Element) -> None:
        pieces.append(" ".join((node.text or "").splitlines()))
        for child in node:
            tag = child.tag
            if tag not in _SILENT and tag not in _FLOATS and tag not in _NESTED and tag not in _SPREAD:
                edge = "\n" if tag in _BLOCKS else " " if tag in _SPACED else ""
                pieces.append(edge)
                walk(child)
                pieces.append(edge)
            pieces.append(" ".join((child.tail or "").splitlines()))

    walk(element)
    lines = (" ".join(line.split()) for line in "".join(pieces).split("\n"))
    return "\n".join(filter(None, lines))


def _line(element: etree._Element | None) -> str:
    """All text below an element on one line."""
    return " ".join(_text(element).split()) if element is not None else ""


def _sections(element: etree._Element, label: str) -> Iterator[Section]:
    """The sections below an element in reading order, each named by the path of its headings."""
    lines: list[str] = []
    floats: list[Section] = []
    for child in element:
        tag = child.tag
        if tag in _NESTED:
            if lines or floats:
                yield from _flush(label, lines, floats)
            yield from _sections(child, _path(label, _heading(child)))
        elif tag in _SPREAD:
            floats += _sections(child, label)
        elif tag in _FLOATS:
            floats += _caption(child)
        elif tag == "caption":  # of a box
            lines += filter(None, (_text(part) for part in child if part.tag not in _HEADS))
            floats += _inside(child)
        elif tag not in _SILENT and tag not in _HEADS:
            if text := _text(child):
                lines.append(text)
            floats += _inside(child)
    yield from _flush(label, lines, floats)


def _heading(section: etree._Element) -> str:
    """The title of a section; of a box its label and the title of its caption."""
    over = (section.find("label"), section.find("caption/title"))
    return _line(section.find("title")) or " ".join(filter(None, map(_line, over)))


def _path(label: str, heading: str) -> str:
    if not heading:
        return label
    alone = label in ("", "body", "appendix") or len(label) + len(heading) > _LONGEST_PATH
    return heading if alone else f"{label} > {heading}"


def _flush(label: str, lines: list[str], floats: list[Section]) -> Iterator[Section]:
    if lines:
        yield label or "body", "\n".join(lines)
    yield from floats
    lines.clear()
    floats.clear()


def _inside(element: etree._Element) -> Iterator[Section]:
    """Captions and boxes that stand inside a paragraph."""
    for child in element:
        if child.tag in _FLOATS:
            yield from _caption(child)
        elif child.tag in _NESTED or child.tag in _SPREAD:
            yield from _sections(child, _heading(child))
        elif child.tag not in _SILENT:
            yield from _inside(child)


def _caption(element: etree._Element) -> Iterator[Section]:
    label = _line(element.find("label")).rstrip(".:") or element.tag
    caption = element.find("caption")
    if caption is not None:
        lines = [_line(caption.find("title")), *(_text(child) for child in caption if child.tag != "title")]
        if text := "\n".join(filter(None, lines)):
            yield label, text
        yield from _inside(caption)
    for child in element:
        if child.tag in _FLOATS:
            yield from _caption(child)
