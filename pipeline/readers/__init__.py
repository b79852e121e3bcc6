"""Literature readers: one file a format, one table of them all, one contract test that each runs through."""

from __future__ import annotations

from typing import Final

from pipeline.readers.base import Document, Reader
from pipeline.readers.bioc_json import BiocJson
from pipeline.readers.bioc_xml import BiocXml
from pipeline.readers.ddi_xml import DdiXml
from pipeline.readers.jats import Jats
from pipeline.readers.jsonl import Jsonl
from pipeline.readers.marked_sentences import MarkedSentences
from pipeline.readers.pubmed_xml import PubmedXml
from pipeline.readers.pubtator import Pubtator

__all__ = ["READERS", "Document", "Reader", "recognise"]

#: Every reader by its name. The order is that in which they are asked; no two recognise the same file.
READERS: Final[dict[str, Reader]] = {
    reader.name: reader
    for reader in (
        PubmedXml(), Jats(), Pubtator(), Jsonl(),
        BiocXml(), BiocJson(), DdiXml(), MarkedSentences(),
    )
}  # fmt: skip


def recognise(head: bytes, name: str) -> Reader | None:
    """The reader of a file, by its first (decompressed) bytes and its name; None where no reader knows it."""
    return next((reader for reader in READERS.values() if reader.recognises(head, name)), None)
