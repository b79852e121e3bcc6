"""CURIEs expand through the pinned map, and hostile ones stay harmless."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rdflib import Graph, URIRef

from pipeline.curies import PREFIXES, contract, expand, is_curie


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


@given(
    st.sampled_from(sorted(PREFIXES)), st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.:/ é-]{0,12}[A-Za-z0-9]", fullmatch=True)
)
def test_the_way_back_from_an_iri_is_the_curie_it_came_from(prefix: str, local: str) -> None:
    curie = f"{prefix}:{local}"
    back = contract(expand(curie))
    assert back is not None
    assert expand(back) == expand(curie)


@pytest.mark.parametrize(
    ("iri", "curie"),
    [
        ("http://purl.obolibrary.org/obo/HP_0000001", "HP:0000001"),
        ("http://purl.obolibrary.org/obo/NOVEL_12", "NOVEL:12"),
        ("http://purl.bioontology.org/ontology/RXNORM/706898", "RXNORM:706898"),
        ("http://purl.bioontology.org/ontology/SNOMEDCT/22298006", "SNOMEDCT:22298006"),
        ("https://www.ncbi.nlm.nih.gov/pmc/articles/PMC123", "PMC:123"),
        ("https://doi.org/10.1000/a_b/c", "DOI:10.1000/a_b/c"),
        ("https://identifiers.org/taxonomy:9606", "taxonomy:9606"),
        ("https://w3id.org/materia/unregistered/FOO:1", "FOO:1"),
        ("https://www.omim.org/entry/168600", "OMIM:168600"),
        ("http://www.ncbi.nlm.nih.gov/gene/672", "NCBIGene:672"),
        ("http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl#C26845", "NCIT:C26845"),
        ("http://example.org/x", None),
        ("http://purl.obolibrary.org/obo/", None),
        ("", None),
    ],
)
def test_iris_of_the_usual_forms_contract(iri: str, curie: str | None) -> None:
    assert contract(iri) == curie


@pytest.mark.parametrize("sign", ["_", "/", "#", "_/", "PMC"])
def test_a_hostile_iri_takes_linear_time(sign: str) -> None:
    start = time.process_time()
    contract("http://purl.obolibrary.org/obo/" + sign * 300_000)
    assert time.process_time() - start < 1
