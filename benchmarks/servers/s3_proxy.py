"""A proxy before a server of a store (S3, Azure, GCS): it counts requests, and does to them what networks and bad permissions do.

with s3_server() as server, s3_proxy(server.endpoint) as proxy:
proxy.fault = lambda method, path: "drop" if method == "PUT" else None
"""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal
from urllib.parse import urlsplit

from servers.s3 import with_endpoint

__all__ = ["Fault", "S3Proxy", "s3_proxy"]

#: What is done to a request: the connection closed without an answer, or in the middle of one; an answer that comes late; access refused;
#: the store is busy.
Fault = Literal["drop", "cut", "slow", "refuse", "busy"]
_ANSWERS = {"refuse": (403, "AccessDenied"), "busy": (503, "SlowDown")}


class S3Proxy:
    """What a running proxy is told, and what it saw."""

    def __init__(self, endpoint: str, environment: dict[str, str]) -> None:
        self.endpoint = endpoint
        self.environment = environment
        #: Asked of every request, its method and path with query; None lets it through.
        self.fault: Callable[[str, str], Fault | None] = lambda method, path: None
        #: Every request, in order: method, and path with query.
        self.requests: list[tuple[str, str]] = []
        #: How late an answer is that is slow.
        self.delay_s = 1.0


@contextmanager
def s3_proxy(endpoint: str, reached_by: Callable[[str], dict[str, str]] = with_endpoint) -> Iterator[S3Proxy]:
    """Stand before a server as long as the context lasts.

    Args:
        endpoint: of the server.
        reached_by: the environment variables that lead to an endpoint; those of S3, where it is not said.
    """

    class Handler(_Handler):
        upstream = urlsplit(endpoint).netloc

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    address = f"http://127.0.0.1:{server.server_port}"
    Handler.proxy = S3Proxy(address, reached_by(address))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield Handler.proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    upstream: str
    proxy: S3Proxy

    def _forward(self) -> None:
        body = self._body()
        self.proxy.requests.append((self.command, self.path))
        fault = self.proxy.fault(self.command, self.path)
        if fault == "drop":
            self.close_connection = True
            return
        if fault in _ANSWERS:
            status, code = _ANSWERS[fault]
            self._answer(
                status,
                {"Content-Type": "application/xml"},
                f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode(),
            )
            return
        if fault == "slow":
            time.sleep(self.proxy.delay_s)
        connection = http.client.HTTPConnection(self.upstream, timeout=60)
        headers = {n: v for n, v in self.headers.items() if n.lower() not in ("transfer-encoding", "content-length")}
        connection.request(self.command, self.path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        self._answer(answer.status, dict(answer.getheaders()), content, cut=fault == "cut")

    def _answer(self, status: int, headers: dict[str, str], content: bytes, *, cut: bool = False) -> None:
        # Some servers write the names of headers small.
        stated = {name.lower(): value for name, value in headers.items()}.get("content-length", "0")
        length = stated if self.command == "HEAD" else str(len(content))
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content[: len(content) // 2] if cut else content)
        if cut:
            self.close_connection = True

    def _body(self) -> bytes:
        """The body of the request; s3fs sends most with a length, and botocore large ones in pieces."""
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        pieces = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(pieces)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _forward  # noqa: N815  (names of http.server)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is logged."""
