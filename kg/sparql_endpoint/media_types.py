"""Which form an answer takes: the media types of SPARQL results and of RDF, chosen by a request's Accept header."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

__all__ = ["GRAPH_TYPES", "RESULT_TYPES", "choose"]

#: Of SELECT and ASK (https://www.w3.org/TR/sparql11-overview/#sparql11-results), the preferred one first.
RESULT_TYPES: Final = (
    "application/sparql-results+json",
    "application/sparql-results+xml",
    "text/csv",
    "text/tab-separated-values",
    "application/json",
    "application/xml",
)
#: Of CONSTRUCT and DESCRIBE, the preferred one first.
GRAPH_TYPES: Final = ("text/turtle", "application/n-triples", "application/ld+json", "application/rdf+xml")


def choose(accept: str, offered: Sequence[str]) -> str | None:
    """The offered media type that an Accept header likes best, or None where it accepts none of them.

    The most specific range that fits a type gives its quality; of equals the first one offered wins (RFC 9110, 12.5.1).
    No header accepts everything; a quality that is no number counts as 0.

    >>> choose("text/csv;q=0.5, application/*;q=0.9, */*;q=0.1", RESULT_TYPES)
    'application/sparql-results+json'
    """
    qualities: dict[str, float] = {}
    for part in (accept or "*/*").lower().split(","):
        wanted, *parameters = (word.strip() for word in part.split(";"))
        given = next((word[2:] for word in parameters if word.startswith("q=")), "1")
        try:
            quality = float(given)
        except ValueError:
            quality = 0
        qualities[wanted] = quality if 0 <= quality <= 1 else 0

    def liking(offer: str) -> float:
        ranges = (offer, f"{offer.partition('/')[0]}/*", "*/*")
        return next((qualities[name] for name in ranges if name in qualities), 0)

    best = max(offered, key=liking)
    return best if liking(best) > 0 else None
