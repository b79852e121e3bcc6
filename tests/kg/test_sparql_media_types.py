"""Which form an answer takes, by the Accept header."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg.sparql_endpoint.media_types import GRAPH_TYPES, RESULT_TYPES, choose


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("", "application/sparql-results+json"),
        ("*/*", "application/sparql-results+json"),
        ("text/csv", "text/csv"),
        ("TEXT/CSV ; Q=0.3", "text/csv"),
        ("text/*", "text/csv"),
        ("text/csv;q=0.5, text/tab-separated-values;q=0.9", "text/tab-separated-values"),
        ("application/sparql-results+json;q=0, */*", "application/sparql-results+xml"),
        ("text/html, */*;q=0.1", "application/sparql-results+json"),
        ("text/html", None),
        ("text/csv;q=0", None),
        ("text/csv;q=much", None),
        ("text/csv;q=7", None),
        (",;,=;q", None),
    ],
)
def test_results(accept: str, chosen: str | None) -> None:
    assert choose(accept, RESULT_TYPES) == chosen


def test_graphs_are_turtle_unless_something_else_is_liked_better() -> None:
    assert choose("*/*", GRAPH_TYPES) == "text/turtle"
    assert choose("application/rdf+xml, text/turtle;q=0.9", GRAPH_TYPES) == "application/rdf+xml"


@given(st.text(st.characters(codec="latin-1"), max_size=80))
def test_no_header_breaks_it(accept: str) -> None:
    assert choose(accept, RESULT_TYPES) in (*RESULT_TYPES, None)
