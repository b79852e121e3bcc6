"""Ontologies in OWL and concept schemes in SKOS, as RDF/XML, Turtle, N-Triples or JSON-LD.

Formats: https://www.w3.org/TR/owl2-mapping-to-rdf/ and https://www.w3.org/TR/skos-reference/, with the annotation properties of
the OBO format (oboInOwl, IAO). Kept of a class or concept: label, synonyms with their scopes, definition or scope note, named
superclasses or broader concepts, cross-references, SKOS matches, named equivalent classes (exact matches), alternative
identifiers, OBO namespace, Biolink category, names in other languages. Dropped: restrictions and other class expressions,
annotations of axioms, properties, individuals, notes.

Labels without a language or in English are names; others are translations. A concept with no such label is named by that of
its first language, by code. Deprecated ones are set aside, and one with a successor gives it its identifier. The statements of
one concept are taken together where they stand together or around those of a few others; memory holds these. An IRI of no
known prefix gets that which the file itself declares for it.

OWL functional syntax and OWL/XML are refused: `robot convert` writes any of the four.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, BinaryIO

import pyoxigraph

from pipeline.biolink import parse_category
from pipeline.curies import contract
from pipeline.errors import SetAside
from pipeline.readers.languages import two_letters
from pipeline.readers.xml_stream import root_name
from pipeline.vocabularies.base import MATCHES, SCOPES, Concept, OnSetAside, clean_name
from pipeline.vocabularies.prefixes import normalise_curie
from pipeline.vocabularies.rdf_stream import RdfError, Statements, rdf_format, subjects

__all__ = ["Rdf"]

_RDF, _RDFS = "http://www.w3.org/1999/02/22-rdf-syntax-ns#", "http://www.w3.org/2000/01/rdf-schema#"
_OWL, _SKOS = "http://www.w3.org/2002/07/owl#", "http://www.w3.org/2004/02/skos/core#"
_OBO, _IAO = "http://www.geneontology.org/formats/oboInOwl#", "http://purl.obolibrary.org/obo/IAO_"
_KINDS = {f"{_OWL}Class", f"{_RDFS}Class", f"{_SKOS}Concept"}
_NAMES = (f"{_SKOS}prefLabel", f"{_RDFS}label")
_SYNONYMS = {f"{_OBO}has{scope.title()}Synonym": scope for scope in SCOPES} | {
    f"{_SKOS}altLabel": "exact",
    f"{_SKOS}hiddenLabel": "related",
}
_DEFINITIONS = (f"{_IAO}0000115", f"{_SKOS}definition", f"{_SKOS}scopeNote")
_PARENTS = (f"{_RDFS}subClassOf", f"{_SKOS}broader", f"{_SKOS}broaderGeneric")
_MATCHES = {f"{_SKOS}{kind}Match": kind for kind in MATCHES} | {f"{_OWL}equivalentClass": "exact"}
_CATEGORY = "https://w3id.org/biolink/vocab/category"
_TOP = ("owl:Thing", "rdfs:Resource")
# OWL functional syntax behind comments; OWL/XML has the root element `Ontology`.
_FUNCTIONAL = re.compile(rb"\s*+(?:#[^\n]*\n\s*+)*+(?:Prefix|Ontology)\s*\(")


class Rdf:
    """OWL classes and SKOS concepts."""

    name = "rdf.v2"

    def recognises(self, head: bytes, name: str) -> bool:
        """By an RDF syntax, or by OWL's functional syntax or OWL/XML, which are then refused with a remedy."""
        del name
        head = head.removeprefix(b"\xef\xbb\xbf")
        return rdf_format(head) is not None or _FUNCTIONAL.match(head) is not None or root_name(head) == "Ontology"

    def load(self, stream: BinaryIO, file: str, set_aside: OnSetAside) -> Iterator[Concept]:
        """Yield a concept for each named class or SKOS concept that is not deprecated."""
        count = 0
        try:
            for iri, statements, prefixes in subjects(stream):
                kinds = {getattr(kind, "value", "") for kind in statements.get(f"{_RDF}type", ())}
                if kinds & _KINDS and (concept := _concept(iri, statements, prefixes, file, set_aside)) is not None:
                    count += 1
                    yield concept
        except RdfError as error:
            remedy = "Get the file again, or convert it with `robot convert` (https://robot.obolibrary.org)"
            detail = f"Reading stops here, as {error}; the {count} concepts before it are kept. {remedy}."
            set_aside(SetAside(file, f"concept {count}", error.reason, detail))


def _concept(
    iri: str, statements: Statements, prefixes: dict[str, str], file: str, set_aside: OnSetAside
) -> Concept | None:
    def curies(*predicates: str) -> list[str]:
        values = [value for predicate in predicates for value in statements.get(predicate, ())]
        found = (_curie(value.value, prefixes) for value in values if not isinstance(value, pyoxigraph.BlankNode))
        return [other for other in dict.fromkeys(found) if other and other != curie and other not in _TOP]

    curie = _curie(iri, prefixes)
    if curie is None:
        detail = "The IRI has no known prefix. Declare one for it in the file."
        set_aside(SetAside(file, iri[:200], "no-identifier", detail))
        return None
    if curie in _TOP:
        return None
    if any(value.value == "true" for value in statements.get(f"{_OWL}deprecated", ()) if _is_literal(value)):
        set_aside(SetAside(file, curie, "obsolete", "The term is obsolete. Nothing needs to be done."))
        successors = curies(f"{_IAO}0100001")
        return Concept(successors[0], "", alternatives=(curie,)) if len(successors) == 1 else None
    names, translations = _labels(statements)
    if not names and translations:
        first = min(translations)
        names = [(first[1], "exact")]
    name, *more = names or [("", "exact")]
    categories = (parse_category(value.value) for value in statements.get(_CATEGORY, ()))
    return Concept(
        curie,
        name[0],
        tuple(dict.fromkeys(synonym for synonym in more if synonym[0] != name[0])),
        next(filter(None, categories), None),
        next(iter(_english(statements, _DEFINITIONS)), None),
        tuple(curies(*_PARENTS)),
        tuple(curies(f"{_OBO}hasDbXref")),
        tuple(f"namespace:{value.value}" for value in statements.get(f"{_OBO}hasOBONamespace", ())),
        tuple(curies(f"{_OBO}hasAlternativeId")),
        tuple((other, kind) for predicate, kind in _MATCHES.items() for other in curies(predicate)),
        tuple(dict.fromkeys(translations)),
    )


def _curie(text: str, prefixes: dict[str, str]) -> str | None:
    text = text.strip()
    if "://" not in text:
        return normalise_curie(text)
    if (found := contract(text)) is not None:
        return normalise_curie(found)
    fitting = [
        (len(base), prefix) for prefix, base in prefixes.items() if prefix and text.startswith(base) and text != base
    ]
    if not fitting:
        return None
    length, prefix = max(fitting)
    return normalise_curie(f"{prefix}:{text[length:]}")


def _is_literal(value: Any) -> bool:
    return isinstance(value, pyoxigraph.Literal)


def _labels(statements: Statements) -> tuple[list[tuple[str, str]], list[tuple[str, str, str]]]:
    """Names with their scope, preferred ones first, and names in other languages with language and scope."""
    names: list[tuple[str, str]] = []
    translations: list[tuple[str, str, str]] = []
    for predicate, scope in [*((predicate, "exact") for predicate in _NAMES), *_SYNONYMS.items()]:
        for value in filter(_is_literal, statements.get(predicate, ())):
            language = two_letters(value.language)
            if text := clean_name(value.value):
                if language == "en":
                    names.append((text, scope))
                else:
                    translations.append((language, text, "label" if predicate in _NAMES else scope))
    preferred = [
        value
        for p in _NAMES
        for value in statements.get(p, ())
        if _is_literal(value) and two_letters(value.language) == "en"
    ]
    # A synonym alone is no name: another file may give the preferred one.
    return (names if preferred or not names else [("", "exact"), *names]), translations


def _english(statements: Statements, predicates: tuple[str, ...]) -> Iterator[str]:
    for predicate in predicates:
        for value in filter(_is_literal, statements.get(predicate, ())):
            if two_letters(value.language) == "en" and (text := clean_name(value.value)):
                yield text
