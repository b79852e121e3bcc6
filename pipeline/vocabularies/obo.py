r"""OBO flat files, read leniently, clause by clause.

Format: OBO Flat File Format 1.2 and 1.4 (https://owlcollab.github.io/oboformat/doc/obo-syntax.html). The clauses that
make a concept are kept: id, name, namespace, def, synonym, xref, alt_id, is_a, is_obsolete, replaced_by, and a
property_value that gives the Biolink category or a SKOS match. Logical definitions and relationships are not. An obsolete term
with one successor leaves a part that gives its identifier to that one.

Strict parsers (fastobo, pronto) refuse a whole release of HPO for one space in a cross-reference, and a release of
Uberon for one undeclared parent. As a concept needs ten clauses of the many, a line parser is smaller than the
work-around: an offending clause is set aside and the term stays. A parent that the file does not declare is kept,
because another file may declare it.

Cost: about 250,000 lines a second on one core; memory of one term.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from pipeline.biolink import parse_category
from pipeline.curies import contract
from pipeline.errors import SetAside
from pipeline.vocabularies.base import Concept, OnSetAside, clean_name, text_lines
from pipeline.vocabularies.prefixes import normalise_curie

__all__ = ["Obo"]

_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_SCOPE = re.compile(r"\s*(EXACT|NARROW|BROAD|RELATED)\b")
_ESCAPE = re.compile(r"\\(.)")
_ESCAPED = {"n": " ", "W": " ", "t": " "}
_CATEGORY_PROPERTIES = ("biolink:category", "https://w3id.org/biolink/vocab/category")
_MATCH_PROPERTIES = {
    f"{prefix}{kind}Match": kind
    for prefix in ("skos:", "http://www.w3.org/2004/02/skos/core#")
    for kind in ("exact", "close", "narrow", "broad", "related")
}
#: How MONDO marks cross-references that are equivalences (https://mondo.readthedocs.io, "Mappings").
_EQUIVALENT = "MONDO:equivalentTo"
_OLD_SYNONYMS = {
    "exact_synonym": "exact",
    "narrow_synonym": "narrow",
    "broad_synonym": "broad",
    "related_synonym": "related",
}
_KEPT = frozenset(
    {
        "id",
        "name",
        "namespace",
        "def",
        "synonym",
        "xref",
        "alt_id",
        "is_a",
        "is_obsolete",
        "replaced_by",
        "property_value",
        *_OLD_SYNONYMS,
    }
)
_CONSIDERED_HEADER = (b"format-version:", b"ontology:", b"default-namespace:", b"data-version:", b"[Term]")

Clause = tuple[int, str, str]


class Obo:
    """Ontologies in the OBO flat file format. Obsolete terms and terms without a name are set aside."""

    name = "obo.v2"

    def recognises(self, head: bytes, name: str) -> bool:
        """By a header clause or a term stanza at the start of a line."""
        del name
        lines = head.removeprefix(b"\xef\xbb\xbf").lstrip().splitlines()
        return any(line.startswith(_CONSIDERED_HEADER) for line in lines[:200])

    def load(self, stream: BinaryIO, file: str, set_aside: OnSetAside) -> Iterator[Concept]:
        """Yield a concept for each term that is not obsolete."""
        clauses: list[Clause] = []
        in_term, namespace = False, ""
        for number, line in text_lines(stream, file, set_aside):
            if line.startswith("["):
                if in_term and (concept := _concept(clauses, namespace, file, set_aside)):
                    yield concept
                in_term, clauses = line.startswith("[Term]"), [(number, "", "")]
                continue
            tag, colon, value = line.partition(":")
            if not colon:
                continue
            if in_term:
                if tag in _KEPT:
                    clauses.append((number, tag, value.strip()))
            elif tag == "default-namespace":
                namespace = _plain(value)
        if in_term and (concept := _concept(clauses, namespace, file, set_aside)):
            yield concept


def _unescape(text: str) -> str:
    if "\\" not in text:
        return text
    return _ESCAPE.sub(lambda match: _ESCAPED.get(match[1], match[1]), text)


def _plain(value: str) -> str:
    """An unquoted value without its comment (` ! ...`) and trailing modifiers (` {...}`). Plain searches, so always linear."""
    value = value.partition(" !")[0].strip()
    if value.endswith("}") and " {" in value:
        value = value.rpartition(" {")[0]
    return value.strip()


def _concept(clauses: list[Clause], namespace: str, file: str, set_aside: OnSetAside) -> Concept | None:  # noqa: PLR0915
    """The concept of one term stanza, None where it is set aside. The first clause is the stanza's own line."""
    curie = name = definition = category = None
    synonyms: list[tuple[str, str]] = []
    parents: list[str] = []
    xrefs: list[str] = []
    alternatives: list[str] = []
    successors: list[str] = []
    matches: list[tuple[str, str]] = []
    obsolete = False
    place = f"line {clauses[0][0]}"

    def aside(number: int, reason: str, detail: str) -> None:
        set_aside(SetAside(file, f"{curie}, line {number}" if curie else f"line {number}", reason, detail))

    for number, tag, value in clauses[1:]:
        if tag == "id":
            curie = curie or normalise_curie(_unescape(_plain(value)))
        elif tag == "name":
            label = clean_name(_unescape(_plain(value)))
            if name is None:
                name = label or None
            elif label != name:
                synonyms.append((label, "exact"))
        elif tag == "is_obsolete":
            obsolete = _plain(value) == "true"
        elif tag == "is_a":
            # The identifier is the first word; modifiers and comments after it may hold any sign.
            parent = normalise_curie(_unescape(value.split(None, 1)[0] if value else ""))
            if parent is None:
                aside(number, "bad-parent", "The is_a clause names no CURIE. Write it as PREFIX:LOCAL.")
            elif parent == curie:
                aside(number, "self-parent", "The term is its own parent. Remove the is_a clause.")
            else:
                parents.append(parent)
        elif tag in ("xref", "alt_id"):
            xref = normalise_curie(_unescape(_plain(value.split(' "', 1)[0])))
            if xref is None:
                aside(
                    number,
                    f"bad-{tag.replace('_', '-')}",
                    f"The {tag} clause is no CURIE (a space in it?). Correct or remove it.",
                )
            elif tag == "alt_id":
                alternatives.append(xref)
            elif _EQUIVALENT in value:
                matches.append((xref, "exact"))
            else:
                xrefs.append(xref)
        elif tag == "replaced_by":
            if (successor := normalise_curie(_unescape(_plain(value)))) is not None:
                successors.append(successor)
        elif tag in ("def", "synonym") or tag in _OLD_SYNONYMS:
            quoted = _QUOTED.match(value)
            if quoted is None:
                aside(
                    number,
                    f"bad-{tag.replace('_', '-')}",
                    f"The {tag} clause has no text in quotation marks. Correct or remove it.",
                )
            elif tag == "def":
                definition = clean_name(_unescape(quoted[1])) or None
            else:
                scope = _SCOPE.match(value, quoted.end())
                label = clean_name(_unescape(quoted[1]))
                if label:
                    synonyms.append((label, _OLD_SYNONYMS.get(tag) or (scope[1].lower() if scope else "related")))
        elif tag == "namespace":
            namespace = _plain(value)
        elif tag == "property_value":
            words = value.split()
            if len(words) >= 2 and words[0] in _MATCH_PROPERTIES:
                if (other := _match(words[1].strip('"'))) is not None:
                    matches.append((other, _MATCH_PROPERTIES[words[0]]))
            elif len(words) >= 2 and words[0] in _CATEGORY_PROPERTIES:
                category = parse_category(words[1].strip('"'))
                if category is None:
                    aside(
                        number,
                        "unknown-category",
                        "The category is no Biolink class that is known here. Correct or remove it.",
                    )
    if curie is None:
        aside(clauses[0][0], "no-identifier", "The term has no id that is a CURIE. Give it one.")
        return None
    if obsolete:
        set_aside(SetAside(file, f"{curie}, {place}", "obsolete", "The term is obsolete. Nothing needs to be done."))
        known = len(successors) == 1 and successors[0] != curie
        return Concept(successors[0], "", alternatives=(curie,)) if known else None
    if name is None:
        set_aside(SetAside(file, f"{curie}, {place}", "no-name", "The term has no name. Add a name clause."))
        return None
    marks = (f"namespace:{namespace}",) if namespace else ()
    return Concept(
        curie,
        name,
        tuple(synonyms),
        category,
        definition,
        tuple(parents),
        tuple(xrefs),
        marks,
        tuple(alternatives),
        tuple(matches),
    )


def _match(text: str) -> str | None:
    """The CURIE of the other end of a match, which may be written as an IRI."""
    return normalise_curie(contract(text) or text) if "://" not in text or contract(text) else None
