"""Serve the graph as a read-only SPARQL 1.1 endpoint with a query page, on this machine.

A question that takes too long, needs too much memory or gives too large an answer is stopped, and the others go on. A
build may replace the graph meanwhile: the next question is answered from the new one.

Examples:
  materia serve --open
  materia serve --port 8080 --timeout 60 --workers 8
  curl --data-urlencode 'query=SELECT * { ?s biolink:treats ?o } LIMIT 5' http://127.0.0.1:7878/sparql
"""

from __future__ import annotations

import argparse
import ipaddress
import math
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from assets.graph import asked_store
from assets.home import open_home
from pipeline.errors import MateriaError

if TYPE_CHECKING:
    from kg.sparql_endpoint.question import Limits

#: Answers wait on disk for clients that read slowly: so many at most, of the size that `--answer` allows.
_MOST_CONNECTIONS: Final = 200


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The words of `materia serve`."""
    parser.add_argument("--port", type=int, default=7878, help="port to listen on (default: 7878; 0 takes a free one)")
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1, this machine only)"
    )
    parser.add_argument(
        "--allow-remote", action="store_true", help="listen for other machines too; nobody is asked who he is"
    )
    parser.add_argument("--any-origin", action="store_true", help="let pages of other sites ask (CORS)")
    parser.add_argument("--timeout", type=float, default=30, metavar="S", help="seconds for a question (default: 30)")
    parser.add_argument("--memory", type=int, default=2048, metavar="MIB", help="memory for a question (default: 2048)")
    parser.add_argument("--answer", type=int, default=64, metavar="MIB", help="largest answer (default: 64)")
    parser.add_argument("--workers", type=int, default=4, metavar="N", help="questions answered at once (default: 4)")
    parser.add_argument("--open", action="store_true", help="open the query page in a browser")


def run(options: argparse.Namespace) -> int:
    """Serve until Ctrl-C or SIGTERM."""
    import uvicorn

    from kg.graph_store import open_index
    from kg.sparql_endpoint.app import LOOPBACK, make_app
    from kg.sparql_endpoint.examples import examples

    limits = _limits(options)
    remote = not _is_loopback(options.host)
    if remote and not options.allow_remote:
        raise MateriaError(
            f"{options.host} can be reached from other machines, and this server asks nobody who he is",
            remedy="Leave --host out, or add --allow-remote",
        )
    store = asked_store(open_home(options.home), lambda line: print(line, file=sys.stderr))
    if not isinstance(store, Path):
        raise MateriaError("the graph of this home is in a server of its own", remedy=f"Ask it at {store.query_url}")
    open_index(store)  # so that a missing graph is said now
    listening = _listen(options.host, options.port)
    app = make_app(
        store,
        limits,
        hosts=["*"] if remote else [*LOOPBACK, options.host],
        any_origin=options.any_origin,
        examples=examples(),
    )
    config = uvicorn.Config(
        app,
        http="h11",  # refuses a head that never ends or is not as it should be; the application, one that is too large
        ws="none",
        log_level="warning",
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_graceful_shutdown=1,
        server_header=False,
    )
    _tell(listening, remote, options.open)
    with suppress(KeyboardInterrupt):  # Ctrl-C, which uvicorn passes on when it has stopped
        uvicorn.Server(config).run(sockets=[listening])
    return 0


def _limits(options: argparse.Namespace) -> Limits:
    from kg.sparql_endpoint.question import Limits

    for name, least in (("timeout", 0.1), ("memory", 256), ("answer", 1), ("workers", 1)):
        given = getattr(options, name)
        if not least <= given < math.inf:
            raise MateriaError(f"--{name} {given} cannot be", remedy=f"Give a number, at least {least}")
    return Limits(options.timeout, options.memory, options.answer, options.workers)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=1024)
    except (OSError, OverflowError) as error:
        raise MateriaError(f"cannot listen on {host}, port {port} ({error})", remedy="Choose another --port") from error


def _tell(listening: socket.socket, remote: bool, show: bool) -> None:
    host, port = listening.getsockname()[:2]
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    lines = [
        f"Query page  {address}/",
        f"Endpoint    {address}/sparql (SPARQL 1.1, read only)",
        "",
        "From a shell:",
        f"  curl --data-urlencode 'query=SELECT * {{ ?s biolink:treats ?o }} LIMIT 5' {address}/sparql",
        "From Python:",
        "  from rdflib import Graph; from rdflib.plugins.stores.sparqlstore import SPARQLStore",
        f"  Graph(SPARQLStore('{address}/sparql')).query('SELECT * {{ ?s biolink:treats ?o }} LIMIT 5')",
        "",
        "Stop it with Ctrl-C.",
    ]
    if remote:
        lines.insert(0, "Warning: other machines can ask this server, and nobody is asked who he is.\n")
    print("\n".join(lines), file=sys.stderr, flush=True)
    if show:
        import webbrowser

        webbrowser.open(f"{address}/")
