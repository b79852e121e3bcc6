"""MRDEF.RRF: the definitions of UMLS concepts.

One row a definition: CUI|AUI|ATUI|SATUI|SAB|DEF|SUPPRESS|CVF (UMLS Reference Manual, "Definitions",
https://www.ncbi.nlm.nih.gov/books/NBK9685/table/ch03.T.definitions_file_mrdef_rrf/). A concept keeps one: of the first
source in `_ORDER`, else the first in the file. The file does not tell languages; a source that translates another has
its name and a language at the end (MSHSPA, MDRGER), and is passed over. Suppressed rows are left out and counted.

Memory of one concept. RxNorm has no such file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import BinaryIO

from pipeline.readers.languages import two_letters
from pipeline.vocabularies.base import Concept, OnSetAside, clean_name
from pipeline.vocabularies.rrf import CUI, LeftOut, has_row, in_use, runs, to_curie, to_text

__all__ = ["Mrdef"]

_COLUMNS = 8
_SAB, _DEF, _SUPPRESS = 4, 5, 6
_ROW = re.compile(CUI + rb"\|(?:A[0-9]+)?\|AT[0-9]+\|[^|]*\|[^|]+\|[^|]*\|[NOEY]?\|[^|]*\|?")
#: Sources whose definitions are written for their own sake, the most general first.
_ORDER = {source: place for place, source in enumerate((b"MSH", b"NCI", b"HPO", b"GO", b"SNOMEDCT_US"))}


class Mrdef:
    """Parts of concepts: one English definition each."""

    name = "mrdef.v1"

    def recognises(self, head: bytes, name: str) -> bool:
        """By a first row of 8 fields: a concept and the identifier of an attribute (ATUI)."""
        del name
        return has_row(head, _ROW)

    def load(self, stream: BinaryIO, file: str, set_aside: OnSetAside) -> Iterator[Concept]:
        """Yield a part for each run of rows with one CUI and a definition in use."""
        left_out = LeftOut()
        for cui, run in runs(stream, _COLUMNS, left_out):
            curie = to_curie(cui)
            if curie is None:
                left_out.add("bad-row", repr(cui[:20])[1:], len(run))
            elif definition := _definition(curie, in_use(run, _SUPPRESS, curie, left_out), left_out):
                yield Concept(curie, "", definition=definition)
        left_out.report(file, set_aside)


def _definition(curie: str, run: list[list[bytes]], left_out: LeftOut) -> str | None:
    best, chosen = len(_ORDER) + 1, None
    for fields in run:
        place = _ORDER.get(fields[_SAB], len(_ORDER))
        if place < best and not _is_translation(fields[_SAB]):
            text = to_text(fields[_DEF])
            if text is None:
                left_out.add("not-utf-8", curie)
            elif definition := clean_name(text):
                best, chosen = place, definition
    return chosen


@lru_cache(maxsize=1024)
def _is_translation(source: bytes) -> bool:
    """Whether a source's name ends in the code of a language other than English."""
    code = source[-3:].decode("ascii", "replace").lower()
    return len(source) > 3 and code != "eng" and len(two_letters(code)) == 2
