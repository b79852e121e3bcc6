"""Ontologies as BioPortal's CSV downloads: a row a class, several values of a cell separated by `|`.

Format: https://www.bioontology.org/wiki/BioPortal_Help ("Download an ontology as CSV"): `Class ID`, `Preferred Label`, `Synonyms`,
`Definitions`, `Obsolete`, `CUI`, `Semantic Types`, `Parents`, then a column for each property of the ontology. Kept: all of
the eight. A CUI becomes a cross-reference to UMLS, a semantic type a mark (`sty:T121`) that the category rules know.
Dropped: the properties, and parents outside the known prefixes (`owl#Thing`).

Cost: about 150,000 rows a second on one core; memory of one row.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from pipeline.csv_rows import csv_rows
from pipeline.curies import contract, is_curie
from pipeline.errors import SetAside
from pipeline.vocabularies.base import Concept, OnSetAside, clean_name, text_lines
from pipeline.vocabularies.prefixes import normalise_curie

__all__ = ["BioportalCsv"]

_COLUMNS = ("Class ID", "Preferred Label", "Synonyms", "Definitions", "Obsolete", "CUI", "Semantic Types", "Parents")
_STY = "STY:"


class BioportalCsv:
    """Any ontology that BioPortal serves as CSV."""

    name = "bioportal_csv.v1"

    def recognises(self, head: bytes, name: str) -> bool:
        """By its header."""
        del name
        first = head.decode("utf-8-sig", errors="replace").split("\n", 1)[0]
        return first.replace('"', "").split(",")[:2] == list(_COLUMNS[:2])

    def load(self, stream: BinaryIO, file: str, set_aside: OnSetAside) -> Iterator[Concept]:
        """Yield a concept for each class that is not obsolete and has an identifier and a label."""
        rows = csv_rows(text_lines(stream, file, set_aside), file, set_aside)
        _, header = next(rows, (0, []))
        places = [header.index(column) if column in header else len(header) for column in _COLUMNS]
        for number, row in rows:
            row.extend([""] * (len(header) + 1 - len(row)))
            iri, label, synonyms, definitions, obsolete, cuis, types, parents = (row[place] for place in places)
            curie, name = _curie(iri), clean_name(label)
            if curie is None:
                _refuse(
                    set_aside,
                    file,
                    number,
                    "no-identifier",
                    "The class has no identifier of a known form. Add its prefix.",
                )
            elif obsolete.strip().lower() == "true":
                _refuse(set_aside, file, number, "obsolete", f"{curie} is obsolete. Nothing needs to be done.")
            elif not name:
                _refuse(set_aside, file, number, "no-name", f"{curie} has no label. Fill the column Preferred Label.")
            else:
                above = (parent for text in _values(parents) if (parent := _curie(text)))
                marks = (_curie(text) or "" for text in _values(types))
                yield Concept(
                    curie,
                    name,
                    tuple((one, "exact") for text in _values(synonyms) if (one := clean_name(text))),
                    definition=clean_name(definitions.partition("|")[0]) or None,
                    parents=tuple(parent for parent in above if parent != curie and not parent.startswith("owl:")),
                    xrefs=tuple(xref for cui in _values(cuis) if is_curie(xref := f"UMLS:{cui}")),
                    marks=tuple(f"sty:{mark.removeprefix(_STY)}" for mark in marks if mark.startswith(_STY)),
                )


def _curie(text: str) -> str | None:
    found = contract(text.strip()) or text.strip()
    return normalise_curie(found) if "://" not in found else None


def _values(cell: str) -> list[str]:
    return [value for text in cell.split("|") if (value := text.strip())] if cell else []


def _refuse(set_aside: OnSetAside, file: str, number: int, reason: str, detail: str) -> None:
    set_aside(SetAside(file, f"line {number}", reason, detail))
