"""Low-rank adapters (Hu et al. 2022, arXiv:2106.09685) beside the linear layers of an encoder, by peft.

The adapted model stays the library's own class, its linear layers alone are replaced; so the trainer, graph vectors and heads
see nothing of it. The layers and the embeddings stay as they are; what stands above them (pooler, head) learns too. At the
end the adapters are added to the weights, and the folder loads like any other.

Rejected: `get_peft_model`, which wraps the model and would need the names of the new head for each architecture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import nn

from pipeline.errors import MateriaError
from training.finetuning.config import AdapterConfig

if TYPE_CHECKING:
    from peft.tuners.lora import LoraModel

__all__ = ["adapted_layers", "add_adapters", "merge_adapters"]


def add_adapters(model: Any, config: AdapterConfig) -> LoraModel:
    """Put adapters into a model, and leave its layers and embeddings as they are from now on.

    Raises:
        MateriaError: no linear layers are found in it.
    """
    from peft import LoraConfig
    from peft.tuners.lora import LoraModel
    from transformers.pytorch_utils import Conv1D

    targets = adapted_layers(model)
    kept = {id(parameter) for module in _encoder(model) for parameter in module.parameters()}
    above = [parameter for parameter in model.parameters() if id(parameter) not in kept]
    settings = LoraConfig(
        r=config.rank,
        lora_alpha=config.alpha,  # type: ignore[arg-type]  # a scale; whole numbers are what its papers use
        lora_dropout=config.dropout,
        target_modules=targets,
        fan_in_fan_out=any(isinstance(model.get_submodule(name), Conv1D) for name in targets),
    )
    tuner = LoraModel(model, settings, "default")  # nothing but the adapters learns now
    for parameter in above:
        parameter.requires_grad_(True)
    return tuner


def merge_adapters(tuner: LoraModel) -> None:
    """Add the adapters to the weights of the model they are in, which then is as it was made."""
    tuner.merge_and_unload(progressbar=False)


def adapted_layers(model: Any) -> list[str]:
    """Names of the linear layers in the repeated blocks of an encoder: its attention and feed-forward layers, whatever they are called.

    Raises:
        MateriaError: there are none.
    """
    from transformers.pytorch_utils import Conv1D

    blocks = {id(module) for block in _blocks(model) for module in block.modules()}
    found = [
        name
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear | Conv1D) and id(module) in blocks
    ]
    if not found:
        problem = f"{type(model).__name__} has no repeated blocks with linear layers, where adapters would be"
        raise MateriaError(problem, remedy="Leave out adapters")
    return found


def _blocks(model: Any) -> list[nn.ModuleList]:
    return [module for module in model.base_model.modules() if isinstance(module, nn.ModuleList)]


def _encoder(model: Any) -> list[nn.Module]:
    """The parts that stay as they are: embeddings and blocks. Of the encoder's parts, those that hold either."""
    vectors = model.get_input_embeddings()
    held = {id(vectors), *map(id, _blocks(model))}
    parts = [part for part in model.base_model.children() if held & {id(module) for module in part.modules()}]
    return [vectors, *parts]
