"""How right `materia plan` is for the real build: for this machine with two processes, and for a Ray cluster of two nodes of one core.

Processor seconds are compared, and seconds: those of the plan are for a machine that does nothing else, so they are multiplied by what
the sample waited for the processor. Memory on the cluster is that of the stages' tasks, which the home's history tells.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from real_build import UNTIL, RealBuild
from servers.ray_cluster import ray_cluster

from assets.config import load_config
from assets.plan.plan import Engine, Plan, make_plan
from scaling.engines import configured, used
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
    local = configured(build, "local", workers=2)
    plan = _plan(build, local, "local")
    cost = build.build(folder / "planned-local", local)
    _tell("local", plan, folder / "planned-local", cost.cpu, cost.wall)
    with ray_cluster(2) as cluster:
        ray = configured(build, "ray", engine={"name": "ray", "address": cluster.address})
        plan = _plan(build, ray, "ray")
        before = used(cluster)
        cost = build.build(folder / "planned-ray", ray)
        _tell("ray", plan, folder / "planned-ray", cost.cpu + used(cluster) - before, cost.wall)


def _plan(build: RealBuild, config: Path, engine: Engine) -> Plan:
    sources = [str(build.lit)], [str(build.voc)]
    return make_plan(*sources, load_config(str(config)), until=UNTIL, engine=engine, workers=2)


def _tell(engine: str, plan: Plan, home: Path, cpu: float, wall: float) -> None:
    found = figures_of(home)
    rows = {
        "documents": (plan.documents, found.documents),
        "processor s": (plan.cpu, cpu),
        f"s (of a quiet machine, times {plan.slowdown:.1f})": (plan.seconds * plan.slowdown, wall),
        "most MiB": (plan.mib, max(cost.peak_mib for cost in found.stages.values())),
        "MiB on disk": (plan.home_bytes / 2**20, found.disk_mib),
    }
    for what, (expected, measured) in rows.items():
        print(f"| {engine} | {what} | {expected:,.0f} | {measured:,.0f} | {measured / expected:.2f} |", flush=True)
