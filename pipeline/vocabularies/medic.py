"""MEDIC, the disease vocabulary of the Comparative Toxicogenomics Database, as `ids||names` lines.

MEDIC joins MeSH's diseases with OMIM (Davis et al. 2012, doi:10.1093/database/bar065). In this flat form a line has the
identifiers of one disease, then its names, both separated by `|`. Identifiers are bare: MeSH descriptors (D...), MeSH
supplementary records (C...), six digits for OMIM.

The first MeSH identifier names the concept, and the first identifier of all where there is none; the others are
cross-references. Taking the first identifier always was rejected: 774 lines begin with an OMIM number and have a MeSH
identifier after it, and these diseases would then stand twice in a vocabulary that has MeSH's own names too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from pipeline.errors import SetAside
from pipeline.vocabularies.base import Concept, OnSetAside, clean_name, text_lines
from pipeline.vocabularies.prefixes import bare_id_to_curie

__all__ = ["Medic"]


class Medic:
    """Diseases with MeSH and OMIM identifiers; all are `biolink:Disease`."""

    name = "medic.v1"

    def recognises(self, head: bytes, name: str) -> bool:
        """By identifiers, `||` and a name, in one of the first lines."""
        del name
        lines = [line for line in head.decode("utf-8-sig", errors="replace").splitlines() if line.strip()][:5]
        if not all("||" in line and "\t" not in line for line in lines[:-1] or lines):
            return False
        return any(bare_id_to_curie(line.split("|", 1)[0].strip()) for line in lines if "||" in line)

    def load(self, stream: BinaryIO, file: str, set_aside: OnSetAside) -> Iterator[Concept]:
        """Yield a concept for each line with a known identifier and a name."""
        for number, line in text_lines(stream, file, set_aside):
            if not line.strip():
                continue
            left, _, right = line.partition("||")
            curies = [curie for text in left.split("|") if (curie := bare_id_to_curie(text.strip()))]
            names = [name for text in right.split("|") if (name := clean_name(text))]
            if not curies:
                detail = "The line does not begin with a MeSH or OMIM identifier. Correct or remove it."
                set_aside(SetAside(file, f"line {number}", "no-identifier", detail))
                continue
            if not names:
                detail = "The line has no name after ||. Add one, or remove the line."
                set_aside(SetAside(file, f"line {number}", "no-name", detail))
                continue
            curie = next((curie for curie in curies if curie.startswith("MESH:")), curies[0])
            synonyms = tuple((name, "exact") for name in names[1:])
            xrefs = tuple(other for other in curies if other != curie)
            yield Concept(curie, names[0], synonyms, "biolink:Disease", xrefs=xrefs)
