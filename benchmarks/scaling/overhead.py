"""What Ray costs on the real build: two one-CPU nodes against two processes on this machine, in turn.

Each build is a clean one. Processor seconds are those of the stages, by the home's history: on the cluster also of their tasks, and not of
Ray's own processes. A cluster is started once, as one finds it. The files of both homes are compared.
"""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

from real_build import UNTIL, Cost, RealBuild, hashes
from servers.ray_cluster import ray_cluster

from scaling.engines import configured, differing
from scaling.figures import figures_of

__all__ = ["overhead"]


def overhead(folder: Path, rounds: int) -> None:
    """Build with both, so many times in turn, and print a row for each round; ends where the bytes differ.

    Args:
        folder: takes the inputs and two homes.
    """
    build = RealBuild(folder)
    print(f"{time.strftime('%H:%M')}, load {os.getloadavg()[0]:.1f}, until {' '.join(UNTIL)}")
    print("| local wall s | local processor s | Ray wall s | Ray processor s |\n|---|---|---|---|")
    rows: list[tuple[Cost, Cost]] = []
    with ray_cluster(2) as cluster:
        local_config = configured(build, "local", workers=2)
        ray_config = configured(build, "ray", engine={"name": "ray", "address": cluster.address})
        for _ in range(rounds):
            local = _clean(build, folder / "local", local_config)
            ray = _clean(build, folder / "ray", ray_config)
            rows.append((local, ray))
            print(f"| {local.wall:.1f} | {local.cpu:.1f} | {ray.wall:.1f} | {ray.cpu:.1f} |", flush=True)
            if differ := differing(hashes(folder / "local"), hashes(folder / "ray")):
                raise SystemExit(f"the bytes differ: {differ[:5]}")
    for name in ("wall", "cpu"):
        one, other = (sum(getattr(row[place], name) for row in rows) for place in (0, 1))
        print(f"{name}: Ray takes {other / one - 1:+.0%}")


def _clean(build: RealBuild, home: Path, config: Path) -> Cost:
    shutil.rmtree(home, ignore_errors=True)
    return build.build(home, config)._replace(cpu=figures_of(home).processor_seconds)
