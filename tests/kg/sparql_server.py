"""A real server for tests: uvicorn on a free port of this machine, over a store made by `build_store`."""

import http.client
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import uvicorn

from kg.graph_store import build_store
from kg.sparql_endpoint.app import make_app
from kg.sparql_endpoint.question import Limits
from pipeline.curies import expand

ENDLESS = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l }"


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    text: str


@dataclass(frozen=True)
class Server:
    address: str
    store: Path

    def request(self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] = {}) -> Reply:
        connection = http.client.HTTPConnection(urlsplit(self.address).netloc, timeout=30)
        try:
            connection.request(method, path, body, dict(headers))
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Reply(response.status, found, response.read().decode())
        finally:
            connection.close()

    def ask(self, sparql: str, accept: str = "*/*", **fields: str) -> Reply:
        return self.request("GET", "/sparql?" + urlencode({"query": sparql} | fields), headers={"Accept": accept})


def write_nodes(path: Path, count: int = 200) -> Path:
    """Numbered nodes as N-Quads: each has a value, in one of seven named graphs, and a label in the default graph."""
    lines = []
    for i in range(count):
        node, graph = expand(f"MESH:{i}"), expand(f"PMID:{i % 7}")
        lines.append(f'<{node}> <{expand("materia:belief")}> "{i}"^^<{expand("xsd:integer")}> <{graph}> .\n')
        lines.append(f'<{node}> <{expand("skos:prefLabel")}> "node {i}"@en .\n')
    path.write_text("".join(lines))
    return path


@contextmanager
def serving(folder: Path, limits: Limits, **words: Any) -> Iterator[Server]:
    """A server over two hundred numbered nodes, in this process; its workers are processes of their own."""
    store = folder / "store"
    build_store([write_nodes(folder / "nodes.nq")], store)
    app = make_app(store, limits, **words)
    config = uvicorn.Config(app, port=0, http="h11", loop="asyncio", log_level="critical", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.02)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield Server(f"http://127.0.0.1:{port}", store)
    finally:
        server.should_exit = True
        thread.join(timeout=20)
        assert not thread.is_alive()
