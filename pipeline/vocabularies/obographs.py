"""OBO Graphs JSON: ontologies as nodes and edges.

Format: https://github.com/geneontology/obographs. Kept of a node: identifier, label, definition, synonyms with their scopes,
cross-references, namespace, SKOS matches, Biolink category, alternative identifiers; of the edges `is_a`; of
`equivalentNodesSets` the named classes, as exact matches. Other edges, logical definitions and axioms are not. Nodes that are
properties are passed over; deprecated ones are set aside, and one with a successor gives it its identifier.

Edges come after the nodes, so parents are parts of their own. Memory holds one node; cost: 30,000 nodes a second.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

from pipeline.biolink import parse_category
from pipeline.curies import contract
from pipeline.errors import SetAside
from pipeline.json_items import JsonError, json_items
from pipeline.vocabularies.base import MATCHES, Concept, OnSetAside, clean_name
from pipeline.vocabularies.prefixes import normalise_curie

__all__ = ["ObographsJson"]

_NODES, _EDGES, _SETS = "graphs.item.nodes.item", "graphs.item.edges.item", "graphs.item.equivalentNodesSets.item"
_SCOPES = {
    "hasExactSynonym": "exact",
    "hasNarrowSynonym": "narrow",
    "hasBroadSynonym": "broad",
    "hasRelatedSynonym": "related",
}
_IS_A = ("is_a", "http://www.w3.org/2000/01/rdf-schema#subClassOf")
_SKOS = "http://www.w3.org/2004/02/skos/core#"
_MATCHES = {f"{_SKOS}{kind}Match": kind for kind in MATCHES} | {f"skos:{kind}Match": kind for kind in MATCHES}
_OBO_IN_OWL = "http://www.geneontology.org/formats/oboInOwl#"
_CATEGORY = ("https://w3id.org/biolink/vocab/category", "biolink:category")
_SUCCESSOR = ("http://purl.obolibrary.org/obo/IAO_0100001", "IAO:0100001")


class ObographsJson:
    """Ontologies in the JSON form of OBO Graphs."""

    name = "obographs.v1"

    def recognises(self, head: bytes, name: str) -> bool:
        """By an object whose key `graphs` holds nodes."""
        del name
        text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
        return text.startswith(b"{") and b'"graphs"' in text[:4096] and b'"nodes"' in text

    def load(self, stream: BinaryIO, file: str, set_aside: OnSetAside) -> Iterator[Concept]:
        """Yield a concept for each class that is not deprecated, then parts with parents and exact matches."""
        count = 0
        try:
            for place, value in json_items(stream, (_NODES, _EDGES, _SETS)):
                count += 1
                if not isinstance(value, dict):
                    detail = "The entry is no JSON object, or larger than 16 MiB. Correct or remove it."
                    set_aside(SetAside(file, f"entry {count}", "invalid-entry", detail))
                elif place == _NODES:
                    if (concept := _node(value, file, set_aside)) is not None:
                        yield concept
                elif place == _EDGES:
                    yield from _edge(value)
                else:
                    yield from _equivalent(value)
        except JsonError as error:
            detail = f"The JSON breaks off ({error}); the entries before it are kept. Get the file again."
            set_aside(SetAside(file, f"entry {count}", "malformed-json", detail))


def curie_of(text: object) -> str | None:
    """The CURIE of an identifier written as an IRI or a CURIE; None where it is neither."""
    if not isinstance(text, str):
        return None
    found = contract(text) or text
    return normalise_curie(found) if "://" not in found else None


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str:
    return clean_name(value) if isinstance(value, str) else ""


def _node(node: dict[str, Any], file: str, set_aside: OnSetAside) -> Concept | None:
    if node.get("type") in ("PROPERTY", "INDIVIDUAL"):
        return None
    curie, name = curie_of(node.get("id")), _text(node.get("lbl"))
    if curie is None:
        detail = "The node's id is no CURIE or IRI of a known form. Correct it."
        set_aside(SetAside(file, f"node {str(node.get('id'))[:80]!r}", "no-identifier", detail))
        return None
    meta = node.get("meta")
    meta = meta if isinstance(meta, dict) else {}
    properties = [
        (predicate, value)
        for item in _list(meta.get("basicPropertyValues"))
        if isinstance(item, dict) and (predicate := _text(item.get("pred"))) and (value := _text(item.get("val")))
    ]
    if meta.get("deprecated") is True:
        set_aside(SetAside(file, curie, "obsolete", "The term is obsolete. Nothing needs to be done."))
        successors = {curie_of(value) for predicate, value in properties if predicate in _SUCCESSOR} - {None, curie}
        return Concept(str(successors.pop()), "", alternatives=(curie,)) if len(successors) == 1 else None
    if not name:
        return None  # mentioned here, named by another ontology
    definition = meta.get("definition")
    category = next((parse_category(v) for p, v in properties if p in _CATEGORY), None)
    return Concept(
        curie,
        name,
        tuple(
            (synonym, _SCOPES.get(str(item.get("pred")).removeprefix(_OBO_IN_OWL), "related"))
            for item in _list(meta.get("synonyms"))
            if isinstance(item, dict) and (synonym := _text(item.get("val")))
        ),
        category,
        (_text(definition.get("val")) or None) if isinstance(definition, dict) else None,
        xrefs=tuple(
            xref
            for item in _list(meta.get("xrefs"))
            if isinstance(item, dict) and (xref := curie_of(item.get("val"))) is not None
        ),
        marks=tuple(
            f"namespace:{value}" for predicate, value in properties if predicate == f"{_OBO_IN_OWL}hasOBONamespace"
        ),
        alternatives=tuple(
            other
            for predicate, value in properties
            if predicate == f"{_OBO_IN_OWL}hasAlternativeId" and (other := curie_of(value)) not in (None, curie)
        ),
        matches=tuple(
            (other, _MATCHES[predicate])
            for predicate, value in properties
            if predicate in _MATCHES and (other := curie_of(value)) is not None
        ),
    )


def _edge(edge: dict[str, Any]) -> Iterator[Concept]:
    child, parent = curie_of(edge.get("sub")), curie_of(edge.get("obj"))
    if edge.get("pred") in _IS_A and child and parent and child != parent:
        yield Concept(child, "", parents=(parent,))


def _equivalent(value: dict[str, Any]) -> Iterator[Concept]:
    first, *others = [curie for text in _list(value.get("nodeIds")) if (curie := curie_of(text))] or [""]
    if others:
        yield Concept(first, "", matches=tuple((other, "exact") for other in others))
