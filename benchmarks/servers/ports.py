"""Ports for servers of this machine, outside of the range from which the system gives ports to connections.

A port that the system hands out (`bind` to 0) and that is closed again may be taken by the next connection of anybody, a moment before the
server for which it was meant binds it; a Ray cluster alone opens hundreds.
"""

from __future__ import annotations

import random
import socket
import subprocess
import time
from contextlib import suppress

__all__ = ["free_port", "wait_for_port"]

_START_S = 60.0

_FIRST, _LAST = 20_000, 31_999  # above those of the workers of Ray, and below 32,768, where Linux begins
_random = random.SystemRandom()


def free_port() -> int:
    """A port that nobody listened on a moment ago."""
    while True:
        port = _random.randint(_FIRST, _LAST)
        with suppress(OSError), socket.socket() as listener:
            listener.bind(("127.0.0.1", port))
            return port


def wait_for_port(process: subprocess.Popen[bytes], port: int, name: str) -> None:
    """Wait until somebody listens on a port. Raises RuntimeError where the process ends before, or after a minute."""
    deadline = time.monotonic() + _START_S
    while True:
        if process.poll() is not None:
            raise RuntimeError(f"{name} does not start (it ended with {process.returncode})")
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
            return
        if time.monotonic() > deadline:
            raise RuntimeError(f"{name} did not answer within {_START_S:.0f} s")
        time.sleep(0.1)
