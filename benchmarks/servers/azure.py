"""A server of Azure's blob storage on this machine: Azurite, Microsoft's own, from the npm registry, in a process of its own.

It keeps objects in memory and forgets them when it stops; two seconds to start. It checks signatures, so that a wrong key is
refused. It is looked for in AZURITE, on the PATH, and in the folder `azurite` of the virtual environment, where `make test-scale` puts it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from servers.ports import free_port, wait_for_port

__all__ = ["AzureServer", "azure_server", "find_azurite", "with_endpoint"]

#: The account and the key that every Azurite has (https://learn.microsoft.com/azure/storage/common/storage-use-azurite).
_ACCOUNT = "devstoreaccount1"
_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


@dataclass(frozen=True)
class AzureServer:
    """A server that runs. Whoever is given `environment` reaches it by `az://CONTAINER/...`."""

    endpoint: str
    container: str
    environment: dict[str, str] = field(repr=False)

    def url(self, path: str = "") -> str:
        """The URL of a path in the container."""
        return f"az://{self.container}/{path}"


def with_endpoint(endpoint: str, key: str = _KEY) -> dict[str, str]:
    """The environment variable by which adlfs reaches a server."""
    parts = {
        "DefaultEndpointsProtocol": "http",
        "AccountName": _ACCOUNT,
        "AccountKey": key,
        "BlobEndpoint": f"{endpoint}/{_ACCOUNT}",
    }
    return {"AZURE_STORAGE_CONNECTION_STRING": ";".join(f"{name}={value}" for name, value in parts.items())}


def find_azurite() -> str:
    """The program. Raises RuntimeError where it is not installed."""
    local = Path(sys.prefix) / "azurite" / "node_modules" / ".bin" / "azurite-blob"
    found = os.environ.get("AZURITE") or shutil.which("azurite-blob") or (str(local) if local.exists() else None)
    if found is None or shutil.which("node") is None:
        raise RuntimeError(f"no Azurite: npm install --prefix {sys.prefix}/azurite azurite")
    return found


@contextmanager
def azure_server(container: str = "materia") -> Iterator[AzureServer]:
    """Start a server with one empty container, and stop it.

    Raises:
        RuntimeError: Azurite is not installed, or did not answer within a minute.
    """
    from azure.storage.blob import BlobServiceClient

    port = free_port()
    # The client of the day may speak a newer version of the protocol than the server knows by number.
    options = ["--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry", "--silent"]
    command = [find_azurite(), "--blobHost", "127.0.0.1", "--blobPort", str(port), *options]
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(os.environ)
    )
    try:
        wait_for_port(process, port, "Azurite")
        environment = with_endpoint(f"http://127.0.0.1:{port}")
        with BlobServiceClient.from_connection_string(*environment.values()) as client:
            client.create_container(container)
        yield AzureServer(f"http://127.0.0.1:{port}", container, environment)
    finally:
        process.kill()
        process.wait()
