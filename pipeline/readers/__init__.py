"""Literature readers: one file a format, one table of them all, one contract test that each runs through."""

from __future__ import annotations

from typing import Final

from pipeline.readers.base import Document, Reader
from pipeline.readers.bioc_json import BiocJson
from pipeline.readers.bioc_xml import BiocXml
from pipeline.readers.cmeie import Cmeie
from pipeline.readers.cord19 import Cord19
from pipeline.readers.csv_table import CsvTable
from pipeline.readers.ddi_xml import DdiXml
from pipeline.readers.html import Html
from pipeline.readers.iob import Iob
from pipeline.readers.jats import Jats
from pipeline.readers.jsonl import Jsonl
from pipeline.readers.markdown import Markdown
from pipeline.readers.marked_sentences import MarkedSentences
from pipeline.readers.parquet import Parquet
from pipeline.readers.pdf import Pdf
from pipeline.readers.plain_text import PlainText
from pipeline.readers.pubmed_xml import PubmedXml
from pipeline.readers.pubtator import Pubtator

__all__ = ["READERS", "Document", "Reader", "recognise"]

# Those that go by the content of a file; no two recognise the same content.
_BY_CONTENT: Final[tuple[Reader, ...]] = (
    PubmedXml(), Jats(), Pubtator(), BiocXml(), BiocJson(), DdiXml(), MarkedSentences(), Cmeie(), Jsonl(), Cord19(), Parquet(), Pdf(),
    Iob(),
)  # fmt: skip
# Those that a file's name may decide for. They are asked last, so that a `.txt` of another format is read as what it is.
_BY_NAME: Final[tuple[Reader, ...]] = (Html(), CsvTable(), Markdown(), PlainText())

#: Every reader by its name. The order is that in which they are asked.
READERS: Final[dict[str, Reader]] = {reader.name: reader for reader in (*_BY_CONTENT, *_BY_NAME)}


def recognise(head: bytes, name: str) -> Reader | None:
    """The reader of a file, by its first (decompressed) bytes and its name; None where no reader knows it."""
    return next((reader for reader in READERS.values() if reader.recognises(head, name)), None)
