"""CURIEs expand through the pinned map, and hostile ones stay harmless."""

import pytest
from rdflib import Graph, URIRef

from pipeline.curies import PREFIXES, expand, is_curie


def test_known_prefixes_expand() -> None:
    assert expand("MESH:D003920") == "http://id.nlm.nih.gov/mesh/D003920"
    assert expand("PMC:123") == "https://www.ncbi.nlm.nih.gov/pmc/articles/PMC123"


@pytest.mark.parametrize("curie", ['MESH:D1"><script>', "DOI:10.1/a b", "X:\n", "HP:{}", "nocolon"])
def test_any_text_expands_to_an_iri_that_parsers_accept(curie: str) -> None:
    iri = expand(curie)
    graph = Graph().parse(data=f"<{iri}> <{iri}> <{iri}> .", format="nt")
    assert (URIRef(iri), URIRef(iri), URIRef(iri)) in graph


def test_an_unknown_prefix_is_kept_apart_not_guessed() -> None:
    assert expand("FOO:1") == PREFIXES["materia"] + "unregistered/FOO:1"


def test_what_is_a_curie() -> None:
    assert is_curie("MESH:D003920")
    assert not is_curie("no curie")
    assert not is_curie("MESH: D1")
