"""What Ray costs: the real build by two processes of one machine, and by two nodes of one core, in turns."""

from __future__ import annotations

import shutil
from pathlib import Path
from statistics import median

from real_build import Cost, RealBuild
from servers.ray_cluster import ray_cluster

from scaling.engines import configured, on_cluster

__all__ = ["overhead"]


def overhead(folder: Path, rounds: int) -> None:
    """Build with both, so many times in turns, each time from nothing; print seconds and processor seconds, and their ratio.

    Starting the cluster is not counted: it stands for as long as one has it. The homes are in a folder that all nodes share.
    """
    build = RealBuild(folder)
    local, ray = configured(build, "local", workers=2), configured(build, "ray", engine={"name": "ray"})
    found: dict[str, list[Cost]] = {"local": [], "ray": []}
    with ray_cluster(2) as cluster:
        for number in range(rounds):
            shutil.rmtree(build.home, ignore_errors=True)
            found["local"].append(build.build(config=local))
            shutil.rmtree(build.home, ignore_errors=True)
            status, said, cost = on_cluster(build.words(config=ray), cluster, {})
            if status:
                raise RuntimeError(said)
            found["ray"].append(cost)
            for name, costs in found.items():
                last = costs[-1]
                print(f"round {number + 1}, {name}: {last.wall:.1f} s, {last.cpu:.1f} processor s", flush=True)
    shutil.rmtree(build.home)
    for what in ("wall", "cpu"):
        one, other = (median(getattr(cost, what) for cost in found[name]) for name in ("local", "ray"))
        print(f"{what}: {other:.1f} s with Ray, {one:.1f} s without, {other / one:.2f} times (median of {rounds})")
