"""How right `materia plan` is for the real build: for this machine with two processes, and for a Ray cluster of two nodes of one core.

The command is run as a user would, in a process of its own: what an earlier plan left in memory would count as memory of the stages.
Processor seconds are compared, and seconds: those of the plan are for a machine that does nothing else, so they are multiplied by what
the sample waited for the processor. What stages took is what the home's history tells, on the cluster that of their tasks.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

from real_build import MATERIA, ROOT, UNTIL, RealBuild
from servers.ray_cluster import ray_cluster

from scaling.engines import configured
from scaling.figures import figures_of

__all__ = ["planned"]


def planned(folder: Path) -> None:
    """Plan, build, and print both, for each engine. Homes that are there already are taken as they are, without a time.

    Args:
        folder: takes the inputs and two homes.
    """
    build = RealBuild(folder)
    print(f"{time.strftime('%H:%M')}, load {os.getloadavg()[0]:.1f}, until {' '.join(UNTIL)}")
    print("| engine | what | planned | measured | measured / planned |\n|---|---|---:|---:|---:|", flush=True)
    _compare(build, "local", configured(build, "local", workers=2))
    with ray_cluster(2) as cluster:
        _compare(build, "ray", configured(build, "ray", engine={"name": "ray", "address": cluster.address}))


def _compare(build: RealBuild, engine: str, config: Path) -> None:
    plan, home = _plan(build, config, engine), build.folder / f"planned-{engine}"
    wall = build.build(home, config).wall
    found = figures_of(home)
    rows = {
        "documents": (plan["documents"], found.documents),
        "processor s": (plan["processor_seconds"], found.processor_seconds),
        f"s (of a quiet machine, times {plan['slowdown']:.1f})": (plan["seconds"] * plan["slowdown"], wall),
        "most MiB": (plan["peak_mib"], max(cost.peak_mib for cost in found.stages.values())),
        "MiB on disk": (plan["home_bytes"] / 2**20, found.disk_mib),
    }
    for what, (expected, measured) in rows.items():
        print(f"| {engine} | {what} | {expected:,.0f} | {measured:,.0f} | {measured / expected:.2f} |", flush=True)


def _plan(build: RealBuild, config: Path, engine: str) -> dict[str, Any]:
    sources = ["--literature", str(build.lit), "--vocabulary", str(build.voc), "--config", str(config)]
    words = [*MATERIA, "plan", *sources, "--until", *UNTIL, "--engine", engine, "--workers", "2", "--json"]
    done = subprocess.run(words, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return dict(json.loads(done.stdout))
