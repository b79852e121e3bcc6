"""The real build on a Ray cluster, tables in an object store, Dagster's records in PostgreSQL: the bytes of a local build, whatever dies.

Three homes: one whose build is left alone, one whose build loses a node after the mentions, one whose build loses the head there and
is started again on a new cluster.
"""

from __future__ import annotations

from pathlib import Path

from real_build import Cost, RealBuild, together
from servers.postgres import postgres_server
from servers.ray_cluster import ray_cluster
from servers.s3 import s3_server

from scaling.engines import clean_hashes, configured, differing, on_cluster, stored_hashes

__all__ = ["cluster"]

#: What dies, dies a while after this stage, in the midst of the next.
_AFTER = "mentions"


def cluster(folder: Path, nodes: int) -> None:
    """Build, kill, compare, print.

    Args:
        folder: takes the inputs and a local home to compare with.
        nodes: of one core each.
    """
    build = RealBuild(folder)
    config = configured(build, "ray", engine={"name": "ray"})
    local = clean_hashes(build)
    print(f"local build: {len(local)} files, together {together(local)}", flush=True)
    with s3_server() as store, postgres_server(folder / "postgres") as records:
        environment = {**store.environment, "MATERIA_CACHE": str(folder / "cache"), "MATERIA_POSTGRES": records}

        def tell(name: str, home: str, status: int, said: str, cost: Cost) -> None:
            print(f"{name}: exit {status}, {cost.wall:.0f} s", flush=True)
            if status:
                print(f"  it said: {said.strip().splitlines()[-1] if said.strip() else 'nothing'}", flush=True)
                return
            found = stored_hashes(home, store.environment)
            wrong = differing(local, found)
            print(f"  {len(found)} files, together {together(found)}; differ: {len(wrong)} {wrong[:5]}", flush=True)

        home = store.url("untouched")
        with ray_cluster(nodes, environment=environment) as ray:
            tell("left alone", home, *on_cluster(build.words(home, config), ray, environment))
            home = store.url("node")
            killed = on_cluster(build.words(home, config), ray, environment, _AFTER, lambda: ray.kill_node(0))
            tell("a node killed", home, *killed)
        home = store.url("head")
        with ray_cluster(nodes, environment=environment) as ray:
            tell(
                "the head killed",
                home,
                *on_cluster(build.words(home, config), ray, environment, _AFTER, ray.kill_head),
            )
        with ray_cluster(nodes, environment=environment) as ray:
            tell("started again on a new cluster", home, *on_cluster(build.words(home, config), ray, environment))
