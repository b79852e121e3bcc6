"""The engine of a build, and what it is given. No setting here enters a skip key: whoever computes a partition, its bytes are the same."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["EngineConfig", "Resources"]


class Resources(BaseModel):
    """What one task of a stage asks of a node of the cluster."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cpus: float | None = Field(
        None,
        gt=0,
        description="cores of one task; the stage's own need where not set; with several, a large file is read on one node alone",
    )
    gpus: float | None = Field(None, ge=0, description="GPUs of one task")
    memory_mib: int | None = Field(
        None, gt=0, description="MiB that one task may need; tasks wait for a node that has them"
    )
    partitions: int | None = Field(None, ge=1, description="most partitions that one task computes")


class EngineConfig(BaseModel):
    """Where the stages of a build run."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Literal["local", "ray"] = Field("local", description="local: this machine; ray: a Ray cluster (extra `ray`)")
    address: str | None = Field(
        None,
        description="of the cluster: `auto`, `HOST:PORT` or `ray://HOST:PORT`; RAY_ADDRESS where not set, else one is started here",
    )
    retries: int = Field(
        5, ge=0, description="times that a task is begun again after its node died, or had no memory for it"
    )
    stages: dict[str, Resources] = Field({}, description="what tasks of a stage ask for, by the name of the stage")
