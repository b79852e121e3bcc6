"""Open Dagster's web interface on a home, with its daemon (sensors, queued runs) beside it.

Examples:
  materia ui
  materia ui --home work --port 3333
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

from assets.home import open_home


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The words of `materia ui`."""
    parser.add_argument("--port", type=int, default=3000, help="port on this machine (default: 3000)")
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1, this machine only)"
    )


def run(options: argparse.Namespace) -> int:
    """Run `dagster dev` until it is stopped."""
    from assets.build import dagster_folder

    home = open_home(options.home)
    environment = os.environ | {
        "MATERIA_HOME": str(home.url),
        "DAGSTER_HOME": str(dagster_folder(home)),
        "PYTHONWARNINGS": "ignore",
    }
    print(f"Dagster on http://{options.host}:{options.port} (home: {home.url}); stop it with Ctrl-C", file=sys.stderr)
    words = [sys.executable, "-m", "dagster", "dev", "-m", "assets.definitions"]
    words += ["--host", options.host, "--port", str(options.port), "--log-level", "warning"]
    try:
        return subprocess.call(words, env=environment)  # noqa: S603 - our own interpreter, words made above
    except KeyboardInterrupt:
        return 0
