"""PubMed XML: the yearly baseline, daily update files, efetch answers, and MEDLINE's older citation sets.

Format: https://dtd.nlm.nih.gov/ncbi/pubmed/out/pubmed_250101.dtd and the element descriptions at
https://www.nlm.nih.gov/bsd/licensee/elements_descriptions.html. The cost is that of libxml2's parsing; the reader
looks at each child of a record once.

Kept: title, abstract sections with their labels, further abstracts in English (labelled by their source), MeSH headings as
MEDLINE prints them (`Aspirin/adverse effects`), keywords, publication types, year, journal, PMC and DOI as aliases. The
text of inline markup (italic, sub, sup, MathML) is kept, its tags are not. Dropped: abstracts in other languages (their text
would be mixed into an English one), authors, grants, references, chemicals lists.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from lxml import etree

from pipeline.errors import SetAside
from pipeline.readers.base import ACTIVE, DELETED, RETRACTED, Document, Section
from pipeline.readers.identifiers import doi_curie, identify, pmc_curie, pmid_curie
from pipeline.readers.languages import two_letters
from pipeline.readers.xml_stream import root_name, xml_records

__all__ = ["PubmedXml"]

_ROOTS = ("MedlineCitationSet", "PubmedArticleSet", "PubmedBookArticleSet")
_RECORDS = ("PubmedArticle", "PubmedBookArticle", "MedlineCitation")
_DELETIONS = ("DeleteCitation", "DeleteDocument")
_RETRACTED_TYPE = "D016441"
_YEAR = re.compile(r"\b(1[5-9]\d\d|2\d\d\d)\b")
_NO_TITLE = re.compile(r"\[?\s*(?:not available|in process citation)\s*\]?\.?", re.IGNORECASE)


class PubmedXml:
    """Reader of PubMed and MEDLINE XML."""

    name = "pubmed_xml.v1"
    one_document = False

    def recognises(self, head: bytes, name: str) -> bool:
        """By the root element."""
        return root_name(head) in {*_ROOTS, *_RECORDS, *_DELETIONS}

    def read(self, stream: BinaryIO, file: str) -> Iterator[Document | SetAside]:
        """One document a citation, one tombstone a deleted PMID, in the order of the file."""
        for record in xml_records(stream, file, roots=_ROOTS, records=(*_RECORDS, *_DELETIONS)):
            if isinstance(record, SetAside):
                yield record
            elif record.tag in _DELETIONS:
                yield from _deletions(record, file)
            else:
                yield _document(record)


def _deletions(record: etree._Element, file: str) -> Iterator[Document | SetAside]:
    for element in record.iter("PMID"):
        curie = pmid_curie(element.text)
        if curie is None:
            yield SetAside(
                file, record.tag, "invalid-identifier", f"{element.text!r} is no PMID to delete. Correct it."
            )
        else:
            yield Document(curie, _number(element.get("Version")), DELETED)


def _document(record: etree._Element) -> Document:
    if record.tag == "MedlineCitation":
        citation, data = record, None
    else:  # a citation or a book chapter, and beside it what PubMed adds
        citation, data = record[0] if len(record) else record, record[1] if len(record) > 1 else None
    article = citation.find("Article")
    if article is None:
        article = citation
    title, vernacular = _text(article.find("ArticleTitle")), _text(article.find("VernacularTitle"))
    sections = [*_abstract(article.find("Abstract"), "abstract"), *_other_abstracts(citation)]
    language = "en"
    if not title or _NO_TITLE.fullmatch(title):
        title = vernacular or title
        if vernacular and not sections:
            language = two_letters(article.findtext("Language"))
    book = citation.find("Book")
    if not title and book is not None:
        title = _text(book.find("BookTitle"))
    pmid = citation.find("PMID")
    ids = [pmid_curie(pmid.text) if pmid is not None else None, *_other_ids(citation, article, data)]
    doc_id, aliases = identify(ids, title, sections)
    types = article.findall("PublicationTypeList/PublicationType") + citation.findall("PublicationType")
    return Document(
        doc_id,
        _number(pmid.get("Version")) if pmid is not None else 1,
        RETRACTED if _is_retracted(citation, types) else ACTIVE,
        aliases,
        title,
        tuple(sections),
        language,
        _year(article, book),
        _text(article.find("Journal/Title")) or (_text(book.find("BookTitle")) if book is not None else "") or None,
        tuple(_subjects(citation)),
        tuple(filter(None, map(_text, types))),
    )


def _text(element: etree._Element | None) -> str:
    """All text below an element, white space collapsed (the files are indented at will)."""
    if element is None:
        return ""
    text = "".join(element.itertext()) if len(element) else element.text or ""  # type: ignore[arg-type]
    return " ".join(text.split())


def _number(version: str | None) -> int:
    return int(version) if version and version.isascii() and version.isdigit() and len(version) < 10 else 1


def _abstract(abstract: etree._Element | None, unlabelled: str) -> Iterator[Section]:
    for part in abstract.findall("AbstractText") if abstract is not None else ():
        label = part.get("Label") or ""
        if text := _text(part):
            yield label if label and label != "UNLABELLED" else unlabelled, text


def _other_abstracts(citation: etree._Element) -> Iterator[Section]:
    for other in citation.findall("OtherAbstract"):
        if two_letters(other.get("Language")) == "en":
            yield from _abstract(other, f"other abstract ({other.get('Type') or 'unnamed'})")


def _other_ids(citation: etree._Element, article: etree._Element, data: etree._Element | None) -> Iterator[str | None]:
    for element in article.findall("ELocationID"):
        if element.get("EIdType") == "doi" and element.get("ValidYN") != "N":
            yield doi_curie(element.text)
    for element in citation.findall("OtherID"):  # how MEDLINE gave PMC ids before PubmedData did
        if (element.text or "").startswith("PMC"):
            yield pmc_curie((element.text or "").split()[0])
    for holder in (citation, data):
        for element in holder.findall("ArticleIdList/ArticleId") if holder is not None else ():
            kind = element.get("IdType")
            yield (
                pmc_curie(element.text)
                if kind in ("pmc", "pmcid")
                else doi_curie(element.text)
                if kind == "doi"
                else None
            )


def _is_retracted(citation: etree._Element, types: list[etree._Element]) -> bool:
    """Marked by type ("Retracted Publication") or by a link to the notice. The notice itself (D016440) is not retracted."""
    if any(kind.get("UI") == _RETRACTED_TYPE or kind.text == "Retracted Publication" for kind in types):
        return True
    links = citation.findall("CommentsCorrectionsList/CommentsCorrections")
    if any(link.get("RefType") == "RetractionIn" for link in links):
        return True
    return citation.find("CommentsCorrections/RetractionIn") is not None  # as the files of 2006 had it


def _year(article: etree._Element, book: etree._Element | None) -> int | None:
    places = [article.find("Journal/JournalIssue/PubDate"), article.find("ArticleDate")]
    if book is not None:
        places.append(book.find("PubDate"))
    for place in places:
        if place is not None and (match := _YEAR.search(" ".join(place.itertext()))):  # type: ignore[arg-type]
            return int(match[1])
    return None


def _subjects(citation: etree._Element) -> Iterator[str]:
    for heading in citation.findall("MeshHeadingList/MeshHeading"):
        if name := "/".join(filter(None, map(_text, heading))):
            yield name
    for keyword in citation.findall("KeywordList/Keyword"):
        if name := _text(keyword):
            yield name
