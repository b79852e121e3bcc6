"""What a BioC document means, whether it came as XML or as JSON: the shared half of the two readers.

Format: https://bioc.sourceforge.net (Comeau et al. 2013, doi:10.1093/database/bat064); the infons are those of PubTator 3
and of PubMed Central's BioC (doi:10.1093/bioinformatics/btz070).

Kept: the title passage as title, every other passage as a section under its `section_type` (else its `type`) in lower case,
headings among them; sentences, joined by a space, where a passage has no text of its own; annotations of documents, passages
and sentences, discontinuous ones too; relations with the roles of their nodes; identifiers, year, journal, keywords.
A relation without nodes names concepts in its infons (BC5CDR, BioRED, PubTator 3): an infon is an end where it holds an
identifier as an annotation of the document writes it. Dropped: references (section_type REF) with what is marked in them,
authors, licences. A relation between relations is set aside, as it refers to no annotation.

Offsets are global in BioC and have gaps. Each passage or sentence is a piece with its own start, and an offset moves with
its piece into `raw_text`.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import Any

from bioc import BioCAnnotation, BioCDocument, BioCPassage, BioCRelation

from pipeline.errors import SetAside
from pipeline.hashing import hash_fields
from pipeline.readers.annotation_checks import checked
from pipeline.readers.annotation_identifiers import curies_of, learn
from pipeline.readers.base import Annotation, Document, Relation, Section, clean
from pipeline.readers.identifiers import doi_curie, identifier, identify, pmc_curie, pmid_curie

__all__ = ["MOST_OBJECTS", "documents"]

#: Objects or elements of one document: a full text has some ten thousand, and each takes a kilobyte once it is decoded.
MOST_OBJECTS = 300_000
#: Labels of passages that are no body.
_FRONT = {"title", "front", "abstract", "keyword", "keywords", "kwd", "mesh", "ref"}
_IDENTIFIER_KEYS = (
    ("article-id_pmid", pmid_curie), ("pmid", pmid_curie), ("article-id_pmc", pmc_curie), ("pmcid", pmc_curie),
    ("pmc", pmc_curie), ("article-id_doi", doi_curie), ("doi", doi_curie),
)  # fmt: skip
#: Infons that hold what an annotation stands for: those that mix databases, and those named for one.
_LINKS = {"identifier", "mesh", "omim", "ncbi gene", "ncbigene", "ncbi taxonomy", "ncbitaxon", "chebi", "umls"}
_TYPES = ("type", "relation", "relation type")
_YEAR = re.compile(r"[12][0-9]{3}")


def documents(document: BioCDocument, file: str) -> Iterator[Document | SetAside]:
    """The document, after what of its gold is set aside."""
    text = _Text(document.passages)
    known: dict[str, tuple[str, ...]] = {}
    passages = [_lower(passage.infons) for passage in document.passages]
    infons = [_lower(document.infons), *passages]
    annotations = tuple(
        _annotation(annotation, text, known)
        for holder in _holders(document, text.passages)
        for annotation in holder.annotations
    )
    sections = tuple(text.sections)
    doc_id, aliases = identify(_identifiers(document.id, infons, file), text.title, sections)
    journal = _first(infons, "journal").partition(";")[0].strip()
    year = _YEAR.match(_first(infons, "year"))
    keywords = [
        word for found in infons for key in ("kwd", "keywords") for word in re.split(r"[;,]", found.get(key, ""))
    ]
    yield from checked(
        Document(
            doc_id,
            aliases=aliases,
            title=text.title,
            sections=sections,
            year=int(year[0]) if year else None,
            journal=journal or None,
            subjects=tuple(dict.fromkeys(filter(None, map(str.strip, keywords)))),
            full_text=text.full,
            annotations=annotations,
            relations=tuple(
                _relation(relation, known)
                for holder in _holders(document, text.passages)
                for relation in holder.relations
            ),
        ),
        file,
    )


class _Text:
    """Title and sections of a document, and where each stretch of its global offsets stands in them."""

    def __init__(self, passages: Iterable[BioCPassage]) -> None:
        self.title = ""
        self.sections: list[Section] = []
        self.passages: list[BioCPassage] = []
        self.full = False
        # global start, length, place of the section (0 the title), start in it
        pieces: list[tuple[int, int, int, int]] = []
        for passage in passages:
            infons = _lower(passage.infons)
            declared = (infons.get("section_type") or infons.get("type") or "").casefold()
            if declared == "ref":
                continue
            self.passages.append(passage)
            text, parts = _pieces(passage)
            place = len(self.sections) + 1
            if declared in ("title", "front") and not self.title:
                self.title, place = text, 0
            else:
                self.sections.append((declared or "body", text))
                self.full = self.full or bool(declared and declared not in _FRONT)
            pieces += [(start, length, place, inside) for start, length, inside in parts]
        starts, start = [0], len(self.title) + 1
        for _, text in self.sections:
            starts.append(start)
            start += len(text) + 1
        self._pieces = sorted((begin, length, starts[place] + inside) for begin, length, place, inside in pieces)
        self._starts = [begin for begin, _, _ in self._pieces]
        self._parts = [self.title, *(text for _, text in self.sections)]

    def span(self, offset: int, length: int) -> tuple[int, int]:
        """A location as a span of `raw_text`; (-1, -1) where it lies in no passage."""
        first, last = self._move(offset), self._move(offset + length - 1)
        return (-1, -1) if first < 0 or last < 0 or length <= 0 else (first, last + 1)

    def _move(self, offset: int) -> int:
        place = bisect_right(self._starts, offset) - 1
        if place < 0:
            return -1
        begin, length, start = self._pieces[place]
        return start + offset - begin if offset < begin + length else -1


def _pieces(passage: BioCPassage) -> tuple[str, list[tuple[int, int, int]]]:
    """Text of a passage, and global start, length and start in the text of each of its pieces."""
    if passage.text or not passage.sentences:
        text = passage.text or ""
        return text, [(passage.offset, len(text), 0)]
    pieces, start = [], 0
    for sentence in passage.sentences:
        length = len(sentence.text or "")
        pieces.append((sentence.offset, length, start))
        start += length + 1
    return " ".join(sentence.text or "" for sentence in passage.sentences), pieces


def _holders(document: BioCDocument, passages: list[BioCPassage]) -> Iterator[Any]:
    """Whatever of a document holds annotations and relations."""
    yield document
    for passage in passages:
        yield passage
        yield from passage.sentences


def _annotation(annotation: BioCAnnotation, text: _Text, known: dict[str, tuple[str, ...]]) -> Annotation:
    infons = _lower(annotation.infons)
    kind = infons.get("type", "")
    curies = [
        curie
        for key, value in infons.items()
        if key in _LINKS
        for curie in learn(known, value, kind if key == "identifier" else key)
    ]
    spans = tuple(text.span(location.offset, location.length) for location in annotation.locations)
    return Annotation(annotation.id or "", spans, annotation.text or "", kind, tuple(dict.fromkeys(curies)))


def _relation(relation: BioCRelation, known: dict[str, tuple[str, ...]]) -> Relation:
    infons = _lower(relation.infons)
    kind = next((infons.pop(key) for key in _TYPES if key in infons), "")
    arguments = []
    for key, value in relation.infons.items():
        if isinstance(value, dict):  # PubTator 3: role1 and role2, each with an identifier and a type
            concept = _lower(value)
            ends = curies_of(concept.get("identifier", ""), concept.get("type", ""))
        else:
            ends = () if relation.nodes else known.get(infons.get(key.casefold(), "").strip(), ())
        arguments += [(key, curie) for curie in ends]
        if ends:
            infons.pop(key.casefold(), None)
    if not arguments:
        arguments = [(node.role or "", node.refid or "") for node in relation.nodes]
    return Relation(kind, tuple(arguments), tuple(infons.items()))


def _identifiers(name: str | None, infons: list[dict[str, str]], file: str) -> list[str]:
    found = {curie for each in infons for key, form in _IDENTIFIER_KEYS if (curie := form(each.get(key)))}
    name = (name or "").strip()
    if not name:
        return sorted(found)
    # PubMed Central numbers its documents without saying PMC; a bare number is a PMID where no infon tells better
    own = identifier(name) or (None if found else pmid_curie(name))
    if own is None and not found:
        own = f"materia:{hash_fields(file, clean(name))[:16]}"
    return sorted({*found, *filter(None, [own])})


def _first(infons: list[dict[str, str]], key: str) -> str:
    return next((found[key] for found in infons if found.get(key)), "")


def _lower(infons: dict[Any, Any]) -> dict[str, str]:
    """Infons with keys in lower case and values as text; what is no text or number is passed over."""
    return {
        str(key).casefold(): str(value)
        for key, value in infons.items()
        if isinstance(value, str | float | int) and not isinstance(value, bool)
    }
