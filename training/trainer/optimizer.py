"""AdamW (Loshchilov and Hutter, ICLR 2019) with two groups, and its state under the names of the parameters.

torch numbers the state of an optimizer by the order of its parameters and writes it as a pickle. Here it is tensors with
names ("exp_avg.backbone..."), which go into a safetensors file, and which a checkpoint of another model cannot fill by mistake.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from training.trainer.config import TrainerConfig

__all__ = ["load_state", "make_optimizer", "state_tensors"]


def make_optimizer(model: nn.Module, config: TrainerConfig) -> torch.optim.AdamW:
    """AdamW over the parameters that learn. Matrices decay; biases, normalisation and single vectors do not.

    A parameter may have an attribute `learning_rate_factor`; its group has it as `factor`, to multiply the rate by.
    """
    groups: dict[tuple[float, bool], list[nn.Parameter]] = {}
    for parameter in model.parameters():
        if parameter.requires_grad:
            key = getattr(parameter, "learning_rate_factor", 1.0), parameter.ndim > 1
            groups.setdefault(key, []).append(parameter)
    settings = [
        {"params": part, "weight_decay": config.weight_decay if decays else 0.0, "factor": factor}
        for (factor, decays), part in groups.items()
    ]
    # One kernel for all of a step's arithmetic: a third of the time of a loop over parameters, on CPUs as well.
    return torch.optim.AdamW(settings, lr=config.learning_rate, betas=config.betas, eps=config.epsilon, fused=True)


def state_tensors(optimizer: torch.optim.Optimizer, model: nn.Module) -> dict[str, Tensor]:
    """The state of every parameter that was ever stepped, as `<quantity>.<parameter>`."""
    return {
        f"{quantity}.{name}": value
        for name, parameter in model.named_parameters()
        for quantity, value in optimizer.state.get(parameter, {}).items()
    }


def load_state(optimizer: torch.optim.Optimizer, model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Put tensors of `state_tensors` back, on the device of their parameters."""
    parameters = dict(model.named_parameters())
    for key, value in tensors.items():
        quantity, _, name = key.partition(".")
        parameter = parameters[name]
        optimizer.state[parameter][quantity] = value.to(parameter.device, copy=True)
