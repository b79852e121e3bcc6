"""Babelon tables: names and synonyms of an ontology's concepts in another language.

Format: https://github.com/monarch-initiative/babelon, tab-separated with a header: `source_language`, `translation_language`,
`subject_id`, `predicate_id`, `source_value`, `translation_value`, `translation_status`. Kept: translations of labels and of
synonyms, with their scope, whatever their status but `NOT_TRANSLATED`: a candidate translation is still what people search
for, and English names are never touched by it. Dropped: translated definitions, and rows into English (the ontology has them).

Each row is a part of a concept; the ontology itself must be loaded too, since nothing here names a concept in English.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from pipeline.errors import SetAside
from pipeline.readers.languages import two_letters
from pipeline.vocabularies.base import Concept, OnSetAside, clean_name, text_lines
from pipeline.vocabularies.prefixes import normalise_curie

__all__ = ["Babelon"]

_NEEDED = ("translation_language", "subject_id", "predicate_id", "translation_value")
_SCOPES = {
    "rdfs:label": "label",
    "skos:prefLabel": "label",
    "skos:altLabel": "exact",
    "oboInOwl:hasExactSynonym": "exact",
    "oboInOwl:hasNarrowSynonym": "narrow",
    "oboInOwl:hasBroadSynonym": "broad",
    "oboInOwl:hasRelatedSynonym": "related",
}
_LONG_NAMES = {"http://www.geneontology.org/formats/oboInOwl#": "oboInOwl:", "oio:": "oboInOwl:"}
_DEFINITIONS = ("IAO:0000115", "skos:definition")


class Babelon:
    """Translations of an ontology's names."""

    name = "babelon.v2"

    def recognises(self, head: bytes, name: str) -> bool:
        """By the columns of its header."""
        del name
        return set(_NEEDED) <= set(_header(head.decode("utf-8-sig", errors="replace").split("\n", 1)[0].rstrip("\r")))

    def load(self, stream: BinaryIO, file: str, set_aside: OnSetAside) -> Iterator[Concept]:
        """Yield a nameless part for each translated name."""
        places: list[int] = []
        status = -1
        for number, line in text_lines(stream, file, set_aside):
            cells = line.split("\t")
            if not places:
                header = _header(line)
                places = [header.index(column) if column in header else len(header) for column in _NEEDED]
                status = header.index("translation_status") if "translation_status" in header else -1
                continue
            if not line.strip():
                continue
            row = [*cells, ""]
            language, subject, predicate, value = (row[place].strip() if place < len(row) else "" for place in places)
            curie, text = normalise_curie(subject), clean_name(value)
            for long, short in _LONG_NAMES.items():
                predicate = predicate.replace(long, short)
            if curie is None:
                detail = "The row has no subject_id that is a CURIE. Write it as PREFIX:LOCAL."
                set_aside(SetAside(file, f"line {number}", "no-identifier", detail))
            elif predicate in _DEFINITIONS:
                continue
            elif predicate not in _SCOPES:
                detail = "The predicate_id is neither a label nor a synonym. Nothing needs to be done."
                set_aside(SetAside(file, f"line {number}", "other-predicate", detail))
            elif not text or (0 <= status < len(cells) and cells[status].strip() == "NOT_TRANSLATED"):
                detail = f"{curie} is not translated here. Fill translation_value."
                set_aside(SetAside(file, f"line {number}", "no-translation", detail))
            elif not language.strip() or (code := two_letters(language)) == "en":
                detail = "The row names no language but English. Fill translation_language with a code such as zh."
                set_aside(SetAside(file, f"line {number}", "no-language", detail))
            else:
                yield Concept(curie, "", translations=((code, text, _SCOPES[predicate]),))


def _header(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("\t")]
