"""The endpoint over HTTP: what the SPARQL 1.1 Protocol asks of it, what it refuses, and that its limits hold."""

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote, urlencode

import psutil
import pytest
import rdflib
from rdflib.plugins.stores.sparqlstore import SPARQLStore

from kg.generations import state_version
from kg.graph_store import build_store
from kg.sparql_endpoint.question import Limits
from pipeline.curies import expand
from tests.kg.served_store import ENDLESS, Server, serving, write_nodes

LIMITS = Limits(timeout_s=2, memory_mib=400, answer_mib=1, workers=2, waiting=60)
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
BELIEF = "SELECT ?b { MESH:7 materia:belief ?b }"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("server"), LIMITS) as server:
        yield server


def rows(text: str) -> list[dict[str, str]]:
    return [{name: cell["value"] for name, cell in row.items()} for row in json.loads(text)["results"]["bindings"]]


def test_a_question_by_get_by_form_and_by_body(server: Server) -> None:
    replies = [
        server.request("GET", f"/sparql?query={quote(BELIEF)}"),
        server.request("POST", "/sparql", urlencode({"query": BELIEF}).encode(), FORM),
        server.request("POST", "/sparql", BELIEF.encode(), {"Content-Type": "application/sparql-query; charset=UTF-8"}),
    ]
    for reply in replies:
        assert reply.status == 200
        assert reply.headers["content-type"] == "application/sparql-results+json"
        assert rows(reply.text) == [{"b": "7"}]
        assert reply.headers["materia-data-version"] == state_version(server.store)


@pytest.mark.parametrize(
    ("accept", "text"),
    [
        ("text/csv", "b\r\n7\r\n"),
        ("text/tab-separated-values", "?b\n7\n"),
        ("application/sparql-results+xml", '<binding name="b"><literal datatype='),
        ("application/json", '{"head":{"vars":["b"]}'),
    ],
)
def test_the_form_of_results_is_what_is_accepted(server: Server, accept: str, text: str) -> None:
    reply = server.ask(BELIEF, accept)
    assert reply.headers["content-type"].partition(";")[0] == accept
    assert text in reply.text


@pytest.mark.parametrize(
    "accept", ["text/turtle", "application/n-triples", "application/ld+json", "application/rdf+xml"]
)
@pytest.mark.parametrize(
    "question", ["DESCRIBE MESH:7", "CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o FILTER(?s = MESH:7) }"]
)
def test_the_form_of_a_graph_is_what_is_accepted(server: Server, accept: str, question: str) -> None:
    reply = server.ask(question, accept)
    assert reply.headers["content-type"].partition(";")[0] == accept
    label = (
        rdflib.Graph()
        .parse(data=reply.text, format=accept)
        .value(rdflib.URIRef(expand("MESH:7")), rdflib.SKOS.prefLabel)
    )
    assert label == rdflib.Literal("node 7", lang="en")


def test_an_ask_is_answered_in_every_form(server: Server) -> None:
    assert json.loads(server.ask("ASK { MESH:7 ?p ?o }").text)["boolean"] is True
    assert "<boolean>false</boolean>" in server.ask("ASK { MESH:700 ?p ?o }", "application/sparql-results+xml").text


def test_a_form_that_does_not_exist_is_not_acceptable(server: Server) -> None:
    reply = server.ask(BELIEF, "image/png")
    assert (reply.status, reply.text.partition(". ")[0]) == (406, "no accepted form fits the answer")
    assert server.ask(BELIEF, "text/turtle").status == 406  # a graph's form, for a table


def test_named_graphs_are_part_of_the_default_graph_unless_the_question_names_graphs(server: Server) -> None:
    count = "SELECT (COUNT(*) AS ?n) {0} {{ ?s ?p ?o }}"
    graph = expand("PMID:3")
    in_graph = str(len([i for i in range(200) if i % 7 == 3]))
    assert rows(server.ask(count.format("")).text) == [{"n": "400"}]
    assert rows(server.ask(count.format("FROM PMID:3")).text) == [{"n": in_graph}]
    assert rows(server.ask(count.format(""), **{"default-graph-uri": graph}).text) == [{"n": in_graph}]
    named = "SELECT DISTINCT ?g { GRAPH ?g { ?s ?p ?o } }"
    assert len(rows(server.ask(named).text)) == 7
    assert rows(server.ask(named, **{"named-graph-uri": graph}).text) == [{"g": graph}]
    assert server.ask(named, **{"named-graph-uri": "no iri"}).status == 400


def test_without_a_question_the_endpoint_describes_itself(server: Server) -> None:
    reply = server.request("GET", "/sparql", headers={"Accept": "text/turtle"})
    graph = rdflib.Graph().parse(data=reply.text, format="turtle")
    description = rdflib.Namespace("http://www.w3.org/ns/sparql-service-description#")
    endpoint = rdflib.URIRef(f"{server.address}/sparql")
    assert (endpoint, description.endpoint, endpoint) in graph
    assert (endpoint, description.supportedLanguage, description.SPARQL11Query) in graph
    browser = server.request("GET", "/sparql", headers={"Accept": "text/html,*/*;q=0.8"})
    assert (browser.status, browser.headers["location"]) == (303, "/")


@pytest.mark.parametrize(
    ("sparql", "status", "says"),
    [
        ("SELECT ?s WHERE {\n  ?s ?p }", 400, "the query is malformed at line 2, column"),
        ("SELECT ?s { ?s nothing:x 1 }", 400, "the query uses an unknown prefix at line 1"),
        ("", 400, "the query is malformed at line 1, column 1"),
        ("DELETE WHERE { ?s ?p ?o }", 403, "DELETE would change the graph"),
        ("INSERT DATA { MESH:1 rdf:type MESH:2 }", 403, "INSERT would change the graph"),
        ("SELECT * { SERVICE <http://127.0.0.1:1/> { ?s ?p ?o } }", 403, "SERVICE would ask a server on the network"),
        (f"ASK {{ FILTER({'(' * 20000}1{')' * 20000}) }}", 503, "the query is nested too deeply"),
    ],
)
def test_what_is_no_question_is_told_so_in_one_sentence(server: Server, sparql: str, status: int, says: str) -> None:
    reply = server.request("POST", "/sparql", urlencode({"query": sparql}).encode(), FORM)
    assert (reply.status, reply.headers["content-type"]) == (status, "text/plain; charset=utf-8")
    assert reply.text.startswith(says)
    assert reply.text.count("\n") == 1


@pytest.mark.parametrize(
    ("method", "path", "body", "kind", "status"),
    [
        ("POST", "/sparql", b"update=CLEAR%20ALL", "application/x-www-form-urlencoded", 403),
        ("POST", "/sparql", b"CLEAR ALL", "application/sparql-update", 403),
        ("GET", "/sparql?update=CLEAR%20ALL", None, "", 403),
        ("GET", "/sparql?query=ASK{}&query=ASK{}", None, "", 400),
        ("GET", "/sparql?query=%FF", None, "", 400),
        ("POST", "/sparql", b"\xff\xfe", "application/sparql-query", 400),
        ("POST", "/sparql", b"", "application/x-www-form-urlencoded", 400),
        ("POST", "/sparql", b"{}", "application/json", 415),
        ("POST", "/sparql", b"ASK {}", "", 415),
        ("POST", "/sparql", b"ASK {}", "application/sparql-query; charset=latin-1", 415),
        ("POST", "/sparql", b"#" * ((1 << 20) + 1), "application/sparql-query", 413),
        ("PUT", "/sparql", b"ASK {}", "application/sparql-query", 405),
        ("DELETE", "/sparql", None, "", 405),
        ("GET", "/update", None, "", 404),
        ("GET", "/page/../../worker.py", None, "", 404),
        ("GET", "/page/%2e%2e/worker.py", None, "", 404),
    ],
)
def test_requests_that_are_refused(server: Server, method: str, path: str, body: bytes, kind: str, status: int) -> None:
    assert server.request(method, path, body, {"Content-Type": kind} if kind else {}).status == status
    assert rows(server.ask("SELECT (COUNT(*) AS ?n) { ?s ?p ?o }").text) == [{"n": "400"}]


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "127.0.0.1@evil.example"]
)
def test_a_name_that_was_pointed_here_by_someone_else_is_refused(server: Server, host: str) -> None:
    assert server.request("GET", "/health", headers={"Host": host}).status == 400


def test_pages_of_other_sites_may_not_ask(server: Server) -> None:
    reply = server.request(
        "GET", "/sparql?query=ASK{}", headers={"Origin": "http://a.example", "Sec-Fetch-Site": "cross-site"}
    )
    assert reply.status == 403
    assert "access-control-allow-origin" not in server.request("GET", "/health", headers={"Origin": "http://a"}).headers


def test_pages_of_other_sites_may_ask_where_that_is_wanted(tmp_path: Path) -> None:
    with serving(tmp_path, LIMITS, any_origin=True) as server:
        other = {"Origin": "http://a.example", "Sec-Fetch-Site": "cross-site"}
        reply = server.request("GET", "/sparql?query=ASK{}", headers=other)
        assert (reply.status, reply.headers["access-control-allow-origin"]) == (200, "*")


@pytest.mark.parametrize(
    "head",
    [
        b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil\r\n\r\n",
        b"POST /sparql HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -5\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nA\x00B: c\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
    ],
)
def test_hostile_heads_are_refused_and_others_served(server: Server, head: bytes) -> None:
    reply = _reply(server, [head])
    assert reply.startswith(b"HTTP/1.1 4") or reply == b""
    assert server.request("GET", "/health").status == 200


@pytest.mark.parametrize("piece", [100_000, 30_000])
def test_a_large_head_is_refused_however_it_arrives(server: Server, piece: int) -> None:
    head = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n" + b"".join(
        b"X%d: %s\r\n" % (i, b"a" * 1000) for i in range(80)
    )
    head += b"\r\n"
    reply = _reply(server, [head[i : i + piece] for i in range(0, len(head), piece)])
    assert reply.startswith(b"HTTP/1.1 4") or reply == b""


def _reply(server: Server, pieces: list[bytes]) -> bytes:
    """What the server answers to some bytes; nothing where it hangs up on them, which it may do before it has read them all."""
    reply = b""
    with socket.create_connection(("127.0.0.1", int(server.address.rpartition(":")[2])), timeout=10) as client:
        with suppress(ConnectionError):
            for piece in pieces:
                client.sendall(piece)
            client.shutdown(socket.SHUT_WR)
            while received := client.recv(4096):
                reply += received
    return reply


def test_nonsense_in_headers_that_are_read_does_no_harm(server: Server) -> None:
    for accept in (";q=1;;,,=/", "*" * 5000, "text/csv;q=nan", "\x80\xff/*"):
        assert server.ask(BELIEF, accept).status in (200, 406)
    assert server.request("POST", "/sparql", b"ASK {}", {"Content-Type": ";;charset=;"}).status == 415


@pytest.mark.parametrize(
    "sparql",
    [ENDLESS, "SELECT (COUNT(*) AS ?n) { ?s (!rdf:type|^!rdf:type)* ?o . ?x (!rdf:type)* ?y . ?v (!rdf:type)* ?w }"],
)
def test_a_question_that_does_not_end_is_stopped_in_time_while_others_are_answered(server: Server, sparql: str) -> None:
    began = time.monotonic()
    with ThreadPoolExecutor() as threads:
        endless = threads.submit(server.ask, sparql)
        answered = [server.ask(BELIEF).status for _ in range(20)]
        others = time.monotonic() - began
        reply = endless.result()
    took = time.monotonic() - began
    assert (reply.status, reply.text) == (
        503,
        "the query was stopped after 2 seconds. Ask for less, with LIMIT or a more specific pattern.\n",
    )
    assert answered == [200] * 20
    assert others < took < LIMITS.timeout_s + 1


def test_a_question_that_eats_memory_is_stopped(server: Server) -> None:
    ten = "BIND(CONCAT({0}) AS ?{1})"
    grown = " ".join(ten.format(", ".join([f"?{a}"] * 10), b) for a, b in ("st", "tu", "uv", "vw"))
    bomb = f"SELECT (GROUP_CONCAT(?w) AS ?all) {{ ?a ?b ?c . ?d ?e ?f BIND(STR(?a) AS ?s) {grown} }}"
    reply = server.ask(bomb)
    assert (reply.status, reply.text.partition(". ")[0]) == (503, "the query needed more than 400 MiB of memory")
    assert rows(server.ask(BELIEF).text) == [{"b": "7"}]


def test_an_answer_that_is_too_large_is_an_error_and_not_a_part_of_it(server: Server) -> None:
    reply = server.ask("SELECT * { ?a ?b ?c . ?d ?e ?f }")
    assert (reply.status, reply.text) == (503, "the answer has more than 1 MiB. Ask for less, with LIMIT.\n")


def test_a_large_answer_comes_whole(server: Server) -> None:
    reply = server.ask("SELECT ?a ?d { ?a ?b ?c . ?d ?e ?f } LIMIT 5000")
    assert len(rows(reply.text)) == 5000
    assert int(reply.headers["content-length"]) == len(reply.text)


def test_fifty_questions_at_once_are_all_answered(server: Server) -> None:
    with ThreadPoolExecutor(50) as threads:
        replies = list(threads.map(lambda i: server.ask(f"SELECT ?b {{ MESH:{i} materia:belief ?b }}"), range(50)))
    assert [rows(reply.text) for reply in replies] == [[{"b": str(i)}] for i in range(50)]


def test_more_questions_than_may_wait_are_sent_away(tmp_path: Path) -> None:
    with serving(tmp_path, Limits(timeout_s=1, workers=1, waiting=1)) as server, ThreadPoolExecutor(8) as threads:
        replies = list(threads.map(server.ask, [ENDLESS] * 8))
        sent_away = [reply for reply in replies if "waiting already" in reply.text]
        assert sent_away
        assert {(reply.status, reply.headers["retry-after"]) for reply in sent_away} == {(503, "1")}


def test_a_client_that_goes_away_takes_its_question_with_it(server: Server) -> None:
    before = idle(server, LIMITS.workers)
    connection = http.client.HTTPConnection("127.0.0.1", int(server.address.rpartition(":")[2]))
    connection.request("GET", "/sparql?" + urlencode({"query": ENDLESS}))
    assert idle(server, before - 1) == before - 1
    began = time.monotonic()
    connection.close()
    assert idle(server, before) == before
    assert time.monotonic() - began < LIMITS.timeout_s


def idle(server: Server, wanted: int, seconds: float = 4) -> int:
    """Workers with nothing to do, as soon as it is the wanted number or after a while."""
    until = time.monotonic() + seconds
    while (found := json.loads(server.request("GET", "/health").text)["idle"]) != wanted and time.monotonic() < until:
        time.sleep(0.02)
    return int(found)


def test_a_store_replaced_meanwhile_answers_the_next_question(tmp_path: Path) -> None:
    with serving(tmp_path, LIMITS) as server:
        count = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"
        first = server.ask(count)
        done = threading.Event()

        def keep_asking() -> set[tuple[int, str]]:
            seen = set()
            while not done.is_set():
                reply = server.ask(count)
                seen.add((reply.status, reply.text))
            return seen

        with ThreadPoolExecutor() as threads:
            asking = threads.submit(keep_asking)
            build_store([write_nodes(tmp_path / "more.nq", 300)], server.store)
            second = server.ask(count)
            done.set()
        assert (rows(first.text), rows(second.text)) == ([{"n": "400"}], [{"n": "600"}])
        assert first.headers["materia-data-version"] != second.headers["materia-data-version"]
        assert asking.result() <= {(200, first.text), (200, second.text)}


def test_a_worker_that_was_killed_from_outside_is_replaced(server: Server) -> None:
    workers = workers_of_this_process(server)
    assert len(workers) >= LIMITS.workers
    for worker in workers:
        worker.kill()
    while any(psutil.pid_exists(worker.pid) for worker in workers):  # until the server has taken note
        time.sleep(0.01)
    assert [server.ask(BELIEF).status for _ in range(4)] == [200] * 4


def test_a_worker_that_grew_large_gives_its_memory_back(tmp_path: Path) -> None:
    distinct = "SELECT DISTINCT * { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i } LIMIT 220000"
    greedy = f"SELECT (COUNT(*) AS ?n) {{ {distinct} }}"
    with serving(tmp_path, Limits(memory_mib=370, workers=1)) as server:
        assert server.ask(BELIEF).status == 200
        (before,) = workers_of_this_process(server)
        assert rows(server.ask(greedy).text) == [{"n": "220000"}]
        assert server.ask(BELIEF).status == 200
        (after,) = workers_of_this_process(server)
        assert before != after


def workers_of_this_process(server: Server) -> list[psutil.Process]:
    children = psutil.Process().children()
    return [child for child in children if str(server.store) in child.cmdline()]


def test_health_says_what_is_served(server: Server) -> None:
    health = json.loads(server.request("GET", "/health").text)
    assert (health["status"], health["data_version"]) == ("ok", state_version(server.store))


def test_rdflib_asks_it_as_a_store_of_its_own(server: Server) -> None:
    graph = rdflib.Graph(SPARQLStore(f"{server.address}/sparql"))
    assert graph.value(rdflib.URIRef(expand("MESH:7")), rdflib.SKOS.prefLabel) == rdflib.Literal("node 7", lang="en")
    assert [int(row.b) for row in graph.query("SELECT ?b { MESH:7 materia:belief ?b }")] == [7]
    assert len(graph) == 400
