"""What a user may set about the trainer. This module imports no torch. Unknown keys are errors."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["WITHOUT_EFFECT", "LearningRateName", "TrainerConfig"]

LearningRateName = Literal["linear", "cosine", "constant", "inverse_square_root"]


class TrainerConfig(BaseModel):
    """Steps, learning rate, precision, processes, checkpoints and logs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    steps: int = Field(600, ge=1, description="optimizer steps")
    learning_rate: float = Field(2e-3, gt=0, description="step size of AdamW at its peak")
    learning_rate_schedule: LearningRateName = Field(
        "linear",
        description="after the warm-up: linear or cosine to `final_learning_rate`, constant, or inverse_square_root of the step",
    )
    warmup: float = Field(0.1, ge=0, lt=1, description="share of the steps in which the step size rises from 0")
    final_learning_rate: float = Field(
        0.0, ge=0, le=1, description="where linear and cosine end, as a share of the peak"
    )
    betas: tuple[float, float] = Field((0.9, 0.999), description="decay of AdamW's two running means")
    epsilon: float = Field(1e-8, gt=0, description="AdamW's epsilon")
    weight_decay: float = Field(
        0.01, ge=0, description="decay of matrices; biases, normalisation and scalars have none"
    )
    clip: float = Field(1.0, ge=0, description="greatest norm of the gradient; 0 for no limit")
    accumulation: int = Field(1, ge=1, description="batches whose gradients are averaged for one step")
    precision: Literal["fp32", "bf16"] = Field("fp32", description="bf16: matrix products in bfloat16, weights in fp32")
    compile: bool = Field(False, description="compile the backbone with torch.compile")
    device: Literal["auto", "cpu"] = Field("auto", description="auto: a GPU where there is one")
    processes: int = Field(1, ge=1, description="processes, one a GPU; gloo between them on CPUs, NCCL on GPUs")
    threads: int = Field(1, ge=0, description="threads of torch in each process; 0 for one a core")
    evaluate_every: int = Field(0, ge=0, description="steps between two looks at the validation split; 0 for none")
    patience: int = Field(
        0,
        ge=0,
        description="stop after so many looks without a better validation loss, with the best weights; 0: never",
    )
    minimum_gain: float = Field(0.0, ge=0, description="by how much the loss must fall to be better")
    checkpoint_every: int = Field(
        200, ge=0, description="steps between two checkpoints; 0: only when it is told to stop"
    )
    keep_checkpoints: int = Field(1, ge=1, description="last checkpoints that are kept")
    log_every: int = Field(
        10, ge=1, description="steps between two looks at losses and signals, and two points of the logs"
    )
    tensorboard: bool = Field(True, description="write event files for TensorBoard beside the checkpoints")

    @model_validator(mode="after")
    def _stop_needs_looks(self) -> TrainerConfig:
        if self.patience and not self.evaluate_every:
            raise ValueError("patience needs evaluate_every: without a look at the validation split nothing can stop")
        if not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError(f"betas must be at least 0 and below 1, and are {self.betas[0]} and {self.betas[1]}")
        return self


#: Settings that change neither a weight nor a loss, so a run may go on with others than it began with.
WITHOUT_EFFECT = frozenset({"checkpoint_every", "keep_checkpoints", "tensorboard"})
