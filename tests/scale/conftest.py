"""Real servers on this machine, shared by the tests past one machine; a missing part skips them and says which."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from servers.ray_cluster import RayCluster


@pytest.fixture(scope="session")
def cluster() -> "Iterator[RayCluster]":
    """A head and two nodes of one core; a test that kills any of them starts its own."""
    pytest.importorskip("ray", reason='no Ray: pip install "materia[scale]"')
    from servers.ray_cluster import ray_cluster

    with ray_cluster(2) as running:
        yield running
