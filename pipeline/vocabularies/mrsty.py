"""MRSTY.RRF and RXNSTY.RRF: the semantic types of UMLS and RxNorm concepts, as marks such as `sty:T047`.

One row a type: CUI|TUI|STN|STY|ATUI|CVF (UMLS Reference Manual, "Semantic Types",
https://www.ncbi.nlm.nih.gov/books/NBK9685/table/ch03.Tf/). What Biolink class a type stands for is said by the category
rules. Cost: 0.5 million rows a second on one core; memory of one concept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from pipeline.vocabularies.base import Concept, OnSetAside
from pipeline.vocabularies.rrf import CUI, LeftOut, has_row, runs, to_curie

__all__ = ["Mrsty"]

_COLUMNS = 6
_TUI = re.compile(rb"T[0-9]{3}")
_ROW = re.compile(CUI + rb"\|T[0-9]{3}\|(?:[^|]*\|){3}[^|]*\|?")


class Mrsty:
    """Parts of concepts: their semantic types."""

    name = "mrsty.v1"

    def recognises(self, head: bytes, name: str) -> bool:
        """By a first row of 6 fields: a concept and a semantic type."""
        del name
        return has_row(head, _ROW)

    def load(self, stream: BinaryIO, file: str, set_aside: OnSetAside) -> Iterator[Concept]:
        """Yield a part for each run of rows with one CUI."""
        left_out = LeftOut()
        for cui, run in runs(stream, _COLUMNS, left_out):
            curie = to_curie(cui)
            types: dict[bytes, None] = {}
            for fields in run:
                if curie is not None and _TUI.fullmatch(fields[1]):
                    types[fields[1]] = None
                else:
                    left_out.add("bad-row", curie or repr(cui[:20])[1:])
            if curie is not None and types:
                yield Concept(curie, "", marks=tuple(f"sty:{tui.decode('ascii')}" for tui in types))
        left_out.report(file, set_aside)
