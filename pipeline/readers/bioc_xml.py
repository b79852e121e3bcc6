"""BioC XML: collections of documents with passages, annotations and relations.

Format: https://bioc.sourceforge.net/BioC.dtd. What is kept is told in `pipeline.readers.bioc_documents`.

The elements come from `xml_records`, which is safe and holds one document at a time; the `bioc` library decodes each. Its own
streaming reader takes the text of elements before they have ended, and its file reader holds a whole collection and follows
entities, so it is given one document as a collection of its own. The price is that each document is parsed twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from bioc import biocxml
from lxml import etree

from pipeline.errors import SetAside
from pipeline.readers.base import Document
from pipeline.readers.bioc_documents import MOST_OBJECTS, documents
from pipeline.readers.xml_stream import root_name, xml_records

__all__ = ["BiocXml"]


class BiocXml:
    """Reader of BioC XML."""

    name = "bioc_xml.v1"
    one_document = False

    def recognises(self, head: bytes, name: str) -> bool:
        """By its root, and a document in it or its DTD."""
        return root_name(head) == "collection" and (b"<document" in head or b"BioC.dtd" in head)

    def read(self, stream: BinaryIO, file: str) -> Iterator[Document | SetAside]:
        """The documents in order, each after what of its gold is set aside."""
        for count, record in enumerate(xml_records(stream, file, roots=("collection",), records=("document",))):
            if isinstance(record, SetAside):
                yield record
            else:
                yield from _documents(record, file, f"record {count}")


def _documents(element: etree._Element, file: str, place: str) -> Iterator[Document | SetAside]:
    if sum(1 for _ in element.iter()) > MOST_OBJECTS:
        detail = f"The document has more than {MOST_OBJECTS} elements. Split it, or get the file again from its source."
        yield SetAside(file, place, "record-too-large", detail)
        return
    for annotation in element.iter("annotation"):  # the DTD lets it be without an id, the library does not
        annotation.set("id", annotation.get("id", ""))
    xml = etree.tostring(element, encoding="unicode", with_tail=False)
    try:
        (document,) = biocxml.loads(f"<collection>{xml}</collection>").documents
    except (KeyError, TypeError, ValueError, etree.XMLSyntaxError) as error:
        detail = (
            f"The document is not BioC ({_clause(error)}). Check it against BioC.dtd: offsets, lengths, keys, nodes."
        )
        yield SetAside(file, place, "invalid-bioc", detail)
    else:
        yield from documents(document, file)


def _clause(error: Exception) -> str:
    return f"no {error.args[0]}" if isinstance(error, KeyError) else "an offset or length is missing or no number"
