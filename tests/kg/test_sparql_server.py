"""The graph in a real SPARQL server (Oxigraph's, on loopback): filled, brought up to date, asked, and out of reach."""

import socket
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread, Timer
from typing import TYPE_CHECKING

import pyoxigraph as ox
import pytest

from kg.graph_store import open_store, query
from kg.graph_update import StoreUpdate, update_server
from kg.server_mark import Mark, begun, read_mark, state_of, write_mark
from kg.sparql_server import SparqlServer, update_blocks
from pipeline.curies import expand
from pipeline.errors import MateriaError

if TYPE_CHECKING:
    from servers.sparql import OxigraphServer


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def oxigraph() -> "Iterator[OxigraphServer]":
    from servers.sparql import sparql_server

    with sparql_server() as running:
        yield running


@pytest.fixture(scope="module")
def running(oxigraph: "OxigraphServer") -> SparqlServer:
    return SparqlServer(oxigraph.query_url, oxigraph.update_url, pauses_s=(0.1, 0.2, 0.4, 0.8, 1.6))


@pytest.fixture
def server(running: SparqlServer) -> SparqlServer:
    """The server, emptied."""
    running.update(b"DROP ALL")
    return running


def line(number: int) -> str:
    graph = f"<{expand(f'PMID:{number % 5}')}> " if number % 3 == 0 else ""
    return f'<{expand(f"MESH:{number % 7}")}> <{expand("materia:belief")}> "{number:03}" {graph}.\n'


def write(folder: Path, numbers: set[int]) -> list[Path]:
    folder.mkdir(exist_ok=True)
    paths = [folder / f"{bucket}.nq" for bucket in range(2)]
    for bucket, path in enumerate(paths):
        staged = path.with_suffix(".staged")
        staged.write_text("".join(sorted(line(n) for n in numbers if n % 2 == bucket)))
        staged.replace(path)
    return paths


def held(server: SparqlServer) -> set[tuple[str, ...]]:
    """What it holds but its mark."""
    # Oxigraph shows the default graph as the union of all: what is in no named graph is in it alone.
    rows = query(server, "SELECT ?s ?o ?g { ?s ?p ?o OPTIONAL { GRAPH ?g { ?s ?p ?o } } }")[1]
    found = {tuple(map(str, row)) for row in rows}
    return {row for row in found if row[2] != "materia:index"}


def expected(numbers: set[int]) -> set[tuple[str, ...]]:
    return {(f"MESH:{n % 7}", f"{n:03}", f"PMID:{n % 5}" if n % 3 == 0 else "None") for n in numbers}


def test_it_is_filled_and_then_brought_up_to_date_by_difference(server: SparqlServer, tmp_path: Path) -> None:
    numbers = set(range(100))
    first = update_server(write(tmp_path / "nquads", numbers), tmp_path / "state", server)
    assert first == StoreUpdate(100, 0, 100, whole=True)
    assert held(server) == expected(numbers)
    numbers = numbers - {3, 4} | {200, 201, 204}
    second = update_server(write(tmp_path / "nquads", numbers), tmp_path / "state", server)
    assert second == StoreUpdate(101, removed=2, added=3, whole=False)
    assert held(server) == expected(numbers)


def test_what_a_killed_load_left_is_taken_away(server: SparqlServer, tmp_path: Path) -> None:
    """Two loads fail half-way, each of another state; the third leaves nothing of either."""
    update_server(write(tmp_path / "nquads", set(range(50))), tmp_path / "state", server)
    deaf = SparqlServer(server.query_url, f"http://127.0.0.1:{free_port()}/update", pauses_s=())
    for numbers in (set(range(40, 80)), set(range(60, 90))):
        paths = write(tmp_path / "nquads", numbers)
        with pytest.raises(MateriaError, match="cannot be reached"):
            update_server(paths, tmp_path / "state", deaf)
        server.update(next(update_blocks(paths[0], "INSERT")))
    assert held(server) != expected(set(range(50)))
    update_server(write(tmp_path / "nquads", set(range(100, 140))), tmp_path / "state", server)
    assert held(server) == expected(set(range(100, 140)))
    assert sorted(path.name for path in (tmp_path / "state").iterdir()) == ["4", "complete.json"]


def test_a_first_load_that_was_killed_is_finished_by_the_same(server: SparqlServer, tmp_path: Path) -> None:
    paths = write(tmp_path / "nquads", set(range(50)))
    with pytest.raises(MateriaError, match="cannot be reached"):
        update_server(
            paths, tmp_path / "state", replace(server, update_url=f"http://127.0.0.1:{free_port()}/", pauses_s=())
        )
    update_server(paths, tmp_path / "state", server)
    assert held(server) == expected(set(range(50)))


def test_two_machines_keep_one_server(server: SparqlServer, tmp_path: Path) -> None:
    """Neither knows what the other did but by the server. What it holds already is not sent; what is unknown goes, all of it."""
    one, other, numbers = tmp_path / "one", tmp_path / "other", set(range(60))
    update_server(write(tmp_path / "nquads", numbers), one, server, home="s3://bucket/home")
    again = update_server(write(tmp_path / "nquads", numbers), other, server, home="s3://bucket/home")
    assert again == StoreUpdate(60, removed=0, added=0, whole=False)
    changed = numbers - {5} | {70}
    by_difference = update_server(write(tmp_path / "nquads", changed), other, server, home="s3://bucket/home")
    assert by_difference == StoreUpdate(60, removed=1, added=1, whole=False)
    assert held(server) == expected(changed)
    last = changed - {6}
    whole = update_server(write(tmp_path / "nquads", last), one, server, home="s3://bucket/home")
    assert whole == StoreUpdate(59, removed=0, added=59, whole=True)
    assert held(server) == expected(last)


def test_a_load_that_another_machine_left_half_done_is_done_anew(server: SparqlServer, tmp_path: Path) -> None:
    update_server(write(tmp_path / "nquads", set(range(50))), tmp_path / "one", server, home="s3://bucket/home")
    paths = write(tmp_path / "nquads", set(range(40, 90)))
    write_mark(server, Mark(read_mark(server).home, begun(["what one machine had", state_of(paths)])))  # type: ignore[union-attr]
    server.update(next(update_blocks(paths[0], "INSERT")))
    update_server(paths, tmp_path / "other", server, home="s3://bucket/home")
    assert held(server) == expected(set(range(40, 90)))


def test_the_graph_of_another_home_is_left_alone(server: SparqlServer, tmp_path: Path) -> None:
    update_server(write(tmp_path / "nquads", {1, 2}), tmp_path / "one", server, home="s3://bucket/home")
    with pytest.raises(MateriaError, match=r"/update: holds the graph of another home\. Name a server"):
        update_server(write(tmp_path / "nquads", {3}), tmp_path / "other", server, home="s3://bucket/another")
    assert held(server) == expected({1, 2})


def test_a_server_that_lost_all_is_filled_anew(server: SparqlServer, tmp_path: Path) -> None:
    paths = write(tmp_path / "nquads", set(range(30)))
    update_server(paths, tmp_path / "state", server)
    server.update(b"DROP ALL")
    assert update_server(paths, tmp_path / "state", server).whole
    assert held(server) == expected(set(range(30)))


def test_a_restart_of_the_server_is_waited_for(
    oxigraph: "OxigraphServer", server: SparqlServer, tmp_path: Path
) -> None:
    oxigraph.stop()
    later = Timer(0.5, oxigraph.start)
    later.start()
    update_server(write(tmp_path / "nquads", set(range(30))), tmp_path / "state", server)
    later.join()
    assert held(server) == expected(set(range(30)))


def test_statements_of_others_are_never_removed(server: SparqlServer, tmp_path: Path) -> None:
    server.update(b"INSERT DATA { GRAPH <http://theirs> { <http://a> <http://b> <http://c> } }")
    with pytest.raises(
        MateriaError, match=r"/update: holds statements that this home did not put there\. Name a server"
    ):
        update_server(write(tmp_path / "nquads", {1}), tmp_path / "state", server)
    assert query(server, "SELECT ?s { GRAPH <http://theirs> { ?s ?p ?o } }")[1] == [["<http://a>"]]


HOSTILE = [
    'he said \\"no\\"',
    "back\\\\slash \\\\n \\\\u0041",
    "line\\nfeed\\r\\t\\b\\f",
    "\\u0001\\u000B\\u007F",
    "} . <http://x>",
    "\u2028💊",
]


def test_any_text_arrives_as_it_is(server: SparqlServer, tmp_path: Path) -> None:
    lines = [f'<http://s/{n}> <http://p> "{text}"@en <http://g> .\n' for n, text in enumerate(HOSTILE)]
    lines += [f'<http://s/{n}> <http://q> "{text}" .\n' for n, text in enumerate(HOSTILE)]
    (tmp_path / "a.nq").write_text("".join(sorted(lines)), encoding="utf-8")
    update_server([tmp_path / "a.nq"], tmp_path / "state", server)
    for predicate in ("<http://p>", "<http://q>"):
        rows = query(server, f"SELECT ?o {{ ?s {predicate} ?o }} ORDER BY ?s")[1]
        parsed = ox.parse("".join(lines), format=ox.RdfFormat.N_QUADS)
        assert [row[0] for row in rows] == [q.object.value for q in parsed if str(q.predicate) == predicate]


def test_rdflib_reads_it(server: SparqlServer, tmp_path: Path) -> None:
    update_server(write(tmp_path / "nquads", {1, 2, 3}), tmp_path / "state", server)
    rows = open_store(server).query("SELECT ?o { MESH:1 materia:belief ?o }")
    assert [str(row[0]) for row in rows] == ["001"]
    with pytest.raises(TypeError, match="read only"):
        open_store(server).remove((None, None, None))


@pytest.mark.parametrize(
    ("sparql", "message"),
    [
        ("SELECT ?s WHERE {\n  ?s ?p }", "the query is malformed at line 2, column"),
        ("SELECT ?s { ?s foo:bar 1 }", "the query uses an unknown prefix at line 1"),
        ("DROP ALL", "DROP would change the graph"),
        ("SELECT * { SERVICE <http://localhost/> { ?s ?p ?o } }", "SERVICE would ask a server"),
    ],
)
def test_a_bad_question_is_told_as_it_is_of_the_index(server: SparqlServer, sparql: str, message: str) -> None:
    with pytest.raises(MateriaError, match=message):
        query(server, sparql)


def test_a_question_that_does_not_end_is_given_up(server: SparqlServer, tmp_path: Path) -> None:
    update_server(write(tmp_path / "nquads", set(range(300))), tmp_path / "state", server)
    endless = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l }"
    with pytest.raises(MateriaError, match=r"did not answer within 2 seconds|stopped after 2 seconds"):
        query(server, endless, timeout_s=2)


class Answering(BaseHTTPRequestHandler):
    """Answers each path in its own way, as servers that are set up wrongly do."""

    #: How many connections to /drops/ are closed without an answer from now on.
    drops = 0

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/slow":
            time.sleep(1.5)
        if self.path.startswith("/drops/") and type(self).drops:
            type(self).drops -= 1
            return  # and no answer
        right = "Basic " + b64encode(b"me:pass:word").decode()
        status = {"/moved": 307, "/broken": 500, "/slow": 200, "/page": 200, "/drops/": 200, "/busy": 503}.get(
            self.path, 401
        )
        if self.path == "/closed" and self.headers.get("Authorization") == right:
            status = 200
        body = b'{"head": {}, "boolean": true}' if self.path == "/closed" else b"<html>\n oh no </html>"
        self.send_response(status)
        self.send_header("WWW-Authenticate", 'Basic realm="graph"') if status == 401 else None
        self.send_header("Location", "/closed") if status == 307 else None
        self.send_header("Content-Type", "application/sparql-results+json" if self.path == "/closed" else "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def wrong() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/closed", r"/closed: does not let us in \(HTTP 401\). Set MATERIA_SPARQL_USER"),
        ("/broken", r"/broken: refused \(HTTP 500: <html> oh no </html>\)"),
        ("/moved", r"/moved: refused \(HTTP 307"),
        ("/page", r"/page: gave no SPARQL answer, but text/html. Check that graph.store is the query endpoint"),
        ("/slow", r"/slow: did not answer within 1 seconds"),
    ],
)
def test_a_server_that_fails_is_one_sentence(wrong: str, path: str, message: str) -> None:
    with pytest.raises(MateriaError, match=message):
        SparqlServer(wrong + path, wrong + path, timeout_s=1).ask("ASK {}")
    with pytest.raises(MateriaError, match=r"/gone: cannot be reached"):
        SparqlServer(f"http://127.0.0.1:{free_port()}/gone", wrong).ask("ASK {}")


@pytest.mark.parametrize(
    ("path", "drops", "message"),
    [
        ("/drops/", 2, None),
        ("/drops/", 3, r"/drops/: cannot be reached \(.+\); tried 3 times\. Start the server"),
        ("/busy", 0, r"/busy: refused \(HTTP 503: .*\); tried 3 times"),
        ("/slow", 0, r"/slow: did not answer within 0.1 seconds; tried 3 times"),
        ("/broken", 0, r"/broken: refused \(HTTP 500: <html> oh no </html>\)\. "),
    ],
)
def test_an_update_is_tried_again_and_not_for_ever(wrong: str, path: str, drops: int, message: str | None) -> None:
    Answering.drops = drops
    server = SparqlServer(wrong, wrong + path, timeout_s=0.1 if path == "/slow" else 10, pauses_s=(0.01, 0.02))
    with nullcontext() if message is None else pytest.raises(MateriaError, match=message):
        server.update(b"DROP ALL")
    assert Answering.drops == 0


def test_credentials_come_from_the_environment(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MATERIA_SPARQL_USER", "me")
    monkeypatch.setenv("MATERIA_SPARQL_PASSWORD", "pass:word")
    assert query(SparqlServer(f"{wrong}/closed", wrong), "ASK {}") == (["answer"], [[True]])
    monkeypatch.setenv("MATERIA_SPARQL_PASSWORD", "secret")
    with pytest.raises(MateriaError, match="does not let us in") as told:
        query(SparqlServer(f"{wrong}/closed?key=abc", wrong), "ASK {}")
    assert "secret" not in str(told.value)
    assert "abc" not in str(told.value)
