"""A SPARQL 1.1 server on this machine: Oxigraph's, which installs from PyPI, in a process of its own. It starts in a tenth of a second."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["OxigraphServer", "sparql_server"]

_START_S = 60.0


class OxigraphServer:
    """The process of a server and its disk. Use `sparql_server`.

    Attributes:
        query_url, update_url: what `graph.store` and `graph.update` take.
    """

    def __init__(self, folder: Path, program: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = int(free.getsockname()[1])
        self._command = [
            program,
            "serve",
            "--location",
            str(folder),
            "--bind",
            f"127.0.0.1:{self._port}",
            "--union-default-graph",
        ]
        self._process: subprocess.Popen[bytes] | None = None
        self.query_url = f"http://127.0.0.1:{self._port}/query"
        self.update_url = f"http://127.0.0.1:{self._port}/update"

    def start(self) -> None:
        """Start it, with what it held when it was stopped.

        Raises:
            RuntimeError: it ended at once, or does not listen within a minute.
        """
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + _START_S
        while self._process.poll() is None and time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self._port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.05)
        self.stop()
        raise RuntimeError("Oxigraph's server did not start")

    def stop(self) -> None:
        """Kill it: it would wait for a question that does not end. Its disk stays."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


@contextmanager
def sparql_server() -> Iterator[OxigraphServer]:
    """Start a server that holds nothing, and stop it at the end.

    Raises:
        RuntimeError: Oxigraph is not installed, or does not start.
    """
    program = shutil.which("oxigraph", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    if program is None:
        raise RuntimeError("no Oxigraph; install Materia with its extra `dev`")
    with tempfile.TemporaryDirectory(prefix="sparql.", ignore_cleanup_errors=True) as folder:
        server = OxigraphServer(Path(folder), program)
        server.start()
        try:
            yield server
        finally:
            server.stop()
