"""Mappings between vocabularies in SSSOM, as a table.

Format: SSSOM/TSV, https://mapping-commons.github.io/sssom/spec-formats-tsv/. Lines that begin with `#` are a YAML header, the
next is the header of the table; of its columns subject_id, predicate_id, object_id and predicate_modifier are read. The
`curie_map` of the header says what the file's own prefixes stand for; one that stands for a namespace known here is
written as here.

Each run of rows with one subject is a part: skos:exactMatch, owl:equivalentClass and owl:sameAs are exact matches, the
other SKOS mappings theirs, rdfs:subClassOf is a broad match, oboInOwl:hasDbXref a cross-reference. Rows whose predicate is
negated (Not), of any other predicate (there are mappings across species), or without a match (sssom:NoTermFound) are set
aside. Confidence is not looked at: what to trust is decided by who chooses the file. Labels, justifications and authors
are dropped.

The header is read with YAML's base types, where all is text, so an alias or a merge key in it unfolds nothing. The library
sssom-py was rejected: it brings pandas, linkml-runtime and a pytest plugin for a table. Cost: 200,000 rows a second on one
core; memory of one subject.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

import yaml

from pipeline.curies import PREFIXES
from pipeline.errors import SetAside
from pipeline.vocabularies.base import Concept, OnSetAside, text_lines
from pipeline.vocabularies.prefixes import normalise_curie

__all__ = ["Sssom"]

_COLUMNS = ("subject_id", "predicate_id", "object_id")
_XREF = "xref"
_KINDS = {
    "skos:exactMatch": "exact",
    "owl:equivalentClass": "exact",
    "owl:sameAs": "exact",
    "skos:closeMatch": "close",
    "skos:narrowMatch": "narrow",
    "skos:broadMatch": "broad",
    "rdfs:subClassOf": "broad",
    "skos:relatedMatch": "related",
    "oboInOwl:hasDbXref": _XREF,
    "oio:hasDbXref": _XREF,
}
_NOTHING = "sssom:NoTermFound"
# Characters of the longest YAML header that is read; PyYAML takes a second for this much.
_LONGEST_HEADER = 1 << 16
# Nesting costs PyYAML the square of its depth.
_MOST_BRACKETS = 1000


class Sssom:
    """Mapping sets: parts of concepts that say what matches them."""

    name = "sssom.v1"

    def recognises(self, head: bytes, name: str) -> bool:
        """By a table, perhaps behind lines that begin with `#`, with the columns of a mapping."""
        del name
        lines = head.decode("utf-8-sig", "replace").splitlines()
        first = next((line for line in lines if line.strip() and not line.startswith("#")), "")
        return set(_COLUMNS) <= set(first.split("\t"))

    def load(self, stream: BinaryIO, file: str, set_aside: OnSetAside) -> Iterator[Concept]:
        """Yield a part for each run of rows with one subject."""
        comment = ""
        places: dict[str, int] | None = None
        prefixes: dict[str, str] = {}
        part: Concept | None = None
        for number, line in text_lines(stream, file, set_aside):
            if places is None:
                if line.startswith("#"):
                    if len(comment) <= _LONGEST_HEADER:
                        comment += line[1:] + "\n"
                elif line.strip():
                    places = {column: place for place, column in enumerate(line.split("\t"))}
                    prefixes = _prefixes(comment, file, set_aside)
                continue
            if not line.strip():
                continue
            mapping = _mapping(line.split("\t"), places, prefixes)
            if not isinstance(mapping, Concept):
                set_aside(SetAside(file, f"line {number}", *mapping))
            elif part is not None and part.curie == mapping.curie:
                part.matches += mapping.matches
                part.xrefs += mapping.xrefs
            else:
                if part is not None:
                    yield part
                part = mapping
        if part is not None:
            yield part


def _prefixes(comment: str, file: str, set_aside: OnSetAside) -> dict[str, str]:
    """The file's own prefixes that are spelled otherwise here, by the namespaces of its curie_map."""
    header: Any = None
    try:
        if len(comment) <= _LONGEST_HEADER and comment.count("[") + comment.count("{") <= _MOST_BRACKETS:
            header = yaml.load(comment, Loader=yaml.BaseLoader)  # noqa: S506  (makes text, lists and dicts only)
    except (yaml.YAMLError, RecursionError):
        pass
    if comment and not isinstance(header, dict):
        detail = "The header is not YAML, or too long or deep, so its curie_map is not used. Correct the lines with #."
        set_aside(SetAside(file, "line 1", "bad-header", detail))
    namespaces = header.get("curie_map") if isinstance(header, dict) else None
    known = {namespace: prefix for prefix, namespace in PREFIXES.items()}
    pairs = namespaces.items() if isinstance(namespaces, dict) else ()
    return {own: known[uri] for own, uri in pairs if isinstance(own, str) and isinstance(uri, str) and uri in known}


def _mapping(cells: list[str], places: dict[str, int], prefixes: dict[str, str]) -> Concept | tuple[str, str]:
    """The part that a row makes, or the reason and the sentence why it is set aside."""

    def cell(column: str) -> str:
        place = places.get(column, len(cells))
        return cells[place].strip() if place < len(cells) else ""

    def curie(column: str) -> str | None:
        prefix, colon, local = cell(column).partition(":")
        return normalise_curie(f"{prefixes.get(prefix, prefix)}{colon}{local}")

    if cell("predicate_modifier").lower() == "not":
        return "negated-mapping", "The mapping says what is not the same. Nothing needs to be done."
    if _NOTHING in (cell("subject_id"), cell("object_id")):
        return "no-match", "The row says that nothing matches. Nothing needs to be done."
    kind = _KINDS.get(cell("predicate_id"))
    if kind is None:
        return "unknown-predicate", "The predicate is none that joins vocabularies. Use one of SKOS, or remove the row."
    subject, other = curie("subject_id"), curie("object_id")
    if subject is None or other is None:
        return "no-identifier", "The row does not have two CURIEs. Write them as PREFIX:LOCAL."
    if subject == other:
        return "self-match", "The row maps a concept to itself. Remove it."
    if kind == _XREF:
        return Concept(subject, "", xrefs=(other,))
    return Concept(subject, "", matches=((other, kind),))
