"""Vocabularies of the Comparative Toxicogenomics Database as it publishes them: diseases, chemicals, genes; TSV or CSV.

Format: https://ctdbase.org/downloads/ (CTD_diseases, CTD_chemicals, CTD_genes). Comment lines begin with `#`; the one after `# Fields:`
names the columns; several values of a cell are separated by `|`. Kept: name, identifier, alternative disease identifiers (as
cross-references), CAS and other registry numbers, definition, parents, tree numbers (as marks), synonyms. Dropped: slim
mappings and parents' tree numbers, which follow from the parents. (`medic.py` reads the flat list of identifiers and names.)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from pipeline.csv_rows import csv_rows
from pipeline.errors import SetAside
from pipeline.vocabularies.base import Concept, OnSetAside, clean_name, text_lines
from pipeline.vocabularies.prefixes import bare_id_to_curie

__all__ = ["Ctd"]

#: Columns of the name and of the identifier, the category, and the prefix of bare identifiers, of each of the files.
_KINDS = {
    "DiseaseName": ("DiseaseID", "biolink:Disease", ""),
    "ChemicalName": ("ChemicalID", "biolink:ChemicalEntity", ""),
    "GeneSymbol": ("GeneID", "biolink:Gene", "NCBIGene:"),
}


class Ctd:
    """CTD's diseases (MEDIC), chemicals and genes."""

    name = "ctd.v1"

    def recognises(self, head: bytes, name: str) -> bool:
        """By its header comment."""
        del name
        return any(_header(line)[0] for line in head[:8192].decode("utf-8-sig", errors="replace").splitlines())

    def load(self, stream: BinaryIO, file: str, set_aside: OnSetAside) -> Iterator[Concept]:
        """Yield a concept for each row with an identifier and a name."""
        lines = text_lines(stream, file, set_aside)
        columns, tabs = next((found for _, line in lines if (found := _header(line))[0]), ([], True))
        data = ((number, line) for number, line in lines if line.strip() and not line.startswith("#"))
        # Cells of the TSV files stand as they are; those of the CSV files are quoted where they hold a comma.
        rows = ((number, line.split("\t")) for number, line in data) if tabs else csv_rows(data, file, set_aside)
        for number, row in rows:
            if (concept := _row(dict(zip(columns, row, strict=False)), number, file, set_aside)) is not None:
                yield concept


def _header(line: str) -> tuple[list[str], bool]:
    """The columns that a comment line names, and whether tabs separate them; none where it names no file of CTD."""
    words = line.lstrip("#\ufeff ").rstrip("\r")
    columns = words.replace(",", "\t").split("\t")
    return (columns if line.lstrip("\ufeff").startswith("#") and columns[0] in _KINDS else []), "\t" in words


def _row(row: dict[str, str], number: int, file: str, set_aside: OnSetAside) -> Concept | None:
    naming = next(column for column in row if column in _KINDS)
    identifier, category, prefix = _KINDS[naming]
    curie, name = _curie(row.get(identifier, ""), prefix), clean_name(row[naming])
    if curie is None or not name:
        reason, what = ("no-identifier", identifier) if curie is None else ("no-name", naming)
        set_aside(
            SetAside(
                file, f"line {number}", reason, f"The column {what} is empty or has no known form. Correct the row."
            )
        )
        return None
    full = clean_name(row.get("GeneName", ""))
    synonyms = [full] if full and full != name else []
    synonyms += [text for value in _values(row, "Synonyms") if (text := clean_name(value))]
    xrefs = [*_values(row, "AltDiseaseIDs"), *(f"CAS:{number}" for number in _values(row, "CasRN"))]
    xrefs += [f"NCBIGene:{other}" for other in _values(row, "AltGeneIDs")]
    parents = (_curie(value, "") for value in _values(row, "ParentIDs"))
    return Concept(
        curie,
        name,
        tuple((synonym, "exact") for synonym in synonyms),
        category,
        clean_name(row.get("Definition", "")) or None,
        tuple(parent for parent in parents if parent and parent != curie),
        tuple(xref for value in xrefs if (xref := _curie(value, "")) and xref != curie),
        tuple(f"mesh:{place.partition('/')[0]}" for place in _values(row, "TreeNumbers")),
    )


def _curie(text: str, prefix: str) -> str | None:
    text = text.strip().removeprefix("DO:")  # DO:DOID:9351
    return bare_id_to_curie(f"{prefix}{text}" if text.isdigit() else text) if text else None


def _values(row: dict[str, str], column: str) -> list[str]:
    return [value for text in row.get(column, "").split("|") if (value := text.strip())]
