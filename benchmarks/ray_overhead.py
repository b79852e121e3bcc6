"""What Ray costs on the real build: two one-CPU nodes against two processes on this machine, in turn.

python benchmarks/ray_overhead.py FOLDER [--rounds 2]

FOLDER takes copies of the literature and the vocabularies (as `incremental.py` lays them out) and two homes. Each build is a clean one. The
cost of a build on the cluster is that of the driver and of every process of the cluster, Ray's own among them, less what the
cluster had used when the build began; a cluster is started once, as one finds it. The files of both homes are compared.
"""

from __future__ import annotations

import argparse
import os
import shutil
import time
from pathlib import Path

import psutil
from incremental import UNTIL, Bench, Cost, hashes
from servers.ray_cluster import RayCluster, ray_cluster

_PROGRAM = "import sys; from cli.main import main; sys.exit(main(sys.argv[1:]))"


def overhead(folder: Path, rounds: int = 2) -> list[tuple[Cost, Cost]]:
    """Cost of the clean build on this machine and on a cluster of two one-CPU nodes, in turn; ends where their bytes differ."""
    bench = Bench(folder, 1, 64)
    settings = {name: folder / f"{name}.yaml" for name in ("local", "ray")}
    settings["local"].write_text("buckets: 64\nworkers: 2\n")
    found = []
    with ray_cluster(2) as cluster:
        settings["ray"].write_text(f"buckets: 64\nengine:\n  name: ray\n  address: {cluster.address}\n")
        for _ in range(rounds):
            local = _built(bench, folder / "local", settings["local"])
            before = _used(cluster)
            driver = _built(bench, folder / "ray", settings["ray"])
            ray = driver._replace(cpu=driver.cpu + _used(cluster) - before)
            found.append((local, ray))
            print(f"| {local.wall:.1f} | {local.cpu:.1f} | {ray.wall:.1f} | {ray.cpu:.1f} |", flush=True)
            differ = {*hashes(folder / "local").items()} ^ {*hashes(folder / "ray").items()}
            if differ:
                raise SystemExit(f"the bytes differ: {sorted(differ)[:5]}")
    return found


def _built(bench: Bench, home: Path, config: Path) -> Cost:
    shutil.rmtree(home, ignore_errors=True)
    bench.config = config
    return bench.build(home)


def _used(cluster: RayCluster) -> float:
    """Processor seconds of the cluster since it was started, with those of processes that ended."""
    total = 0.0
    for process in cluster.processes():
        try:
            total += sum(process.cpu_times()[:4])  # user, system, and both of children that ended
        except psutil.NoSuchProcess:
            continue
    return total


def main() -> None:
    """Print a row for each round."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder", type=Path)
    options.add_argument("--rounds", type=int, default=2)
    given = options.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    print(f"{time.strftime('%H:%M')}, load {os.getloadavg()[0]:.1f}, until {' '.join(UNTIL)}")
    print("| local wall s | local processor s | Ray wall s | Ray processor s |\n|---|---|---|---|")
    rows = overhead(given.folder.resolve(), given.rounds)
    for name in ("wall", "cpu"):
        local, ray = (sum(getattr(row[i], name) for row in rows) for i in (0, 1))
        print(f"{name}: Ray takes {ray / local - 1:+.0%}")


if __name__ == "__main__":
    main()
