"""`materia serve`: it says how to ask, listens to this machine only, and leaves no process behind."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlencode

import psutil
import pytest

from assets.graph import store_folder
from assets.home import open_home
from cli.main import main
from kg.graph_store import build_store
from tests.kg.sparql_server import ENDLESS, write_nodes


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    build_store([write_nodes(folder / "nodes.nq")], store_folder(open_home(str(folder))))
    return folder


@contextmanager
def serve(home: Path, *words: str) -> Iterator[tuple[subprocess.Popen[str], int, str]]:
    """The command in a process of its own: the process, its port, and what it said."""
    code = "import sys; from cli.main import main; sys.exit(main())"
    command = [sys.executable, "-c", code, "serve", "--home", str(home), "--port", "0", *words]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    assert process.stderr is not None
    try:
        said = ""
        for line in process.stderr:
            said += line
            if "Ctrl-C" in line:
                break
        found = re.search(r"http://127\.0\.0\.1:(\d+)/sparql", said)
        assert found, said
        yield process, int(found[1]), said
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def get(port: int, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path)
    reply = connection.getresponse()
    return reply.status, reply.read().decode()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_it_ends_at_once_with_its_workers_even_while_they_work(home: Path, number: signal.Signals) -> None:
    # A server that is killed cannot end its workers: those without a question see the end of their input, the others
    # meet their own alarm.
    timeout = 2 if number == signal.SIGKILL else 600
    with serve(home, "--timeout", str(timeout), "--workers", "2") as (process, port, _):
        assert get(port, "/sparql?query=ASK{}")[0] == 200

        def ask() -> None:
            with suppress(OSError, http.client.HTTPException):
                get(port, "/sparql?" + urlencode({"query": ENDLESS}))

        asking = threading.Thread(target=ask)
        asking.start()
        while json.loads(get(port, "/health")[1])["idle"] != 1:
            time.sleep(0.05)
        workers = psutil.Process(process.pid).children()
        assert len(workers) == 2
        process.send_signal(number)
        assert process.wait(timeout=10) in (0, -number)
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()
        _, left = psutil.wait_procs(workers, timeout=5)
        assert left == []
        asking.join(timeout=10)
        assert not asking.is_alive()


def test_it_says_how_to_ask_and_what_it_says_works(home: Path) -> None:
    with serve(home) as (_, port, said):
        assert f"Query page  http://127.0.0.1:{port}/" in said
        first, second = re.findall(r"^  (from rdflib.*|Graph\(.*)$", said, re.MULTILINE)
        code = f"{first}\nprint(len(list({second})))".replace("?s biolink:treats ?o", "?s skos:prefLabel ?o")
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert done.stdout.strip() == "5", done.stderr


def test_the_page_offers_the_questions_of_the_documentation_and_all_are_answered(home: Path) -> None:
    with serve(home) as (_, port, _said):
        examples = json.loads(get(port, "/page.json")[1])["examples"]
        assert "What treats any kind of diabetes?" in [example["question"] for example in examples]
        for example in examples:
            status, text = get(port, "/sparql?" + urlencode({"query": example["sparql"]}))
            assert status == 200, text


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--host", "0.0.0.0"], "0.0.0.0 can be reached from other machines"),
        (["--host", "::"], ":: can be reached from other machines"),
        (["--host", "example.org"], "example.org can be reached from other machines"),
        (["--timeout", "0"], "--timeout 0.0 cannot be"),
        (["--timeout", "nan"], "--timeout nan cannot be"),
        (["--memory", "10"], "--memory 10 cannot be"),
        (["--workers", "0"], "--workers 0 cannot be"),
        (["--port", "99999"], "cannot listen on 127.0.0.1, port 99999"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(
    home: Path, words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", "--home", str(home), *words]) == 1
    assert capsys.readouterr().err.startswith(f"materia: {says}")


def test_a_port_that_is_taken_is_one_sentence(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["serve", "--home", str(home), "--port", str(port)]) == 1
    assert capsys.readouterr().err.startswith(f"materia: cannot listen on 127.0.0.1, port {port}")


def test_without_a_graph_there_is_nothing_to_serve(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--home", str(tmp_path / "none"), "--port", "0"]) == 1
    assert "the graph has no index to ask. Run: materia build" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
