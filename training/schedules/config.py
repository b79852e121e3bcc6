"""What a user may set about mixing objectives: whose turn a step is, and what their losses weigh. Imports no torch."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["ScheduleConfig", "TurnsName", "WeightingName"]

TurnsName = Literal["joint", "alternating", "proportional", "temperature", "annealed"]
WeightingName = Literal["fixed", "uncertainty"]


class ScheduleConfig(BaseModel):
    """How objectives share the steps and the one loss."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    weighting: WeightingName = Field(
        "fixed", description="fixed: the configured weights; uncertainty: learned, and those are where they start"
    )
    turns: TurnsName = Field(
        "joint",
        description="joint: every step serves all; alternating: tasks in turn; proportional, temperature, annealed: drawn by size",
    )
    unit: Literal["step", "epoch"] = Field("step", description="how long a turn is; joint has none")
    temperature: float = Field(
        2.0,
        ge=1,
        description="for temperature: a task is drawn in proportion to its size to the power of 1 / temperature",
    )
    graph_ratio: float | None = Field(
        None,
        gt=0,
        description="turns for the graph for each turn for text, where objectives take turns; joint: data.triples to data.rows",
    )
