"""A home in a bucket whose graph is in a SPARQL server: two machines build it in turn, and neither spoils the server for the other."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.scale, pytest.mark.slow]


def build(home: str, environment: dict[str, str], *words: str) -> None:
    command = [sys.executable, "-c", "from cli.main import main; raise SystemExit(main())"]
    done = subprocess.run(
        [*command, "build", "--home", home, "--until", "graph_index", *words],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_second_machine_finds_in_the_server_what_the_first_put_there(tmp_path: Path) -> None:
    pytest.importorskip("moto", reason='no moto: pip install "materia[scale]"')
    pytest.importorskip("s3fs", reason='no s3fs: pip install "materia[scale]"')
    from servers.s3 import s3_server
    from servers.sparql import sparql_server

    from kg.sparql_server import SparqlServer

    with s3_server() as store, sparql_server() as server:
        settings = tmp_path / "materia.yaml"
        settings.write_text(
            f"buckets: 2\ngraph: {{ store: '{server.query_url}', update: '{server.update_url}' }}\n", encoding="utf-8"
        )
        home = store.url("home")
        build(home, store.environment | {"MATERIA_CACHE": str(tmp_path / "one")}, "--config", str(settings))
        asked = SparqlServer(server.query_url, server.update_url)
        count = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"
        (held,) = asked.ask(count)
        build(home, store.environment | {"MATERIA_CACHE": str(tmp_path / "other")})
        (again,) = asked.ask(count)
        assert int(again[0]) == int(held[0]) > 100
