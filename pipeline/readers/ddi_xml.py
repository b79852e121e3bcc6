"""The DDI corpus (2011, 2013): drugs and their interactions in sentences of DrugBank and MEDLINE, one document a file.

Format: https://github.com/isegura/DDICorpus (Herrero-Zazo et al. 2013, doi:10.1016/j.jbi.2013.07.011). `charOffset` counts code
points of its sentence, ends inclusive, parts of a discontinuous mention separated by `;`.

Kept: the sentences, one a line, as one section (`abstract` of MedLine, `body` of DrugBank; the corpus tells no titles);
entities under their type, without identifiers, as the corpus has none; pairs with `ddi="true"` as relations of their type
(`ddi` where it is not given), the ends being subject and object in the order of the corpus. Dropped: pairs without interaction,
which are all other pairs of one sentence. A MedLine file is named by its PMID, and so is its document.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from lxml import etree

from pipeline.errors import SetAside
from pipeline.readers.annotation_checks import checked
from pipeline.readers.base import Annotation, Document, Relation
from pipeline.readers.identifiers import identify
from pipeline.readers.xml_stream import root_name, xml_records

__all__ = ["DdiXml"]

_SENTENCE = re.compile(rb"<sentence\s[^<]*\btext\s*=")
_PART = re.compile(r"([0-9]{1,9})-([0-9]{1,9})")
_PMID_FILE = re.compile(r"(?:^|/)([1-9][0-9]{3,8})\.xml(?:\.gz)?$")


class DdiXml:
    """Reader of the DDI corpus."""

    name = "ddi_xml.v2"
    one_document = True

    def recognises(self, head: bytes, name: str) -> bool:
        """By its root and a sentence with its text in an attribute."""
        return root_name(head) == "document" and _SENTENCE.search(head) is not None

    def read(self, stream: BinaryIO, file: str) -> Iterator[Document | SetAside]:
        """The one document of the file, after what of its gold is set aside."""
        for record in xml_records(stream, file, roots=("document",), records=("document",)):
            if isinstance(record, SetAside):
                yield record
            else:
                yield from checked(_document(record, file), file)


def _document(document: etree._Element, file: str) -> Document:
    texts, annotations, relations, start = [], [], [], 1  # behind the empty title and its newline
    for sentence in document.iter("sentence"):
        text = sentence.get("text", "")
        annotations += [_annotation(entity, start) for entity in sentence.iter("entity")]
        relations += [_relation(pair) for pair in sentence.iter("pair") if pair.get("ddi") == "true"]
        texts.append(text)
        start += len(text) + 1
    name = document.get("id", "")
    medline = "medline" in name.casefold()
    sections = (("abstract" if medline else "body", "\n".join(texts)),)
    pmid = _PMID_FILE.search(file) if medline else None
    own = f"DDICorpus:{name}" if re.fullmatch(r"[\w.-]+", name) else None
    doc_id, aliases = identify([own, f"PMID:{pmid[1]}" if pmid else None], "", sections)
    return Document(
        doc_id, aliases=aliases, sections=sections, annotations=tuple(annotations), relations=tuple(relations)
    )


def _annotation(entity: etree._Element, start: int) -> Annotation:
    parts = [_PART.fullmatch(part) for part in entity.get("charOffset", "").split(";")]
    # offsets that are no numbers are no spans, and an annotation without spans is set aside
    spans = tuple((start + int(part[1]), start + int(part[2]) + 1) for part in parts if part) if all(parts) else ()
    return Annotation(entity.get("id", ""), spans, entity.get("text", ""), entity.get("type", ""))


def _relation(pair: etree._Element) -> Relation:
    return Relation(pair.get("type", "ddi"), (("subject", pair.get("e1", "")), ("object", pair.get("e2", ""))))
