"""Real servers on this machine, shared by the tests past one machine; a missing part skips them and says which."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from servers.azure import AzureServer
    from servers.gcs import GcsServer
    from servers.ray_cluster import RayCluster
    from servers.s3 import S3Server


@pytest.fixture(scope="session")
def cluster() -> "Iterator[RayCluster]":
    """A head and two nodes of one core; a test that kills any of them starts its own."""
    pytest.importorskip("ray", reason='no Ray: pip install "materia[scale]"')
    from servers.ray_cluster import ray_cluster

    with ray_cluster(2) as running:
        yield running


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[S3Server]":
    """An S3 server with an empty bucket, which this process and those it starts reach by their environment."""
    pytest.importorskip("s3fs", reason='no client of S3: pip install "materia[scale]"')
    pytest.importorskip("moto.server", reason='no S3 server: pip install "materia[scale]"')
    from servers.s3 import s3_server

    with s3_server() as running, pytest.MonkeyPatch.context() as patch:
        for name, value in running.environment.items():
            patch.setenv(name, value)
        patch.setenv("MATERIA_CACHE", str(tmp_path_factory.mktemp("copies")))
        _forget("s3")
        yield running


def _forget(protocol: str) -> None:
    """What this process learned of another server, by its environment, must not go on."""
    import fsspec

    from pipeline.working_copy import object_store

    fsspec.config.set_conf_env(fsspec.config.conf)
    fsspec.get_filesystem_class(protocol).clear_instance_cache()
    object_store.cache_clear()


@dataclass
class Store:
    """An empty bucket on a server of one protocol, which this process and those it starts reach by their environment."""

    kind: str
    server: "S3Server | AzureServer | GcsServer"
    #: The environment by which another endpoint, that of a proxy, is reached.
    reached_by: Callable[[str], dict[str, str]]

    def url(self, path: str = "") -> str:
        return self.server.url(path)


def _started(
    kind: str,
) -> "tuple[AbstractContextManager[S3Server | AzureServer | GcsServer], Callable[[str], dict[str, str]]]":
    if kind == "s3":
        pytest.importorskip("s3fs", reason='no client of S3: pip install "materia[scale]"')
        pytest.importorskip("moto.server", reason='no S3 server: pip install "materia[scale]"')
        from servers import s3

        return s3.s3_server(), s3.with_endpoint
    if kind == "az":
        pytest.importorskip("adlfs", reason='no client of Azure: pip install "materia[scale]"')
        from servers import azure

        _need(azure.find_azurite)
        return azure.azure_server(), azure.with_endpoint
    pytest.importorskip("gcsfs", reason='no client of GCS: pip install "materia[scale]"')
    from servers import gcs

    _need(gcs.find_server)
    return gcs.gcs_server(), gcs.with_endpoint


def _need(find: Callable[[], str]) -> None:
    try:
        find()
    except RuntimeError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module", params=["s3", "az", "gs"])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One after another the stores that a home may stand in."""
    starting, reached_by = _started(request.param)
    with starting as server, pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment.items():
            patch.setenv(name, value)
        patch.setenv("MATERIA_CACHE", str(tmp_path_factory.mktemp("copies")))
        _forget(request.param)
        yield Store(request.param, server, reached_by)


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """The URL of an empty PostgreSQL database, in which Dagster's records are to stand."""
    pytest.importorskip("dagster_postgres", reason='no PostgreSQL for Dagster: pip install "materia[scale]"')
    from servers.postgres import find_programs, postgres_server

    try:
        find_programs()
    except RuntimeError as error:
        pytest.skip(str(error))
    # Not in a folder of pytest's: each session that starts closes those of all to other users, such as the server's.
    with TemporaryDirectory(prefix="postgres.") as folder, postgres_server(Path(folder)) as url:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("MATERIA_POSTGRES", url)
            yield url
