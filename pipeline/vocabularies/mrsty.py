"""MRSTY.RRF and RXNSTY.RRF: the semantic types of UMLS and RxNorm concepts, as marks such as `sty:T047`.

One row a type: CUI|TUI|STN|STY|ATUI|CVF (UMLS Reference Manual, "Semantic Types",
https://www.ncbi.nlm.nih.gov/books/NBK9685/table/ch03.Tf/). What Biolink class a type stands for is said by the category
rules. Cost: 0.5 million rows a second on one core; memory of one concept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.vocabularies.base import Concept
from pipeline.vocabularies.rrf import CUI, LeftOut, RrfLoader

__all__ = ["Mrsty"]

_TUI = re.compile(rb"T[0-9]{3}")
_ROW = re.compile(CUI + rb"\|T[0-9]{3}\|(?:[^|]*\|){3}[^|]*\|?")


class Mrsty(RrfLoader):
    """Parts of concepts: their semantic types."""

    name = "mrsty.v1"
    columns = 6
    row = _ROW

    def concepts(self, curie: str, run: list[list[bytes]], left_out: LeftOut) -> Iterator[Concept]:
        """What the rows in use say."""
        types: dict[bytes, None] = {}
        for fields in run:
            if _TUI.fullmatch(fields[1]):
                types[fields[1]] = None
            else:
                left_out.add("bad-row", curie)
        if types:
            yield Concept(curie, "", marks=tuple(f"sty:{tui.decode('ascii')}" for tui in types))
