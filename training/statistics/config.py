"""What a user may set about intervals. This module imports neither torch nor numpy. Unknown keys are errors."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["BootstrapConfig"]


class BootstrapConfig(BaseModel):
    """How sure a figure is said to be."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    draws: int = Field(2_000, ge=100, description="draws of the documents")
    level: float = Field(0.95, gt=0.5, lt=1, description="how often an interval should hold the true value")
    seed: int = Field(13, ge=0, lt=2**32, description="seed of the draws")
