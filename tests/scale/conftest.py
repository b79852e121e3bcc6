"""Real servers on this machine, shared by the tests past one machine; a missing part skips them and says which."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
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
        yield running


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
