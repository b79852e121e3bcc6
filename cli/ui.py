"""Open Dagster's web interface on a home, with its daemon (sensors, automation, queued runs) beside it.

It shows what the home holds, whoever built it. While it is open, files that come, change or go in the folders of the home are
noticed, and what rests on them is brought up to date through the corpus. In a new home start the job first_build. Its records stand
beside the home, or in PostgreSQL, where the variable MATERIA_POSTGRES holds a URL (postgresql://USER:PASSWORD@HOST:PORT/DATABASE).

Examples:
  materia ui
  materia ui --home work --port 3333
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from contextlib import suppress

from assets.home import Home, open_home

#: Events told before the page opens, at 8 ms each.
_MOST_EVENTS = 250
#: How long Dagster may take to end by itself.
_PATIENCE_S = 4.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The words of `materia ui`."""
    parser.add_argument("--port", type=int, default=3000, help="port on this machine (default: 3000)")
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1, this machine only)"
    )


def run(options: argparse.Namespace) -> int:
    """Run `dagster dev` until it is stopped."""
    from assets.records import check_postgres, dagster_environment

    home = open_home(options.home)
    check_postgres()
    environment = dagster_environment(home) | {"PYTHONWARNINGS": "ignore"}
    print(f"Dagster on http://{options.host}:{options.port} (home: {home.url}); stop it with Ctrl-C", file=sys.stderr)
    words = [sys.executable, "-m", "dagster", "dev", "-m", "assets.definitions"]
    words += ["--host", options.host, "--port", str(options.port), "--log-level", "warning"]
    os.environ |= environment
    _record(home)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    server = subprocess.Popen(words)  # noqa: S603 - our own interpreter, words made above
    try:
        return server.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        _end(server)


def _end(server: subprocess.Popen[bytes]) -> None:
    """End Dagster's processes, all of them: it leaves some where it is not told by Ctrl-C. A run that ends so is done again."""
    import psutil

    try:
        processes = [psutil.Process(server.pid), *psutil.Process(server.pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    server.send_signal(signal.SIGINT)
    for process in psutil.wait_procs(processes, timeout=_PATIENCE_S)[1]:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    server.wait()


def _record(home: Home) -> None:
    """Tell Dagster what was built without it: what a second takes before the page opens, the rest by a sensor after."""
    from assets.recording import Recorder
    from assets.records import records_opened

    with records_opened(home) as instance:
        Recorder(home, instance, most=_MOST_EVENTS).record()
