"""PubMed XML: the yearly baseline, daily update files, efetch answers, and MEDLINE's older citation sets.

Format: https://dtd.nlm.nih.gov/ncbi/pubmed/out/pubmed_250101.dtd and the element descriptions at
https://www.nlm.nih.gov/bsd/licensee/elements_descriptions.html.

Kept: title, abstract sections with their labels, further abstracts in English (labelled by their source), titles and
abstracts in other languages as translations, MeSH headings as MEDLINE prints them (`Aspirin/adverse effects`), keywords,
substances that are no heading, publication types, year, journal, PMC and DOI as aliases, the papers that a notice
retracts. The text of inline markup (italic, sub, sup, MathML) is kept, its tags are not. Dropped: authors, grants,
references, dates but the year.

Two thirds of the cost are gunzip and libxml2's parsing. The rest is kept small by one look at each child of a citation, and
none below what is dropped. Rejected: cutting the bytes at record ends and parsing each piece (a sixth of the whole, but wrong
where a comment or CDATA holds a tag), cutting out author and reference lists before the parser sees them (a fifth, but these
may nest, and an error in them would pass unseen), XMLPullParser (equal), a find() or XPath for each field.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from lxml import etree

from pipeline.errors import SetAside
from pipeline.readers.base import ACTIVE, DELETED, RETRACTED, Document, Section, Translation
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
#: ISO 639-2 for a language that nobody has said.
_UNDETERMINED = "und"

#: The children of an element by their tags, in the order of the file.
_Parts = dict[str, list[etree._Element]]


class PubmedXml:
    """Reader of PubMed and MEDLINE XML."""

    name = "pubmed_xml.v2"
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
                file,
                record.tag,
                "invalid-identifier",
                f"{(element.text or '')[:40]!r} is no PMID to delete. Correct it.",
            )
        else:
            yield Document(curie, _number(element.get("Version")), DELETED)


def _document(record: etree._Element) -> Document:
    if record.tag == "MedlineCitation":
        citation, data = _parts(record), _Parts()
    else:  # a citation or a book chapter, and beside it what PubMed adds
        citation, data = (_parts(record[at]) if len(record) > at else _Parts() for at in (0, 1))
    article = _parts(citation["Article"][0]) if "Article" in citation else citation  # a book chapter is its own article
    book = _parts(citation["Book"][0]) if "Book" in citation else _Parts()
    journal = article["Journal"][0] if "Journal" in article else None
    book_title = _first(book, "BookTitle")
    title, vernacular = _first(article, "ArticleTitle"), _first(article, "VernacularTitle")
    sections = list(_abstract(article["Abstract"][0], "abstract")) if "Abstract" in article else []
    translations: list[Translation] = []
    for other in citation.get("OtherAbstract", ()):
        language = two_letters(other.get("Language"))
        if language == "en":
            sections += _abstract(other, f"other abstract ({other.get('Type') or 'unnamed'})")
        else:
            translations += ((language, *section) for section in _abstract(other, "abstract"))
    language = "en"
    if not title or _NO_TITLE.fullmatch(title):
        title = vernacular or title
        if vernacular and not sections:
            language = two_letters(article["Language"][0].text if "Language" in article else None)
    elif vernacular:
        translations.insert(0, (_language_of_origin(article), "title", vernacular))
    pmid = citation["PMID"][0] if "PMID" in citation else None
    ids = [pmid_curie(pmid.text) if pmid is not None else None, *_other_ids(citation, article, data)]
    title = title or book_title
    doc_id, aliases = identify(ids, title, sections)
    types = [*_grandchildren(article, "PublicationTypeList"), *citation.get("PublicationType", ())]
    retracts = tuple(_links(citation, "RetractionOf"))
    return Document(
        doc_id,
        _number(pmid.get("Version")) if pmid is not None else 1,
        RETRACTED if _is_retracted(citation, types) else ACTIVE,
        aliases,
        title,
        tuple(sections),
        language,
        _year(journal, article, book),
        (_text(next(journal.iterchildren("Title"), None)) if journal is not None else "") or book_title or None,
        tuple(_subjects(citation)),
        tuple(filter(None, map(_text, types))),
        translations=tuple(translations),
        retracts=tuple(curie for curie in retracts if curie),
    )


def _parts(element: etree._Element) -> _Parts:
    found = _Parts()
    for child in element:
        found.setdefault(child.tag, []).append(child)
    return found


def _grandchildren(parts: _Parts, tag: str) -> Iterator[etree._Element]:
    """The children of every child of that tag."""
    for element in parts.get(tag, ()):
        yield from element


def _first(parts: _Parts, tag: str) -> str:
    """Text of the first child of that tag."""
    return _text(parts[tag][0]) if tag in parts else ""


def _text(element: etree._Element | None) -> str:
    """All text below an element, white space collapsed (the files are indented at will)."""
    if element is None:
        return ""
    if not len(element):
        return " ".join((element.text or "").split())
    # libxml2 joins the text several times faster than "".join(element.itertext())
    text = etree.tostring(element, method="text", encoding="unicode", with_tail=False)
    return " ".join(text.split())


def _number(version: str | None) -> int:
    return int(version) if version and version.isascii() and version.isdigit() and len(version) < 10 else 1


def _abstract(abstract: etree._Element, unlabelled: str) -> Iterator[Section]:
    for part in abstract.iterchildren("AbstractText"):
        label = part.get("Label") or ""
        if text := _text(part):
            yield label if label and label != "UNLABELLED" else unlabelled, text


def _language_of_origin(article: _Parts) -> str:
    """The language of a vernacular title: the article's first that is not English."""
    languages = (two_letters(element.text, _UNDETERMINED) for element in article.get("Language", ()))
    return next((language for language in languages if language != "en"), _UNDETERMINED)


def _other_ids(citation: _Parts, article: _Parts, data: _Parts) -> Iterator[str | None]:
    for element in article.get("ELocationID", ()):
        if element.get("EIdType") == "doi" and element.get("ValidYN") != "N":
            yield doi_curie(element.text)
    for element in citation.get("OtherID", ()):  # how MEDLINE gave PMC ids before PubmedData did
        if (element.text or "").startswith("PMC"):
            yield pmc_curie((element.text or "").split()[0])
    for holder in (citation, data):
        for element in _grandchildren(holder, "ArticleIdList"):
            kind = element.get("IdType")
            if kind in ("pmc", "pmcid"):
                yield pmc_curie(element.text)
            elif kind == "doi":
                yield doi_curie(element.text)


def _is_retracted(citation: _Parts, types: list[etree._Element]) -> bool:
    """Marked by type ("Retracted Publication") or by a link to the notice. The notice itself (D016440) is not retracted."""
    if any(kind.get("UI") == _RETRACTED_TYPE or kind.text == "Retracted Publication" for kind in types):
        return True
    kinds = ("RetractionIn", "RetractedandRepublishedIn")
    return any(True for kind in kinds for _ in _links(citation, kind))


def _links(citation: _Parts, kind: str) -> Iterator[str | None]:
    """PMIDs of the papers that a citation is linked to in one way; None for a link that names no PMID."""
    for link in _grandchildren(citation, "CommentsCorrectionsList"):
        if link.get("RefType") == kind:
            yield pmid_curie(link.findtext("PMID"))
    for link in _grandchildren(citation, "CommentsCorrections"):  # as the files of 2006 had it
        if link.tag == kind:
            yield pmid_curie(link.findtext("PMID"))


def _year(journal: etree._Element | None, article: _Parts, book: _Parts) -> int | None:
    issue = next(journal.iterchildren("JournalIssue"), None) if journal is not None else None
    places = [*issue.iterchildren("PubDate")] if issue is not None else []
    for place in (*places, *article.get("ArticleDate", ()), *book.get("PubDate", ())):
        if match := _YEAR.search(" ".join([part.text or "" for part in place])):  # Year, or MedlineDate
            return int(match[1])
    return None


def _subjects(citation: _Parts) -> Iterator[str]:
    """MeSH headings, then keywords, then those substances that are no heading."""
    headings = set()
    for heading in _grandchildren(citation, "MeshHeadingList"):
        names = [name for part in heading if (name := _text(part))]
        if names:
            headings.add(names[0])
            yield "/".join(names)
    for keyword in _grandchildren(citation, "KeywordList"):
        if name := _text(keyword):
            yield name
    for chemical in _grandchildren(citation, "ChemicalList"):
        for substance in chemical.iterchildren("NameOfSubstance"):
            if (name := _text(substance)) and name not in headings:
                yield name
