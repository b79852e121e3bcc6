"""Asking the graph: what comes back, what is refused, and that limits hold."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyoxigraph as ox
import pytest
import rdflib
from hypothesis import given
from hypothesis import strategies as st

from kg.config import FusionConfig, SplitConfig
from kg.fusion import fuse
from kg.graph_store import build_store, compact, open_store, query
from kg.nquads import write_nquads
from pipeline.curies import PREFIXES, expand
from pipeline.errors import MateriaError
from pipeline.tables import VOCABULARY

Write = Callable[[list[dict[str, Any]]], list[str]]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two hundred numbered nodes, each with a value and in a named graph."""
    folder = tmp_path_factory.mktemp("small")
    line = '<{0}> <{1}> "{2}"^^<{3}> <{4}> .\n'
    text = "".join(
        line.format(
            expand(f"MESH:{i}"), expand("materia:belief"), i / 1000, expand("xsd:decimal"), expand(f"PMID:{i % 7}")
        )
        for i in range(200)
    )
    (folder / "graph.nq").write_text(text)
    assert build_store([folder / "graph.nq"], folder / "store") == 200
    return folder / "store"


@pytest.fixture
def knowledge(tmp_path: Path, write_evidence: Write) -> Path:
    """The whole way from evidence to a store: fused, written and loaded in two parts."""
    rows: list[dict[str, Any]] = [
        {"doc_id": "PMID:1"},
        {"doc_id": "PMID:2", "sentence": "Metformin is effective in type 2 diabetes."},
        {"doc_id": "PMID:3", "sentence": "Metformin did not cause lactic acidosis.", "predicate": "biolink:causes"}
        | {"object": "MESH:D000140", "polarity": False},
    ]
    evidence = write_evidence(rows)
    names = {"MESH:D008687": "metformin", "MESH:D003924": "type 2 diabetes", "MESH:D000140": "lactic acidosis"}
    plain = {"synonyms": [], "category": "biolink:Disease", "definition": None, "xrefs": [], "sources": []}
    parents = {"MESH:D003924": ["MESH:D003920"]}
    concepts = [{"curie": c, "name": n, "parents": parents.get(c, [])} | plain for c, n in names.items()]
    table = VOCABULARY.empty_table().from_pylist(concepts, VOCABULARY)
    triples = fuse(evidence, FusionConfig(), SplitConfig())
    write_nquads(tmp_path / "claims.nq", triples, evidence, VOCABULARY.empty_table())
    write_nquads(tmp_path / "concepts.nq", triples.slice(0, 0), [], table)
    build_store([tmp_path / "claims.nq", tmp_path / "concepts.nq"], tmp_path / "index" / "store")
    return tmp_path / "index" / "store"


def test_belief_and_publications_of_what_a_drug_treats(knowledge: Path) -> None:
    columns, rows = query(
        knowledge,
        """SELECT ?disease ?name ?belief ?paper WHERE {
            ?claim a biolink:Association ; rdf:subject MESH:D008687 ; rdf:predicate biolink:treats ;
                   rdf:object ?disease ; materia:belief ?belief ; biolink:publications ?paper .
            ?disease skos:prefLabel ?name
        } ORDER BY ?paper""",
    )
    assert columns == ["disease", "name", "belief", "paper"]
    belief = round(1 - (0.05 + 0.95 * 0.2 * 0.2), 6)
    assert rows == [["MESH:D003924", "type 2 diabetes", belief, paper] for paper in ("PMID:1", "PMID:2")]


def test_the_sentences_for_and_against_are_found_through_their_documents(knowledge: Path) -> None:
    _, rows = query(
        knowledge,
        """SELECT ?document ?stance ?sentence WHERE {
            GRAPH ?document { ?evidence ?stance ?claim ; biolink:supporting_text ?sentence }
            ?claim rdf:predicate biolink:causes
        }""",
    )
    assert rows == [["PMID:3", "materia:contradicts", "Metformin did not cause lactic acidosis."]]


def test_plain_triples_make_short_paths_and_leave_denied_claims_out(knowledge: Path) -> None:
    assert query(knowledge, "SELECT ?d { MESH:D008687 biolink:treats/rdfs:subClassOf* ?d } ORDER BY ?d") == (
        ["d"],
        [["MESH:D003920"], ["MESH:D003924"]],
    )
    assert query(knowledge, "ASK { MESH:D008687 biolink:causes ?d }") == (["answer"], [[False]])


def test_a_question_may_say_which_papers_it_is_about(small: Path) -> None:
    _, rows = query(small, "SELECT (COUNT(*) AS ?n) FROM PMID:3 { ?s ?p ?o }")
    assert rows == [[sum(i % 7 == 3 for i in range(200))]]
    assert query(small, "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }")[1] == [[200]]


def test_construct_gives_triples(knowledge: Path) -> None:
    columns, rows = query(knowledge, "CONSTRUCT { ?o biolink:treated_by ?s } WHERE { ?s biolink:treats ?o }")
    assert columns == ["subject", "predicate", "object"]
    assert rows == [["MESH:D003924", "biolink:treated_by", "MESH:D008687"]]


def test_the_store_is_rdflibs(knowledge: Path) -> None:
    dataset = open_store(knowledge)
    assert isinstance(dataset, rdflib.Dataset)
    subject = rdflib.URIRef(expand("MESH:D003924"))
    assert dataset.value(subject, rdflib.SKOS.prefLabel) == rdflib.Literal("type 2 diabetes", lang="en")
    with pytest.raises(Exception, match="read-write"):
        dataset.add((subject, rdflib.SKOS.prefLabel, rdflib.Literal("x")))
    with pytest.raises(Exception, match="read-write"):
        dataset.update("DELETE WHERE { ?s ?p ?o }")


def test_types_unbound_variables_and_the_limit(small: Path) -> None:
    columns, rows = query(
        small,
        """SELECT ?s ?b ?i ?yes ?text ?no ?iri WHERE {
            ?s materia:belief ?b OPTIONAL { ?s biolink:treats ?no }
            BIND(3 AS ?i) BIND(true AS ?yes) BIND("a" AS ?text) BIND(<http://example.org/x> AS ?iri)
        } ORDER BY ?b""",
        limit=2,
    )
    assert columns == ["s", "b", "i", "yes", "text", "no", "iri"]
    assert rows == [[f"MESH:{i}", i / 1000, 3, True, "a", None, "<http://example.org/x>"] for i in range(2)]


@pytest.mark.parametrize(
    ("sparql", "message"),
    [
        ("SELECT ?s WHERE {\n  ?s ?p }", "the query is malformed at line 2, column"),
        ("", "the query is malformed at line 1, column 1"),
        ("SELECT ?s { ?s foo:bar 1 }", "the query uses an unknown prefix at line 1"),
    ],
)
def test_a_malformed_query_is_told_its_place(small: Path, sparql: str, message: str) -> None:
    with pytest.raises(MateriaError, match=message):
        query(small, sparql)


@pytest.mark.parametrize(
    "update",
    [
        "INSERT DATA { MESH:1 rdf:type MESH:2 }",
        "# SELECT\nPREFIX x: <http://SELECT/> delete where { ?s ?p ?o }",
        "DROP ALL",
        "WITH <http://g> DELETE { ?s ?p ?o } WHERE { ?s ?p ?o }",
        "CLEAR DEFAULT",
        "LOAD <http://example.org/>",
    ],
)
def test_updates_are_refused_and_change_nothing(small: Path, update: str) -> None:
    with pytest.raises(MateriaError, match="would change the graph"):
        query(small, update)
    assert len(open_store(small)) == 200


@pytest.mark.parametrize(
    "sparql",
    [
        "SELECT * { SERVICE <http://localhost/> { ?s ?p ?o } }",
        "SELECT * { service?x { ?s ?p ?o } }",
        "SELECT*{SERVICE silent :a{}}",
    ],
)
def test_no_question_goes_to_the_network(small: Path, sparql: str) -> None:
    with pytest.raises(MateriaError, match="SERVICE would ask a server on the network"):
        query(small, sparql)


def test_words_inside_names_strings_and_comments_are_no_commands(small: Path) -> None:
    sparql = """# INSERT, SERVICE
        PREFIX insert: <http://service/>
        SELECT ?service { BIND("SERVICE <x> \\" DELETE" AS ?service) FILTER NOT EXISTS { ?s materia:service insert:delete } }"""
    assert query(small, sparql) == (["service"], [['SERVICE <x> " DELETE']])


def test_a_query_that_does_not_end_is_stopped(small: Path) -> None:
    endless = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l }"
    with pytest.raises(MateriaError, match="the query was stopped after 2 seconds"):
        query(small, endless, timeout_s=2)


def test_a_query_that_eats_memory_is_stopped(small: Path) -> None:
    greedy = "SELECT ?a ?d ?g { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i } ORDER BY ?c ?f ?i"
    with pytest.raises(MateriaError, match="the query needed more than 700 MiB of memory"):
        query(small, greedy, memory_mib=700)


def test_no_store_is_one_clear_sentence(tmp_path: Path) -> None:
    for ask in (lambda: open_store(tmp_path / "none"), lambda: query(tmp_path / "none", "ASK {}")):
        with pytest.raises(MateriaError, match=r"the graph has no index to ask. Run: materia build"):
            ask()


def test_a_store_that_was_not_finished_does_not_open(tmp_path: Path) -> None:
    ox.Store(str(tmp_path / "store")).flush()
    with pytest.raises(MateriaError, match="no index"):
        open_store(tmp_path / "store")


def test_a_build_that_fails_leaves_the_old_store_and_nothing_else(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.nq", tmp_path / "bad.nq"
    good.write_text("<http://a> <http://b> <http://c> .\n")
    bad.write_text("<http://a> <http://b> <http://c d> .\n")
    build_store([good], tmp_path / "store")
    for files, name in (([good, bad], "bad.nq"), ([tmp_path / "gone.nq"], "gone.nq")):
        with pytest.raises(MateriaError, match=f"^{name}: cannot be loaded"):
            build_store(files, tmp_path / "store")
    assert len(open_store(tmp_path / "store")) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.nq", "good.nq", "store"]


def test_a_build_replaces_the_old_store_and_what_a_crash_left(tmp_path: Path) -> None:
    first, second = tmp_path / "1.nq", tmp_path / "2.nq"
    first.write_text("<http://a> <http://b> <http://c> .\n")
    second.write_text("<http://a> <http://b> <http://d> <http://g> .\n<http://a> <http://b> <http://e> .\n")
    for left in (".store.staged", ".store.old"):
        (tmp_path / left).mkdir()
        (tmp_path / left / "half").write_text("x")
    assert build_store([first], tmp_path / "store") == 1
    assert build_store([second, second], tmp_path / "store") == 2
    assert {str(o) for o in open_store(tmp_path / "store").objects()} == {"http://d", "http://e"}


def test_no_files_give_an_empty_store(tmp_path: Path) -> None:
    assert build_store([], tmp_path / "store") == 0
    assert query(tmp_path / "store", "SELECT ?s { ?s ?p ?o }") == (["s"], [])


@given(st.sampled_from(sorted(PREFIXES)), st.text(st.characters(codec="utf-8"), min_size=1, max_size=12))
def test_an_iri_goes_back_to_its_curie(prefix: str, local: str) -> None:
    assert expand(compact(expand(f"{prefix}:{local}"))) == expand(f"{prefix}:{local}")


def test_the_longest_fitting_prefix_is_taken() -> None:
    assert compact(expand("MESH:D003920")) == "MESH:D003920"
    assert compact(expand("PMC:77")) == "PMC:77"
    assert compact(expand("XYZ:a b")) == "XYZ:a b"
    assert compact("http://example.org/") == "<http://example.org/>"
