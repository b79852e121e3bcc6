"""What a vocabulary loader is, and what it yields.

A loader turns one file into concepts and knows nothing of other files: merging concepts, giving categories and building
the table are the work of `pipeline.vocabularies.load`. Loaders yield one concept at a time, so a loader's own memory is
flat where its format allows it.
"""

from __future__ import annotations

import codecs
import io
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO, Protocol

from pipeline.errors import SetAside

__all__ = ["MATCHES", "SCOPES", "Concept", "Loader", "OnSetAside", "clean_name", "text_lines"]

OnSetAside = Callable[[SetAside], None]

#: Scopes of a synonym, closest first (OBO Flat File Format 1.4, clause `synonym`).
SCOPES = ("exact", "narrow", "broad", "related")
#: Kinds of a mapping between concepts, closest first (SKOS Reference, section 10).
MATCHES = ("exact", "close", "narrow", "broad", "related")

_LONGEST_LINE = 1 << 24
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(slots=True)
class Concept:
    """A concept, or a part of one, as one file tells it.

    A file that only adds to concepts (definitions, types, mappings, translations) yields parts with an empty name. What
    is still without a name when all files are joined is no concept, and is set aside.

    Attributes:
        curie: identifier as a CURIE.
        name: preferred name, in Unicode NFC; empty where the file gives none.
        synonyms: (name, scope) pairs; scope is one of `SCOPES`.
        category: Biolink class as a CURIE where the file itself gives it, else None.
        definition: definition, None where there is none.
        parents: CURIEs of direct superclasses.
        xrefs: CURIEs of cross-references.
        alternatives: CURIEs of retired identifiers that this concept stands for (alt_id, replaced_by read backwards).
        matches: (CURIE, kind) pairs of SKOS mappings; kind is one of `MATCHES`.
        translations: (language, name, scope) of names in other languages than English; ISO 639-1 codes; the scope of a preferred
            name is `label`.
        marks: what the source says of the concept's kind in its own terms, as `scheme:value`: a MeSH tree number
            (`mesh:C04.588`), an OBO namespace (`namespace:biological_process`). Category rules look at them.
    """

    curie: str
    name: str
    synonyms: tuple[tuple[str, str], ...] = ()
    category: str | None = None
    definition: str | None = None
    parents: tuple[str, ...] = ()
    xrefs: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    alternatives: tuple[str, ...] = ()
    matches: tuple[tuple[str, str], ...] = ()
    translations: tuple[tuple[str, str, str], ...] = ()


class Loader(Protocol):
    """One vocabulary format.

    Attributes:
        name: name with version, `obo.v1`: raise the version when the same file gives other concepts.
    """

    name: str

    def recognises(self, head: bytes, name: str) -> bool:
        """Whether this loader reads the file, from its first bytes (uncompressed) and its base name."""

    def load(self, stream: BinaryIO, file: str, set_aside: OnSetAside) -> Iterator[Concept]:
        """Yield the concepts of an uncompressed stream, in the order of the file; one CURIE may come more than once.

        Args:
            stream: the bytes of the file, uncompressed, from its start; the loader does not close it.
            file: base name of the file, for messages.
            set_aside: called for each record or clause that cannot be used.
        """


def clean_name(text: str) -> str:
    """The text in Unicode NFC with every run of white space made one space, none at the ends."""
    text = " ".join(text.split())
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def text_lines(stream: BinaryIO, file: str, set_aside: OnSetAside) -> Iterator[tuple[int, str]]:
    """Yield (line number from 1, line without its end) of a UTF-8 stream; lines that cannot be used are set aside.

    Those are lines that are not UTF-8 or longer than 16 Mi characters. A byte order mark is dropped. Bytes that are no
    UTF-8 are seen by the surrogates that Python puts in their place, so lines of pure ASCII, nearly all of them, cost
    nothing more.
    """
    text = io.TextIOWrapper(stream, encoding="utf-8", errors="surrogateescape")
    try:
        for number, raw in enumerate(iter(partial(text.readline, _LONGEST_LINE), ""), 1):
            if len(raw) == _LONGEST_LINE and not raw.endswith("\n"):
                while (rest := text.readline(_LONGEST_LINE)) and not rest.endswith("\n"):
                    pass
                detail = "The line is longer than 16 million characters. Check that the file is the right one."
                set_aside(SetAside(file, f"line {number}", "line-too-long", detail))
                continue
            line = raw.rstrip("\r\n")
            if not line.isascii():
                if number == 1:
                    line = line.removeprefix(codecs.BOM_UTF8.decode())
                if _SURROGATE.search(line):
                    detail = "The line is not UTF-8. Convert the file to UTF-8, for example with iconv."
                    set_aside(SetAside(file, f"line {number}", "not-utf-8", detail))
                    continue
            yield number, line
    finally:
        text.detach()
