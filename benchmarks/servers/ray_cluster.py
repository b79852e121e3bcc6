"""A real Ray cluster on this machine: a head without cores, and nodes with a few each, every one of them a `ray start` of its own.

Starting takes 3 s of processor time a node and 5 s for the head, and about 300 MiB each. The dashboard, usage statistics and the log
monitor are off and the object store is small: a build passes no tables through it. Logs go to a temporary folder that is removed
at the end.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from servers.ports import free_port

__all__ = ["RayCluster", "ray_cluster"]

_ROOT = Path(__file__).resolve().parents[2]
_OBJECT_STORE_BYTES = 100 << 20
_START_S = 90.0
_ATTEMPTS = 3
_POLL_S = 0.2
#: Tells in its environment which node a process belongs to.
_MARK = "MATERIA_TEST_NODE"


class RayCluster:
    """The processes of a cluster. Use `ray_cluster`.

    Attributes:
        address: what `engine.address` or RAY_ADDRESS takes, `HOST:PORT`.
        client_address: what they take where the process that builds is on no node, `ray://HOST:PORT`.
        nodes: the processes of the nodes, in the order in which they were started; the head is not among them.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]),
            "RAY_USAGE_STATS_ENABLED": "0",
            # A token that a cluster of this machine's own once made (~/.ray/auth_token) the head would ask for, and no node send.
            "RAY_AUTH_MODE": "disabled",
            "RAY_DISABLE_IMPORT_WARNING": "1",
            **environment,
        }
        self._environment.pop("RAY_ADDRESS", None)
        self._port = free_port()
        self.address = f"127.0.0.1:{self._port}"
        self._client_port = free_port()  # else it is 10001, and two clusters could not live side by side
        self.client_address = f"ray://127.0.0.1:{self._client_port}"
        self.nodes: list[psutil.Popen] = []
        self._started: dict[str, psutil.Popen] = {}

    def start(self) -> None:
        """Start the head."""
        ports = (f"--port={self._port}", f"--ray-client-server-port={self._client_port}")
        self._start("head", "--head", *ports, f"--temp-dir={self._folder}", "--include-dashboard=false", "--num-cpus=0")

    def add_node(self, cpus: int = 1) -> int:
        """Start a node and wait until it has joined; its number."""
        number = len(self.nodes)
        self.nodes.append(self._start(f"node{number}", f"--address={self.address}", f"--num-cpus={cpus}"))
        return number

    def kill_node(self, number: int) -> None:
        """Kill a node with all that runs on it, as a power cut would."""
        self._kill(f"node{number}")

    def kill_head(self) -> None:
        """Kill the head; the nodes go by themselves when they miss it for a minute."""
        self._kill("head")

    def processes(self) -> list[psutil.Process]:
        """Every process of the cluster that lives: to add up what it costs."""
        return [process for name in self._started for process in self._of(name)]

    def stop(self) -> None:
        """Kill all of it."""
        for name in reversed(self._started):
            self._kill(name)

    def _start(self, name: str, *words: str) -> psutil.Popen:
        """Start a node and wait until it is at work. On a busy machine Ray gives up after 30 s, so it may try more than once."""
        for _ in range(_ATTEMPTS):
            said = self._folder / f"{name}.log"
            with said.open("wb") as log:
                process = psutil.Popen(
                    [
                        *(sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--disable-usage-stats"),
                        f"--object-store-memory={_OBJECT_STORE_BYTES}",
                        "--include-log-monitor=false",
                        *words,
                    ],
                    env=self._environment | {_MARK: self._mark(name)},
                    cwd=self._folder,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            self._started[name] = process
            deadline = time.monotonic() + _START_S
            while process.poll() is None and time.monotonic() < deadline:
                if "runtime started" in said.read_text(errors="replace"):
                    return process
                time.sleep(_POLL_S)
            self._kill(name)
        raise RuntimeError(f"{name} of the Ray cluster did not start: {said.read_text(errors='replace')[-2000:]}")

    def _mark(self, name: str) -> str:
        return f"{self._folder}/{name}"

    def _of(self, name: str) -> list[psutil.Process]:
        """The processes of a node that live: Ray's workers are no children of the process that was started."""
        found = []
        for one in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                if one.environ().get(_MARK) == self._mark(name):
                    found.append(one)
        return found

    def _kill(self, name: str) -> None:
        """Kill all processes of a node, those too whose parent has ended.

        One that is left of a failed start would listen beside the next one: Ray's servers share ports, and either may answer.
        """
        tree = self._of(name)
        for one in tree:
            with suppress(psutil.NoSuchProcess):
                one.kill()
        psutil.wait_procs(tree, timeout=10)


@contextmanager
def ray_cluster(nodes: int, cpus: int = 1, environment: Mapping[str, str] | None = None) -> Iterator[RayCluster]:
    """A cluster of a head and so many nodes, ready for work; stopped at the end.

    Args:
        cpus: cores that each node offers.
        environment: variables that the nodes have beside those of this process (credentials of a store).
    """
    folder = Path(tempfile.mkdtemp(prefix="ray."))  # short: sockets stand in it, whose paths are limited to 107 bytes
    cluster = RayCluster(folder, environment or {})
    try:
        cluster.start()
        for _ in range(nodes):
            cluster.add_node(cpus)
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)
