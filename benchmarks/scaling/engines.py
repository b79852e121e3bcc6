"""The real build on this machine and on a Ray cluster: configurations, costs of the whole cluster, bytes of a home wherever it is."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import yaml
from real_build import ROOT, Cost, RealBuild, hashes
from servers.ray_cluster import RayCluster

from assets.home import OUTSIDE_THE_LAW

__all__ = ["clean_hashes", "configured", "differing", "on_cluster", "stored_hashes"]


def configured(build: RealBuild, name: str, **settings: object) -> Path:
    """A configuration beside that of the build, with more settings."""
    path = build.folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(build.config.read_text()) | settings))
    return path


def clean_hashes(build: RealBuild) -> dict[str, str]:
    """SHA-256 of every file of a local build, which is made where there is none; kept, since 300 MiB are read."""
    kept = build.folder / "local.sha256.json"
    if not kept.exists():
        build.build()
        kept.write_text(json.dumps(hashes(build.home), indent=1))
    found: dict[str, str] = json.loads(kept.read_text())
    return found


def stored_hashes(url: str, environment: Mapping[str, str]) -> dict[str, str]:
    """As `hashes`, of a home in an object store."""
    import fsspec

    os.environ.update(environment)
    protocol, _, root = url.partition("://")
    store = fsspec.filesystem(protocol, skip_instance_cache=True, use_listings_cache=False)
    names = {path: path.removeprefix(f"{root}/") for path in store.find(root)}
    return {
        name: hashlib.sha256(store.cat_file(path)).hexdigest()
        for path, name in sorted(names.items())
        if not name.startswith(OUTSIDE_THE_LAW)
    }


def differing(ours: Mapping[str, str], theirs: Mapping[str, str]) -> list[str]:
    """Files that are not the same, or that one of the two has."""
    return [name for name in sorted(ours.keys() | theirs.keys()) if ours.get(name) != theirs.get(name)]


def on_cluster(
    words: list[str],
    cluster: RayCluster,
    environment: Mapping[str, str],
    after: str = "",
    then: Callable[[], None] = lambda: None,
) -> tuple[int, str, Cost]:
    """Run a build on a cluster, and do something to it once it is done with a stage.

    Returns:
        its exit status, what it said on standard error, and the cost of its own process.
    """
    start = time.perf_counter()
    process = subprocess.Popen(
        words,
        cwd=ROOT,
        env=os.environ | dict(environment) | {"RAY_ADDRESS": cluster.address},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    said = ""
    for line in process.stderr:
        said += line
        if line.split()[:1] == [after]:
            then()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    cpu = usage.ru_utime + usage.ru_stime
    return process.returncode, said, Cost(cpu, time.perf_counter() - start, usage.ru_maxrss / 1024)
