"""Compact URIs and the pinned prefix map that expands them.

The map ships with the project and is never looked up on the web (see the W3C CURIE note, https://www.w3.org/TR/curie/).
Expansions follow the Bioregistry's preferred OBO and identifiers.org forms.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote

__all__ = ["PREFIXES", "expand", "is_curie", "prefix_of"]

PREFIXES: Final[dict[str, str]] = {
    "BFO": "http://purl.obolibrary.org/obo/BFO_",
    "CHEBI": "http://purl.obolibrary.org/obo/CHEBI_",
    "CL": "http://purl.obolibrary.org/obo/CL_",
    "DOI": "https://doi.org/",
    "DOID": "http://purl.obolibrary.org/obo/DOID_",
    "GO": "http://purl.obolibrary.org/obo/GO_",
    "HGNC": "http://identifiers.org/hgnc/",
    "HP": "http://purl.obolibrary.org/obo/HP_",
    "MESH": "http://id.nlm.nih.gov/mesh/",
    "MONDO": "http://purl.obolibrary.org/obo/MONDO_",
    "NCBIGene": "http://identifiers.org/ncbigene/",
    "NCBITaxon": "http://purl.obolibrary.org/obo/NCBITaxon_",
    "OMIM": "https://omim.org/entry/",
    "PMC": "https://www.ncbi.nlm.nih.gov/pmc/articles/PMC",
    "PMID": "https://pubmed.ncbi.nlm.nih.gov/",
    "RXNORM": "http://purl.bioontology.org/ontology/RXNORM/",
    "UBERON": "http://purl.obolibrary.org/obo/UBERON_",
    "UMLS": "http://linkedlifedata.com/resource/umls/id/",
    "biolink": "https://w3id.org/biolink/vocab/",
    "dcterms": "http://purl.org/dc/terms/",
    "materia": "https://w3id.org/materia/",
    "oboInOwl": "http://www.geneontology.org/formats/oboInOwl#",
    "owl": "http://www.w3.org/2002/07/owl#",
    "prov": "http://www.w3.org/ns/prov#",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}

_CURIE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*:[^\s:][^\s]*")


def is_curie(text: str) -> bool:
    """Whether the text has the form of a CURIE: prefix, colon, local identifier without spaces."""
    return _CURIE.fullmatch(text) is not None


def prefix_of(curie: str) -> str:
    """The part before the first colon."""
    return curie.split(":", 1)[0]


def expand(curie: str) -> str:
    """The IRI of a CURIE. An unknown prefix expands under `materia:unregistered/`, so nothing is lost or invented.

    Characters that RFC 3987 forbids in an IRI are percent-encoded.

    >>> expand("MESH:D003920")
    'http://id.nlm.nih.gov/mesh/D003920'
    """
    prefix, _, local = curie.partition(":")
    base = PREFIXES.get(prefix)
    if base is None:
        base, local = PREFIXES["materia"] + "unregistered/", curie
    return base + quote(local, safe="/:?=&;,+@!$*()~._-'")
