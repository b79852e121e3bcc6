"""What the tasks of each stage ask of a cluster, and how its partitions are grouped into tasks.

A task asks for one core and 1.5 GiB, which holds DuckDB's own limit of 1 GB and what Python adds to it. A stage without partitions runs
alone, as one task, so it takes the cores of a node, as far as its queries have use for them. What is asked for is never more than the
largest node offers, as long as the configuration does not say otherwise: a cluster of small nodes builds too, only slower.

The partitions of a stage go to tasks in groups of neighbours, a few groups a core: many share what costs the same for one partition
as for many (a plan of DuckDB's, an index that is opened), few leave cores idle at the end. The bytes do not depend on the groups.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import ceil
from types import MappingProxyType
from typing import Final, NamedTuple

from assets.engines.config import EngineConfig, Resources
from assets.stage import Stage

__all__ = ["HERE", "SPREAD", "Ask", "Group", "asks", "grouped"]

#: Stages that run on the machine that builds: what they make serves it alone, or is made of files that it has just looked at.
HERE: Final = frozenset({"literature_inventory", "graph_index"})
#: Stages whose partitions are read by `pipeline.parallel.Workers`: a large one is shared out among the cores of the cluster.
SPREAD: Final = frozenset({"mentions", "evidence"})

#: Groups of partitions for each core of the cluster.
_GROUPS_A_CORE = 3
#: Cores that the queries of a stage without partitions have use for.
_QUERY_CORES = 8
_TASK_MIB = 1536
#: Stages that need more (docs/scale.md has what was measured): choices and checks over the whole corpus, and models.
_MIB: Final[Mapping[str, int]] = MappingProxyType(
    {
        "vocabulary": 3072,
        "name_index": 3072,
        "literature_shuffle": 3072,
        "corpus_selection": 6144,
        "corpus": 4096,
        "kg_embeddings": 8192,
        "pretrained_model": 8192,
        "evaluation": 8192,
        "finetuned_models": 8192,
        "ablation": 8192,
    }
)
#: Stages that train: they take a GPU where the cluster has one, and all cores of a node.
_TRAIN: Final = frozenset({"kg_embeddings", "pretrained_model", "evaluation", "finetuned_models", "ablation"})


class Ask(NamedTuple):
    """What one task asks of a node: cores, GPUs, MiB."""

    cpus: float
    gpus: float
    mib: int

    def fits(self, node: Mapping[str, float]) -> bool:
        """Whether a node with these resources (as Ray names them, memory in bytes) could ever run the task."""
        return (
            node.get("CPU", 0) >= self.cpus
            and node.get("GPU", 0) >= self.gpus
            and node.get("memory", 0) >= self.mib << 20
        )


def asks(stage: Stage, config: EngineConfig, nodes: Sequence[Mapping[str, float]]) -> Ask:
    """What a task of a stage asks for: what the configuration says, else the stage's own need, as far as some node has it.

    Args:
        nodes: the resources of each node, as Ray names them.
    """

    def largest(name: str, least: float) -> float:
        return max([least, *(node.get(name, 0) for node in nodes)])

    given = config.stages.get(stage.name, Resources())
    alone = stage.partitions == "none"
    cores = largest("CPU", 1)
    wanted = cores if stage.name in _TRAIN else min(_QUERY_CORES if alone else 1, cores)
    gpus = min(1.0, largest("GPU", 0)) if stage.name in _TRAIN else 0.0
    has = largest("memory", 0) / 2**20
    mib = min(_MIB.get(stage.name, _TASK_MIB), int(has)) if has else 0
    return Ask(
        given.cpus if given.cpus is not None else wanted,
        given.gpus if given.gpus is not None else gpus,
        given.memory_mib if given.memory_mib is not None else mib,
    )


class Group(NamedTuple):
    """Partitions of one task, and how many workers may read them."""

    keys: list[str]
    workers: int


def grouped(
    keys: Sequence[str],
    cores: float,
    *,
    size: Callable[[str], int] = lambda _: 1,
    most: int | None = None,
    spread: bool = False,
) -> list[Group]:
    """Neighbours in groups of about equal size, a few for each core; a partition that is larger than that stands alone.

    Args:
        cores: of the whole cluster, or how many tasks of the stage it runs at a time.
        size: of a partition (rows), for what it costs.
        most: partitions of a group.
        spread: whether the workers of a group may be on other nodes: each group gets its share of the cores, one at least.
    """
    sizes = {key: size(key) + 1 for key in keys}
    total = sum(sizes.values())
    target = total / max(1.0, min(len(keys), _GROUPS_A_CORE * cores))
    groups: list[list[str]] = []
    filled = 0.0
    for key in keys:
        if not groups or filled + sizes[key] / 2 > target or (most and len(groups[-1]) >= most):
            groups.append([])
            filled = 0.0
        groups[-1].append(key)
        filled += sizes[key]
    shares = (sum(sizes[key] for key in group) / total * cores for group in groups)
    return [
        Group(group, max(1, ceil(share - 0.5)) if spread else 1) for group, share in zip(groups, shares, strict=True)
    ]
