"""Builds on a Ray cluster: the bytes of a local build, whoever dies meanwhile, and one sentence for what goes wrong."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from assets.engines.config import EngineConfig
from assets.engines.resources import HERE
from assets.home import OUTSIDE_THE_LAW
from assets.stages import until as stages_until

pytest.importorskip("ray", reason='no Ray: pip install "materia[scale]"')
pytestmark = pytest.mark.scale

UNTIL = ["graph_index", "corpus"]
ROOT = Path(__file__).parents[2]
PROGRAM = [sys.executable, "-c", "import sys; from cli.main import main; sys.exit(main(sys.argv[1:]))"]


def started(
    home: Path, address: str | None, *words: str, until: Sequence[str] = UNTIL, engine: str = "", **environment: str
) -> subprocess.Popen[str]:
    """A build of the sample, if `words` say nothing else, that has begun in a process of its own: on a cluster, or here."""
    settings = home.with_suffix(".yaml")
    chosen = f"engine:\n  name: ray\n  address: {address}\n{engine}" if address else ""
    settings.write_text(f"buckets: 8\nsmall_file_groups: 1\n{chosen}")
    return subprocess.Popen(
        [*PROGRAM, "build", "--home", str(home), "--config", str(settings), *words, "--until", *until],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # What a shell starts in the background ignores Ctrl-C, and so would what it starts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def build(home: Path, address: str | None, engine: str = "", **environment: str) -> str:
    """What a build says that comes to its end."""
    process = started(home, address, engine=engine, **environment)
    said, _ = process.communicate(timeout=600)
    assert process.returncode == 0, said
    return said


def failed(home: Path, address: str | None, *words: str, until: Sequence[str] = UNTIL, **environment: str) -> str:
    """The one sentence of a build that fails."""
    process = started(home, address, *words, until=until, **environment)
    said, _ = process.communicate(timeout=600)
    return sentence(process, said)


def sentence(process: subprocess.Popen[str], said: str) -> str:
    assert process.returncode == 1, said
    assert "Traceback" not in said
    # Nothing beside it but what any build of the sample says: Ray's own pages are kept away.
    (line,) = [line for line in said.splitlines() if line and not line.startswith(("Reading the bundled", "  "))]
    assert line.startswith("materia: ")
    return line


def when(process: subprocess.Popen[str], asset: Path, act) -> str:
    """Act when a build has written the first partition of an asset; what it says until its end."""

    def watch() -> None:
        while process.poll() is None and not [*(asset / "_manifests").glob("*.json")]:
            time.sleep(0.02)
        act()

    thread = threading.Thread(target=watch)
    thread.start()
    said, _ = process.communicate(timeout=600)
    thread.join()
    return said


def files(home: Path) -> dict[str, str]:
    """The hash of every file that the law is about."""
    found = {path.relative_to(home).as_posix(): path for path in home.rglob("*") if path.is_file()}
    return {
        name: hashlib.sha256(path.read_bytes()).hexdigest()
        for name, path in found.items()
        if not name.startswith(OUTSIDE_THE_LAW)
    }


def history(home: Path) -> dict[str, dict[str, Any]]:
    """What the home remembers of the last run of each stage."""
    return {line["stage"]: line for line in map(json.loads, (home / "history.jsonl").read_text().splitlines())}


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The files of a build on this machine."""
    home = tmp_path_factory.mktemp("local") / "home"
    build(home, None)
    return files(home)


def test_the_bytes_are_those_of_a_local_build_and_history_tells_tasks_memory_and_time(tmp_path, cluster, local):
    home = tmp_path / "home"
    build(home, cluster.address)
    assert files(home) == local
    lines = history(home)
    assert lines["triples"]["tasks"] > 1
    assert lines["triples"]["peak_mib"] > 50
    busy = lines["vocabulary"]  # one task, and the driver waits for it
    assert busy["processor_seconds"] > 0.5 * busy["seconds"]
    assert "tasks" not in lines["graph_index"], "the index belongs to the machine that builds"
    assert "Nothing to do" in build(home, cluster.address)


def test_how_partitions_are_grouped_into_tasks_does_not_change_a_byte(tmp_path, cluster, local):
    """A task for each partition; else a few share one, and a local build makes all of them in one run."""
    home = tmp_path / "home"
    alone = [stage.name for stage in stages_until(UNTIL) if stage.partitions != "none" and stage.name not in HERE]
    build(home, cluster.address, "  stages:\n" + "".join(f"    {name}: {{ partitions: 1 }}\n" for name in alone))
    lines = history(home)
    assert len(alone) > 6
    assert {name: lines[name]["tasks"] for name in alone} == {name: lines[name]["partitions"] for name in alone}
    assert files(home) == local


def test_a_node_dies_in_the_middle_and_the_others_finish(tmp_path, local):
    from servers.ray_cluster import ray_cluster

    home = tmp_path / "home"
    with ray_cluster(2) as own:
        process = started(home, own.address)
        said = when(process, home / "knowledge_graph", lambda: own.kill_node(0))
    assert process.returncode == 0, said
    assert files(home) == local


def test_a_process_on_no_node_builds_too_where_it_has_the_token_that_the_cluster_asks_for(tmp_path, local):
    """As `deploy/` does: a client (`ray://`) of a cluster that lets in whoever has its token, and not by way of a proxy of the web."""
    from servers.ray_cluster import ray_cluster

    home = tmp_path / "home"
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "ab" * 32}
    mine = token | {"http_proxy": "http://127.0.0.1:1"}
    with ray_cluster(2, environment=token) as own:
        for address in (own.client_address, own.address):
            for other in ({"RAY_AUTH_MODE": "disabled"}, {"RAY_AUTH_TOKEN": "cd" * 32}):
                line = failed(tmp_path / "refused", address, **mine | other)
                assert line.startswith(f"materia: {address}: the Ray cluster asks for a token")
        assert not [*(tmp_path / "refused").rglob("documents")], "something was computed"
        build(home, own.client_address, **mine)
    assert files(home) == local
    assert history(home)["triples"]["tasks"] > 1


def test_a_process_of_the_head_that_dies_as_it_starts_is_asked_for_once_more(tmp_path):
    """Ray's server for clients forks beside the threads of gRPC; one process in about a hundred died of that, and the build with it."""
    from servers.ray_cluster import ray_cluster

    once = tmp_path / "once"
    (tmp_path / "sitecustomize.py").write_text(
        f"import os, pathlib, sys\nonce = pathlib.Path({str(once)!r})\n"
        "if '--mode=specific-server' in sys.orig_argv and not once.exists():\n    once.touch()\n    os._exit(1)\n"
    )
    with ray_cluster(1, environment={"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}) as own:
        process = started(tmp_path / "home", own.client_address, until=["documents"])
        said, _ = process.communicate(timeout=600)
    assert process.returncode == 0, said
    assert once.exists(), "no process of the head has died"


@pytest.mark.parametrize("kind", ["address", "client_address"])
def test_the_head_dies_and_a_new_start_goes_on(tmp_path, cluster, local, kind):
    from servers.ray_cluster import ray_cluster

    home = tmp_path / "home"
    with ray_cluster(2) as own:
        process = started(home, getattr(own, kind))
        said = when(process, home / "triples", own.kill_head)
        line = sentence(process, said)
    assert "does not answer any more" in line
    assert getattr(own, kind).removeprefix("ray://") in line
    done = {path: path.stat().st_mtime_ns for path in (home / "mentions").rglob("*.parquet")}
    assert done
    build(home, cluster.address)
    assert files(home) == local
    assert done == {path: path.stat().st_mtime_ns for path in (home / "mentions").rglob("*.parquet")}, "made anew"


@pytest.mark.parametrize("kind", ["address", "client_address"])
def test_a_build_that_is_stopped_leaves_no_task_behind(tmp_path, cluster, local, kind):
    home = tmp_path / "home"
    process = started(home, getattr(cluster, kind))
    said = when(process, home / "triples", lambda: process.send_signal(signal.SIGINT))
    assert process.returncode == 130, said
    assert "Traceback" not in said
    before = files(home)
    time.sleep(2)
    assert files(home) == before, "somebody still writes"
    build(home, cluster.address)
    assert files(home) == local


def test_a_problem_in_a_task_is_the_sentence_of_a_local_build(tmp_path, cluster):
    papers = tmp_path / "papers.jsonl"
    papers.write_text("this is no JSON\n")
    vocabulary = ROOT / "pipeline" / "sample" / "vocabulary"
    words = ["--literature", str(papers), "--vocabulary", str(vocabulary)]
    ray, local = (
        failed(tmp_path / name, address, *words, until=["live_documents"])
        for name, address in (("ray", cluster.address), ("local", None))
    )
    assert "some_document_lives" in local
    assert ray == local


def test_no_cluster_at_the_address_is_said_at_once(tmp_path):
    start = time.monotonic()
    line = failed(tmp_path / "home", "127.0.0.1:1")
    assert line.startswith("materia: 127.0.0.1:1: there is no Ray cluster at this address. Start it")
    assert time.monotonic() - start < 30
    assert not [*(tmp_path / "home").rglob("_staging")]


def test_an_address_without_a_port_is_told_before_ray_waits_for_it(tmp_path):
    start = time.monotonic()
    line = failed(tmp_path / "home", "ray://127.0.0.1")
    assert line.startswith("materia: ray://127.0.0.1: is no address of a Ray cluster. Start it")
    assert time.monotonic() - start < 25


def test_what_answers_at_the_address_and_is_no_cluster_is_told_before_ray_waits_for_it(tmp_path, cluster):
    """A server that says nothing; and of the two ports of a head the one that the other kind of address wants."""
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        silent = f"127.0.0.1:{deaf.getsockname()[1]}"
        wrong = (silent, f"ray://{silent}", f"ray://{cluster.address}", cluster.client_address.removeprefix("ray://"))
        for address in wrong:
            line = failed(tmp_path / "home", address)
            assert line.startswith(f"materia: {address}: what answers at this address is no Ray cluster.")
    assert not [*(tmp_path / "home").rglob("_manifests")]


@pytest.mark.parametrize(
    ("on_the_node", "said"),
    [
        (
            {"materia-0.0.9.dist-info/METADATA": "Metadata-Version: 2.1\nName: materia\nVersion: 0.0.9\n"},
            "Materia 0.0.9",
        ),
        ({"upath.py": "raise ModuleNotFoundError(\"No module named 'upath'\")\n"}, "lacks the package upath"),
    ],
    ids=["another version of Materia", "a package that is missing"],
)
def test_a_node_with_another_installation_is_told_in_a_sentence(tmp_path, on_the_node, said):
    from servers.ray_cluster import ray_cluster

    first = tmp_path / "installed"
    for name, text in on_the_node.items():
        (first / name).parent.mkdir(parents=True, exist_ok=True)
        (first / name).write_text(text)
    with ray_cluster(1, environment={"PYTHONPATH": f"{first}{os.pathsep}{ROOT}"}) as own:
        line = failed(tmp_path / "home", own.address)
    assert said in line
    assert "on every node" in line
    built = {folder.parent.name for folder in (tmp_path / "home").rglob("_manifests")}
    assert built <= {"literature_inventory"}, "a node computed something"


@pytest.mark.parametrize("kind", ["address", "client_address"])
def test_another_version_of_ray_is_told_in_a_sentence_with_both_versions(tmp_path, cluster, kind):
    import ray

    (tmp_path / "sitecustomize.py").write_text("import ray\nray.__version__ = '2.58.0'\n")
    address = getattr(cluster, kind)
    line = failed(tmp_path / "home", address, PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}")
    assert line.startswith(f"materia: {address}: the Ray cluster has other versions than this process (")
    assert "2.58.0" in line and ray.__version__ in line
    assert not [*(tmp_path / "home").rglob("documents")]


def test_more_than_any_node_has_is_waited_for_and_then_told(tmp_path, cluster, monkeypatch):
    from assets.build import build as build_home
    from assets.engines import ray_engine
    from assets.engines.config import EngineConfig, Resources
    from assets.home import open_home
    from pipeline.errors import MateriaError

    monkeypatch.setattr(ray_engine, "_NO_NODE_S", 3.0)
    home = open_home(str(tmp_path / "home"))
    engine = EngineConfig(name="ray", address=cluster.address, stages={"documents": Resources(gpus=3)})
    home = home.configure(config=home.config.model_copy(update={"engine": engine}))
    told: list[str] = []
    with pytest.raises(MateriaError, match="no node of the cluster has 1 cores, 3 GPUs"):
        build_home(home, "documents", progress=told.append)
    assert any(text.startswith("waiting for a node with") for text in told)


def test_a_cluster_that_is_started_here_does_not_end_when_it_is_joined(monkeypatch):
    """Linux tells Ray's processes of the end of the thread that started them, not of this process."""
    from assets.engines.ray_cluster import joined

    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with joined(None) as cluster:
        assert [node["CPU"] >= 1 for node in cluster.nodes()] == [True]


def test_what_a_task_staged_whose_node_died_does_not_outlive_the_build(tmp_path, cluster):
    """Another node does the task again, in a staging folder of its own; the dead one's stood there until the next build."""
    from assets.engines.ray_engine import ray_engine
    from assets.home import open_home

    home = open_home(str(tmp_path / "home"))
    engine = EngineConfig(name="ray", address=cluster.address)
    home = replace(home, config=home.config.model_copy(update={"engine": engine}))
    staged = tmp_path / "home" / "triples" / "_staging" / "slgfy4tf" / "0.5764-30.0"
    with ray_engine(home, lambda _: None):
        staged.parent.mkdir(parents=True)
        staged.write_bytes(b"half of it")
    assert not [*(tmp_path / "home").rglob("_staging")]


def test_nodes_do_not_keep_copies_for_ever(tmp_path, monkeypatch):
    """Only the machine that builds removed some; a node's disk was full one day."""
    from upath import UPath

    from assets.engines.ray_engine import ray_engine
    from assets.home import Home
    from pipeline.working_folder import CACHE, LIMIT, working_folder

    monkeypatch.setenv(CACHE, str(tmp_path / "copies"))
    monkeypatch.setenv(LIMIT, "0")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    home = Home(UPath("memory://bucket/home"))
    old, fresh = (working_folder(home.url) / "triples" / name for name in ("03/old.parquet", "03/fresh.parquet"))
    old.parent.mkdir(parents=True)
    for path in (old, fresh):
        path.write_bytes(b"0")
    os.utime(old, (1e9, 1e9))
    with ray_engine(home, lambda _: None):
        assert old.exists()
    assert (old.exists(), fresh.exists()) == (False, True)


def test_a_task_that_needs_more_memory_than_a_node_has_is_not_begun_again_without_end():
    """Ray kills it, and by itself begins it again for ever: a stage that asks for too little would never end."""
    code = """if True:
        import time
        from assets.engines.ray_cluster import fetched, joined
        from pipeline.errors import MateriaError
        with joined(None, retries=1) as cluster:
            import ray
            reference = ray.remote(num_cpus=1, max_retries=1)(lambda: time.sleep(600)).remote()
            try:
                cluster.ask(lambda: fetched(reference))
            except MateriaError as error:
                print(error)
    """
    # A hundredth of the memory counts as all of it.
    full = {"RAY_memory_usage_threshold": "0.01", "RAY_memory_monitor_refresh_ms": "200", "PYTHONPATH": str(ROOT)}
    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"} | full
    told = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120)
    assert "a node of the cluster had no memory left for the task that ran on it" in told.stdout, told.stderr
    assert "infinite" not in told.stdout
