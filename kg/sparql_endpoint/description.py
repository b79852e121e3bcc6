"""What the endpoint says about itself in RDF (https://www.w3.org/TR/sparql11-service-description/)."""

from __future__ import annotations

from typing import Final

from pipeline.curies import expand

__all__ = ["describe_service"]

_SD: Final = "http://www.w3.org/ns/sparql-service-description#"
_FORMATS: Final = "http://www.w3.org/ns/formats/"


def describe_service(endpoint: str, media_type: str) -> bytes:
    """The service description of an endpoint, by its address, in a media type of RDF."""
    import pyoxigraph as ox

    service = ox.NamedNode(endpoint)
    facts = [(expand("rdf:type"), f"{_SD}Service"), (f"{_SD}endpoint", endpoint)]
    facts += [(f"{_SD}supportedLanguage", f"{_SD}SPARQL11Query")]
    facts += [(f"{_SD}feature", f"{_SD}{feature}") for feature in ("UnionDefaultGraph",)]
    facts += [
        (f"{_SD}resultFormat", _FORMATS + name)
        for name in (
            "SPARQL_Results_JSON",
            "SPARQL_Results_XML",
            "SPARQL_Results_CSV",
            "SPARQL_Results_TSV",
            "Turtle",
            "N-Triples",
            "JSON-LD",
            "RDF_XML",
        )
    ]
    triples = [ox.Triple(service, ox.NamedNode(predicate), ox.NamedNode(value)) for predicate, value in facts]
    text = ox.serialize(triples, format=ox.RdfFormat.from_media_type(media_type), prefixes={"sd": _SD})
    return bytes(text or b"")
