"""Where training runs: accelerate's view of the processor, the GPU or the processes at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from training.trainer.config import TrainerConfig

if TYPE_CHECKING:
    from accelerate import Accelerator

__all__ = ["make_accelerator"]


def make_accelerator(config: TrainerConfig) -> Accelerator:
    """An accelerator for a configuration. Processes find each other by the environment that torchrun or `accelerate launch` set."""
    import torch
    from accelerate import Accelerator, DistributedDataParallelKwargs
    from accelerate.state import AcceleratorState

    # It keeps one state a process, and refuses a second training with another precision.
    AcceleratorState._reset_state(reset_partial_state=True)
    # A step may leave an objective out, or a process have no example of it; its gradient is then that of the others.
    shared = DistributedDataParallelKwargs(find_unused_parameters=True)
    return Accelerator(
        cpu=config.device == "cpu" or not torch.cuda.is_available(),
        mixed_precision="bf16" if config.precision == "bf16" else "no",
        kwargs_handlers=[shared],
    )
