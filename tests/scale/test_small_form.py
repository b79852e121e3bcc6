"""All of it together, small: the sample on two Ray nodes, its tables on an S3 server, its records in PostgreSQL, are those of a local build."""

import hashlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from assets.home import OUTSIDE_THE_LAW, Home, open_home

if TYPE_CHECKING:
    from servers.ray_cluster import RayCluster
    from servers.s3 import S3Server

pytest.importorskip("ray", reason='no Ray: pip install "materia[scale]"')
pytestmark = pytest.mark.scale

UNTIL = ["graph_index", "corpus"]
SETTINGS = "buckets: 8\nsmall_file_groups: 1\n"
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def cluster(bucket: "S3Server") -> "Iterator[RayCluster]":
    """Two nodes that reach the bucket."""
    from servers.ray_cluster import ray_cluster

    with ray_cluster(2) as running:
        yield running


def materia(*words: str, code: int = 0) -> str:
    command = [sys.executable, "-c", "import sys; from cli.main import main; sys.exit(main(sys.argv[1:]))", *words]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, text=True, capture_output=True, check=False
    )
    said = done.stdout + done.stderr
    assert done.returncode == code, said
    return said


def build(home: str, settings: Path, text: str) -> str:
    settings.write_text(text)
    return materia("build", "--home", home, "--config", str(settings), "--until", *UNTIL)


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The hash of every file of a local build that the law is about."""
    folder = tmp_path_factory.mktemp("local") / "home"
    build(str(folder), folder.with_suffix(".yaml"), SETTINGS)
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {
        name: hashlib.sha256(path.read_bytes()).hexdigest()
        for name, path in files.items()
        if not name.startswith(OUTSIDE_THE_LAW)
    }


@pytest.fixture(scope="module")
def home(
    bucket: "S3Server", cluster: "RayCluster", database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Home]:
    """The home in the bucket, built by the nodes."""
    settings = tmp_path_factory.mktemp("settings") / "materia.yaml"
    url = bucket.url("home")
    build(url, settings, f"{SETTINGS}engine:\n  name: ray\n  address: {cluster.address}\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MATERIA_HOME", url)
        yield open_home(url)


def test_the_bytes_are_those_of_a_local_build(home: Home, local: dict[str, str]) -> None:
    from pipeline.object_store import ObjectStore

    store = ObjectStore(str(home.url))
    found = {
        name: hashlib.sha256(store.read(name)).hexdigest()
        for name in store.listing("")
        if not name.startswith((*OUTSIDE_THE_LAW, "_writing"))
    }
    assert found == local
    assert "Nothing to do" in materia("build", "--home", str(home.url), "--until", *UNTIL)


def test_dagsters_records_in_postgresql_hold_every_partition_and_no_file_holds_the_password(
    home: Home, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import dagster as dg
    import psycopg2

    from assets.recording import Recorder
    from assets.records import dagster_environment, dagster_folder, records_opened

    folder = dagster_folder(home)
    for name, value in dagster_environment(home).items():
        monkeypatch.setenv(name, value)
    with records_opened(home) as instance:
        assert Recorder(home, instance).record() > 50
        assert Recorder(home, instance).record() == 0
        told = instance.fetch_materializations(dg.AssetKey("triples"), limit=100).records
    held = {key: manifest.data_version for key, manifest in home.dataset("triples").manifests().items()}
    assert {one.partition_key: one.asset_materialization.tags["dagster/data_version"] for one in told} == held
    connection = psycopg2.connect(database)
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM event_logs WHERE asset_key = '[\"triples\"]'")
        assert cursor.fetchone()[0] >= len(held)
    connection.close()
    password = database.partition("@")[0].rpartition(":")[2]
    assert [path for path in folder.rglob("*") if path.is_file() and password.encode() in path.read_bytes()] == []
    assert f"PostgreSQL at {database.rpartition('@')[2]}" in materia("doctor", "--json", "--home", str(home.url))


def test_a_node_that_lacks_the_library_of_the_store_is_named_and_not_the_machine_that_builds(
    bucket: "S3Server", tmp_path: Path
) -> None:
    from servers.ray_cluster import ray_cluster

    (tmp_path / "s3fs.py").write_text("raise ModuleNotFoundError(\"No module named 's3fs'\")\n")
    settings = tmp_path / "materia.yaml"
    url = bucket.url("lacking")
    with ray_cluster(1, environment={"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}) as own:
        settings.write_text(f"{SETTINGS}engine:\n  name: ray\n  address: {own.address}\n")
        said = materia("build", "--home", url, "--config", str(settings), "--until", "documents", code=1)
    assert "Traceback" not in said
    where = f"(on {socket.gethostname()}, a node of the cluster)"
    assert f"{url}: needs a library that is not installed {where}. Install it: pip install 'materia[s3]'." in said
