"""A server of the S3 protocol on this machine: moto's, which installs from PyPI, in a process of its own.

It keeps objects in memory and forgets them when it stops. About three seconds to start; a request costs some milliseconds of
processor time, so that figures of time are those of a slow store. It takes any key and does not check signatures: what a bucket
that refuses does is shown by `servers.s3_proxy`, which stands before it.
"""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from servers.ports import free_port

__all__ = ["S3Server", "s3_server", "with_endpoint"]

_START_S = 60.0


@dataclass(frozen=True)
class S3Server:
    """A server that runs. Whoever is given `environment` reaches it by `s3://BUCKET/...`."""

    endpoint: str
    bucket: str
    environment: dict[str, str] = field(repr=False)

    def url(self, path: str = "") -> str:
        """The URL of a path in the bucket."""
        return f"s3://{self.bucket}/{path}"


def with_endpoint(endpoint: str) -> dict[str, str]:
    """The environment variables by which s3fs, boto3 and PyArrow reach a server: its endpoint, made-up keys, a region."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ENDPOINT_URL_S3": endpoint,
        "AWS_ACCESS_KEY_ID": "materia",
        "AWS_SECRET_ACCESS_KEY": "materia-on-this-machine",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


@contextmanager
def s3_server(bucket: str = "materia") -> Iterator[S3Server]:
    """Start a server with one empty bucket, and stop it.

    Raises:
        RuntimeError: moto is not installed, or its server did not answer within a minute.
    """
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(os.environ)
    )
    try:
        _wait(process, endpoint)
        urllib.request.urlopen(urllib.request.Request(f"{endpoint}/{bucket}", method="PUT"), timeout=30).close()
        yield S3Server(endpoint, bucket, with_endpoint(endpoint))
    finally:
        process.kill()
        process.wait()


def _wait(process: subprocess.Popen[bytes], endpoint: str) -> None:
    deadline = time.monotonic() + _START_S
    while True:
        if process.poll() is not None:
            raise RuntimeError("moto's server does not start; install Materia with its extra `scale`")
        try:
            urllib.request.urlopen(f"{endpoint}/moto-api/", timeout=5).close()
            return
        except (urllib.error.URLError, ConnectionError, TimeoutError, http.client.HTTPException):
            if time.monotonic() > deadline:
                raise RuntimeError(f"moto's server did not answer within {_START_S:.0f} s") from None
            time.sleep(0.1)
