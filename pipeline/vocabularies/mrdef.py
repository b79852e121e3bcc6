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

from pipeline.readers.languages import two_letters
from pipeline.vocabularies.base import Concept, clean_name
from pipeline.vocabularies.rrf import CUI, LeftOut, RrfLoader, in_use, to_text

__all__ = ["Mrdef"]

_SAB, _DEF, _SUPPRESS = 4, 5, 6
_ROW = re.compile(CUI + rb"\|(?:A[0-9]+)?\|AT[0-9]+\|[^|]*\|[^|]+\|[^|]*\|[NOEY]?\|[^|]*\|?")
#: Sources whose definitions are written for their own sake, the most general first.
_ORDER = {source: place for place, source in enumerate((b"MSH", b"NCI", b"HPO", b"GO", b"SNOMEDCT_US"))}


class Mrdef(RrfLoader):
    """Parts of concepts: one English definition each."""

    name = "mrdef.v1"
    columns = 8
    row = _ROW

    def concepts(self, curie: str, run: list[list[bytes]], left_out: LeftOut) -> Iterator[Concept]:
        """What the rows in use say."""
        if definition := _definition(curie, in_use(run, _SUPPRESS, curie, left_out), left_out):
            yield Concept(curie, "", definition=definition)


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
