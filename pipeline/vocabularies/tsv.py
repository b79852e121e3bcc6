"""Tables of names, tab-separated: with a header, or two columns (identifier, name) without one.

The header names the columns, in any order: `curie` or `id`, `name` or `label`; and if wanted `synonyms`, `category`,
`definition`, `parents`, `xrefs`, whose values, where there are several, are separated by `|`. Other columns are not
read. Bare MeSH identifiers get their prefix. Cells are taken as they stand: there is no quoting (IANA,
text/tab-separated-values). Python's csv module was rejected because it takes a quotation mark in a name for quoting.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from pipeline.biolink import parse_category
from pipeline.errors import SetAside
from pipeline.vocabularies.base import Concept, OnSetAside, clean_name, text_lines
from pipeline.vocabularies.kgx_nodes import is_kgx_header
from pipeline.vocabularies.prefixes import bare_id_to_curie

__all__ = ["Tsv"]

_COLUMNS = {name: name for name in ("curie", "name", "synonyms", "category", "definition", "parents", "xrefs")} | {
    "id": "curie",
    "label": "name",
    "synonym": "synonyms",
    "parent": "parents",
    "xref": "xrefs",
}


def _header(line: str) -> dict[str, int] | None:
    """Places of the known columns, None where the line is no header."""
    places: dict[str, int] = {}
    for place, cell in enumerate(line.split("\t")):
        column = _COLUMNS.get(cell.strip().lstrip("#").lower())
        if column is not None:
            places.setdefault(column, place)
    return places if "curie" in places and "name" in places else None


class Tsv:
    """Tab-separated tables of concepts."""

    name = "tsv.v1"

    def recognises(self, head: bytes, name: str) -> bool:
        """By a header with an identifier and a name, or a first line of two cells, the first an identifier."""
        del name
        text = head.decode("utf-8-sig", errors="replace")
        line = next((line for line in text.splitlines() if line.strip()), "")
        cells = line.split("\t")
        if is_kgx_header(cells):
            return False
        return _header(line) is not None or (len(cells) == 2 and bare_id_to_curie(cells[0].strip()) is not None)

    def load(self, stream: BinaryIO, file: str, set_aside: OnSetAside) -> Iterator[Concept]:
        """Yield a concept for each row with an identifier and a name."""
        places: dict[str, int] | None = None
        for number, line in text_lines(stream, file, set_aside):
            if not line.strip():
                continue
            if places is None:
                places = _header(line)
                if places is not None:
                    continue
                places = {"curie": 0, "name": 1}
            concept = _row(line.split("\t"), places, number, file, set_aside)
            if concept is not None:
                yield concept


def _row(cells: list[str], places: dict[str, int], number: int, file: str, set_aside: OnSetAside) -> Concept | None:
    def cell(column: str) -> str:
        place = places.get(column)
        return cells[place].strip() if place is not None and place < len(cells) else ""

    def aside(reason: str, detail: str) -> None:
        set_aside(SetAside(file, f"line {number}", reason, detail))

    def curies(column: str) -> list[str]:
        found = []
        for text in filter(None, map(str.strip, cell(column).split("|"))):
            one = bare_id_to_curie(text)
            if one is None:
                aside(f"bad-{column.removesuffix('s')}", f"One of the {column} is no CURIE. Write it as PREFIX:LOCAL.")
            else:
                found.append(one)
        return found

    curie, name = bare_id_to_curie(cell("curie")), clean_name(cell("name"))
    if curie is None:
        aside("no-identifier", "The row has no identifier that is a CURIE. Write it as PREFIX:LOCAL.")
        return None
    if not name:
        aside("no-name", "The row has no name. Fill the name column.")
        return None
    category = None
    if cell("category"):
        category = parse_category(cell("category"))
        if category is None:
            aside("unknown-category", "The category is no Biolink class that is known here. Correct or empty the cell.")
    parents = curies("parents")
    if curie in parents:
        aside("self-parent", "The concept is its own parent. Remove it from the parents column.")
        parents = [parent for parent in parents if parent != curie]
    synonyms = tuple((label, "exact") for text in cell("synonyms").split("|") if (label := clean_name(text)))
    definition = clean_name(cell("definition")) or None
    return Concept(curie, name, synonyms, category, definition, tuple(parents), tuple(curies("xrefs")))
