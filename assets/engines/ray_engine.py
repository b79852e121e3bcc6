"""Ray as the engine: groups of partitions become tasks, a stage without partitions one task.

The driver decides what is stale, holds the home, and goes from stage to stage; the tables go from node to node by the home, never
through Ray, so that its object store stays small. A task of a node that died is begun again elsewhere (`engine.retries`). Nothing is
written by the driver while tasks run but histories, so a driver, a node or the head may be killed at any moment.

Costs 0.75 s of processor time to join, 2.2 s for each worker process that starts (Ray's import and ours), and 14 ms a task, of which 2
are Ray's: the rest opens the home and looks what is fresh. Over `ray://` the head starts a process for the build (4 s, 200 MiB), and
a task takes 23 ms.
Rejected: Ray Data (it would move the tables through its object store, and its order of rows is not fixed), an actor for each node
(Ray starts tasks again by itself; actors one starts again oneself), and dagster-ray (its run launcher and PipesRayJobClient submit a
whole run or script as one Ray job: a home is built by one driver, whose steps are to be spread).
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from importlib.metadata import version
from math import ceil
from typing import Any

from assets.engines.ray_cluster import Cluster, fetched, joined
from assets.engines.ray_tasks import Asked, Done, compute, seen_from
from assets.engines.resources import HERE, SPREAD, Ask, Group, asks, grouped
from assets.home import Home
from assets.launch import Launch
from assets.lease import term_of
from assets.recovery import sweep_unfinished
from assets.stage import Refreshed, Stage, refresh, run_told
from pipeline.errors import MateriaError
from pipeline.files import is_local
from pipeline.working_folder import sweep_copies

__all__ = ["RayEngine", "ray_engine"]

_LOOK_S = 1.0
#: How often it is asked, while no task ends, whether any node has what they ask for.
_NODES_S = 5.0
#: How long tasks wait for a node that has what they ask for: a cluster that grows by itself needs minutes.
_NO_NODE_S = 300.0
#: How long is waited for tasks that were stopped.
_STOP_S = 10.0
#: How long is waited for nodes that look through their copies.
_SWEEP_S = 60.0


@contextmanager
def ray_engine(home: Home, progress: Callable[[str], None]) -> Iterator[RayEngine]:
    """The engine on the cluster that the configuration names.

    Raises:
        MateriaError: see `joined`.
    """
    progress("joining the Ray cluster")
    with joined(home.config.engine.address, home.config.engine.retries) as cluster:
        yield RayEngine(home, cluster)
        # Tasks of nodes that died were done by others, who know nothing of what these had staged.
        sweep_unfinished(home)
        _sweep_nodes(home, cluster)


def _sweep_nodes(home: Home, cluster: Cluster) -> None:
    """Have every node that runs tasks remove the copies it used longest ago, as the machine that builds does with its own."""
    if is_local(home.url):
        return
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    task = ray.remote(num_cpus=0, max_retries=0)(sweep_copies)

    def sweep() -> None:
        sweeping = [
            task.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)).remote(
                str(home.url)
            )
            for node in ray.nodes()
            if node["Alive"] and node["Resources"].get("CPU")
        ]
        ray.wait(sweeping, num_returns=len(sweeping), timeout=_SWEEP_S)

    with suppress(MateriaError):  # all is built: a head that is gone now is told when it is needed
        cluster.ask(sweep)


class RayEngine:
    """Brings partitions up to date by tasks on a cluster.

    Attributes:
        figures: of the last refresh: how many tasks, the most MiB that a process of theirs held, and their processor seconds.
    """

    def __init__(self, home: Home, cluster: Cluster) -> None:
        import ray

        self._config, self._cluster = home.config.engine, cluster
        self._task = ray.remote(max_retries=self._config.retries)(compute)
        self._mark = seen_from(home)
        self.figures: dict[str, Any] = {}

    def refresh(
        self,
        stage: Stage,
        home: Home,
        keys: list[str],
        *,
        workers: int = 1,
        progress: Callable[[str], None] = lambda _: None,
        launch: Launch | None = None,
    ) -> Iterator[Refreshed]:
        """As `assets.stage.refresh`, in tasks. Partitions are told in order; a task that fails stops the others."""
        self.figures = {}
        if stage.name in HERE:
            yield from refresh(stage, home, keys, workers=workers, progress=progress, launch=launch)
            return
        all_stale = {*stage.stale(home)}
        stale = [key for key in keys if key in all_stale]
        for key in keys:
            manifest = home.dataset(stage.name).manifest(key)
            if key not in all_stale and manifest is not None:
                yield Refreshed(key, manifest, changed=False, computed=False)
        with run_told(stage, home, stale) as made:
            for done in self._computed(stage, home, stale, progress):
                made += [result.manifest for result in done.results]
                yield from done.results
                if done.error is not None:
                    raise done.error
        home.look_again()

    def _computed(self, stage: Stage, home: Home, keys: list[str], progress: Callable[[str], None]) -> Iterator[Done]:
        """What became of each group, in order."""
        nodes = self._cluster.nodes()
        ask = asks(stage, self._config, nodes)
        cores = sum(node.get("CPU", 0) for node in nodes)
        given = self._config.stages.get(stage.name)
        groups = grouped(
            keys,
            max(1.0, cores / ask.cpus),
            size=lambda key: _rows(stage, home, key),
            most=given.partitions if given else None,
            spread=stage.name in SPREAD,
        )
        self.figures = {"engine": "ray", "tasks": len(groups), "peak_mib": 0, "processor_seconds": 0.0}
        progress(stage.name if stage.partitions == "none" else f"{stage.name}: {len(keys)} in {len(groups)} tasks")
        task = self._task.options(num_cpus=ask.cpus, num_gpus=ask.gpus, memory=ask.mib << 20, name=stage.name)
        rules = stage.rules(home)
        # The largest first, so that no core waits for one that began last.
        order = sorted(range(len(groups)), key=lambda i: -groups[i].workers)
        asked = {i: self._asked(stage, home, groups[i], rules, ask) for i in order}
        waiting = self._cluster.ask(lambda: {task.remote(asked[i]): i for i in order})
        finished: dict[int, Done] = {}
        following = 0
        try:
            while following < len(groups):
                for reference in self._ready(waiting, ask, progress):
                    number = waiting.pop(reference)
                    finished[number] = done = self._cluster.ask(partial(fetched, reference))
                    self.figures["peak_mib"] = max(self.figures["peak_mib"], done.peak_mib)
                    self.figures["processor_seconds"] += done.processor_seconds
                    if done.error is not None:
                        yield done
                    progress(f"{stage.name}: {len(finished)} of {len(groups)} tasks")
                while following in finished:
                    yield finished.pop(following)
                    following += 1
        finally:
            self._stop([*waiting])

    def _asked(self, stage: Stage, home: Home, group: Group, rules: str, ask: Ask) -> Asked:
        return Asked(
            home=str(home.url),
            stage=stage.name,
            keys=group.keys,
            rules=rules,
            mark=self._mark,
            term=term_of(str(home.url)),
            host=socket.gethostname(),
            version=version("materia"),
            workers=group.workers if ask.cpus <= 1 else ceil(ask.cpus),
            cores=ceil(ask.cpus),
        )

    def _ready(self, waiting: dict[Any, int], ask: Ask, progress: Callable[[str], None]) -> list[Any]:
        """Wait until a task is done, or more are; which.

        Raises:
            MateriaError: the head is gone, or no node has what the tasks ask for.
        """
        import ray

        def ready(least: int, timeout: float) -> list[Any]:
            return list(self._cluster.ask(lambda: ray.wait([*waiting], num_returns=least, timeout=timeout)[0]))

        began = asked = time.monotonic()
        while not ready(1, _LOOK_S):
            if time.monotonic() - asked < _NODES_S:
                continue
            asked = time.monotonic()
            if any(ask.fits(node) for node in self._cluster.nodes()):
                began = time.monotonic()
                continue
            wanted = f"{ask.cpus:g} cores, {ask.gpus:g} GPUs and {ask.mib} MiB"
            progress(f"waiting for a node with {wanted}")
            if time.monotonic() - began > _NO_NODE_S:
                raise MateriaError(
                    f"no node of the cluster has {wanted} for a task",
                    remedy="Add such a node, or set less under engine.stages",
                )
        return ready(len(waiting), 0)

    def _stop(self, references: list[Any]) -> None:
        """Stop tasks, and wait until they are: nobody may write when the home is let go."""
        import ray

        if not references or self._cluster.gone:
            return

        def stop() -> None:
            for reference in references:
                ray.cancel(reference, force=True, recursive=True)
            ray.wait(references, num_returns=len(references), timeout=_STOP_S)

        with suppress(MateriaError):  # whoever is stopped has something to say already
            self._cluster.ask(stop)


def _rows(stage: Stage, home: Home, key: str) -> int:
    """How many rows a partition is made from."""
    manifests = (home.dataset(need.asset).manifest(key) for need in stage.needs if need.partitions == "same")
    return sum(manifest.rows for manifest in manifests if manifest)
