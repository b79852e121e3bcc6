"""A fusion layer in a model of any class, by hooks: nothing of the model is replaced, and its own weights keep their names.

The model takes `entity_ids` beside its other inputs; its input embeddings pass through the layer. The layer's weights are the model's
(`graph_fusion`), so optimizers and checkpoints see them, until it is taken off to save the model as its class alone. Rejected: a
wrapped embedding layer, which renames weights and so loads nowhere else, and a class of model for each task.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from pipeline.errors import MateriaError
from training.finetuning.fusion.base import FusionLayer

__all__ = ["ENTITY_IDS", "attach", "detach"]

#: The model's argument: of each token the number of the entity that it mentions, 0 for none.
ENTITY_IDS = "entity_ids"
_NAME = "graph_fusion"


class _Attached(nn.Module):
    """A layer at work in a model."""

    def __init__(self, layer: FusionLayer, model: nn.Module) -> None:
        super().__init__()
        self.layer = layer
        self._entities: Tensor | None = None
        embeddings: nn.Module = model.get_input_embeddings()  # type: ignore[operator]
        self._hooks = [
            model.register_forward_pre_hook(self._take, with_kwargs=True),
            model.register_forward_hook(self._forget, always_call=True),
            embeddings.register_forward_hook(self._fuse),
        ]

    def remove(self) -> None:
        for hook in self._hooks:
            hook.remove()

    def _take(self, model: nn.Module, args: tuple[Any, ...], inputs: dict[str, Any]) -> tuple[Any, Any]:
        inputs = dict(inputs)
        self._entities = inputs.pop(ENTITY_IDS, None)
        if self._entities is None:
            raise MateriaError(
                f"a model with graph vectors was called without {ENTITY_IDS}",
                remedy="Annotate the features first (GraphFusion.annotate)",
            )
        return args, inputs

    def _fuse(self, embeddings: nn.Module, args: tuple[Any, ...], states: Tensor) -> Tensor | None:
        # Called from elsewhere than the model's own forward there is nothing to add.
        return None if self._entities is None else self.layer(states, self._entities)

    def _forget(self, model: nn.Module, args: tuple[Any, ...], outputs: object) -> None:
        self._entities = None


def attach(model: nn.Module, layer: FusionLayer) -> None:
    """Put a layer into a model; with adapters, into the model inside them, after they were added.

    Args:
        model: a Hugging Face model, or one with its `get_input_embeddings`.
    """
    if hasattr(model, _NAME):
        raise ValueError("the model has a fusion layer already")
    device = next(model.parameters()).device
    model.add_module(_NAME, _Attached(layer.to(device), model))


def detach(model: nn.Module) -> FusionLayer:
    """Take the layer off again: the model is then of its class alone, with the weights that it has.

    Raises:
        AttributeError: it has none.
    """
    attached = getattr(model, _NAME)
    attached.remove()
    delattr(model, _NAME)
    layer: FusionLayer = attached.layer
    return layer
