"""The state of a training in one file: tensors as safetensors, the rest as JSON in its header. Nothing is pickled.

The file is written beside and renamed, so a kill or a full disk leaves the state before. It names the configuration and the
triples it belongs to; another training refuses it. Every epoch draws what is random from (seed, epoch), so that the state
holds no generator, and a resumed training gives the bits of an uninterrupted one.
"""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from kg.embeddings.config import EmbeddingConfig
from kg.embeddings.encode import EncodedTriples
from pipeline.errors import MateriaError, saying_disk_full

__all__ = ["Checkpoint", "TrainingState"]

_VERSION = "embedding_checkpoint.v1"


@dataclass
class TrainingState:
    """How far a training is.

    Attributes:
        losses: mean loss of each epoch that is done.
        validations: (epoch, mean reciprocal rank) of each validation.
        best: parameters after the best of them, by name.
    """

    losses: list[float] = field(default_factory=list)
    validations: list[tuple[int, float]] = field(default_factory=list)
    best: dict[str, Tensor] = field(default_factory=dict)


class Checkpoint:
    """Where a training keeps its state.

    Args:
        path: the file.
        encoded, config: what is trained, and how.
        every: seconds between two writes; 0 writes after every epoch.
    """

    def __init__(self, path: Path, encoded: EncodedTriples, config: EmbeddingConfig, *, every: float = 10.0) -> None:
        self.path = path
        self.every = every
        words = json.dumps([_VERSION, config.model_dump(), encoded.hash()], sort_keys=True)
        self.identity = hashlib.sha256(words.encode()).hexdigest()
        self._written = time.monotonic()

    def save(self, model: nn.Module, optimizer: torch.optim.Optimizer, state: TrainingState, *, last: bool) -> None:
        """Write the state, if it is time to, or the last.

        Raises:
            DiskFullError: no room; the state before is still there.
        """
        if not last and time.monotonic() - self._written < self.every:
            return
        from safetensors.torch import save_file

        tensors = {f"model.{name}": value.detach() for name, value in model.named_parameters()}
        tensors |= {f"best.{name}": value for name, value in state.best.items()}
        for number, moments in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{number}.{name}": value for name, value in moments.items()}
        about = json.dumps({"identity": self.identity, "losses": state.losses, "validations": state.validations})
        staged = self.path.with_name(f".{self.path.name}.staged")
        try:
            with saying_disk_full(str(self.path)):
                self.path.parent.mkdir(parents=True, exist_ok=True)
                save_file(tensors, str(staged), metadata={"state": about})
                staged.replace(self.path)
        finally:
            staged.unlink(missing_ok=True)
        self._written = time.monotonic()

    def restore(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> TrainingState:
        """Put a kept state in force; an empty one where there is none.

        Raises:
            MateriaError: the file is damaged, or of another configuration or other triples.
        """
        if not self.path.exists():
            return TrainingState()
        tensors, about = self._read()
        if about.get("identity") != self.identity:
            raise MateriaError(
                "is the checkpoint of another configuration, or of other triples",
                file=str(self.path),
                remedy="Train with the former configuration to go on from it, or into another folder, or delete it to start anew",
            )
        try:
            return _put(model, optimizer, tensors, about)
        except (RuntimeError, KeyError, TypeError, ValueError) as error:  # what torch and JSON make of parts that lack
            raise self._unreadable() from error

    def _unreadable(self) -> MateriaError:
        return MateriaError("is no checkpoint that can be read", file=str(self.path), remedy="Delete it to start anew")

    def _read(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(str(self.path), framework="pt") as file:
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
                about = json.loads(file.metadata()["state"])
        except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
            raise self._unreadable() from error
        if not isinstance(about, dict):
            raise self._unreadable()
        return tensors, about


def _put(
    model: nn.Module, optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor], about: dict[str, Any]
) -> TrainingState:
    """Put what a checkpoint holds in force."""
    parts: dict[str, dict[str, Tensor]] = {"model": {}, "best": {}, "optimizer": {}}
    for name, value in tensors.items():
        part, _, rest = name.partition(".")
        parts[part][rest] = value
    model.load_state_dict(parts["model"])
    moments: dict[int, dict[str, Tensor]] = {}
    for name, value in parts["optimizer"].items():
        number, _, key = name.partition(".")
        moments.setdefault(int(number), {})[key] = value
    optimizer.load_state_dict({"state": moments, "param_groups": optimizer.state_dict()["param_groups"]})
    validations = [(int(epoch), float(mrr)) for epoch, mrr in about["validations"]]
    return TrainingState([float(loss) for loss in about["losses"]], validations, parts["best"])
