"""Checkpoints: all that a run needs to go on to the bit, as safetensors and JSON. Nothing in them can run code.

    RUN/step-00000200/weights.safetensors      parameters and buffers by name, those of schedules too
    RUN/step-00000200/optimizer.safetensors    state of the optimizer by parameter
    RUN/step-00000200/state.json               step, place in the stream, validation so far, settings, inputs, hashes of the files

The learning rate and the state of the random generators are not there, since both are functions of the step: the loop seeds
torch from (seed, step, process) before each batch. A checkpoint is written beside its place, synced and renamed, and only then
older ones go: one that stands is whole. 1.6 million parameters take 0.06 s. Rejected: `torch.save` and accelerate's
`save_state`, which are pickles; keeping the generators' states, which a validation in between would change.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from pipeline.errors import DiskFullError, MateriaError, saying_disk_full
from pipeline.storage import file_sha256
from training.data.batches import Position
from training.trainer.config import WITHOUT_EFFECT
from training.trainer.optimizer import load_state, state_tensors

__all__ = ["RunState", "last_checkpoint", "load_checkpoint", "load_weights", "save_checkpoint", "save_weights"]

_SCHEMA: Final = "materia.checkpoint.v1"
_WEIGHTS, _OPTIMIZER, _STATE = "weights.safetensors", "optimizer.safetensors", "state.json"
_STAGED = ".staged-"
#: Differences that a refusal names; the rest is counted.
_NAMED = 4


@dataclass
class RunState:
    """Where a run stands.

    Attributes:
        step: optimizer steps done.
        position: where the stream stands.
        trace_bytes: length of the trace of losses up to here.
        rows, tokens: read so far, by all processes.
        best_step, best_loss: of the best validation so far; 0 and None before the first.
        looks: (step, validation loss) of every look.
    """

    step: int = 0
    position: Position = field(default_factory=Position)
    trace_bytes: int = 0
    rows: int = 0
    tokens: int = 0
    best_step: int = 0
    best_loss: float | None = None
    looks: list[tuple[int, float]] = field(default_factory=list)

    def note_look(self, loss: float, gain: float) -> bool:
        """Note a validation loss at this step; whether it is better than the best by more than `gain`."""
        self.looks.append((self.step, loss))
        better = self.best_loss is None or loss < self.best_loss - gain
        if better:
            self.best_loss, self.best_step = loss, self.step
        return better

    def looks_since_best(self) -> int:
        """How many looks there were after the best one."""
        return sum(step > self.best_step for step, _ in self.looks)


def last_checkpoint(run: Path) -> Path | None:
    """The checkpoint of the highest step in a run's folder."""
    found = sorted(path for path in run.glob("step-*") if path.is_dir())
    return found[-1] if found else None


def save_checkpoint(
    run: Path,
    state: RunState,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    made_from: Mapping[str, Any],
    *,
    keep: int = 1,
) -> Path:
    """Write a checkpoint and put it in force; then remove all but the last `keep`.

    Args:
        made_from: settings and hashes of inputs, nested; a run that goes on must have the same.

    Raises:
        DiskFullError: there is no space; the last checkpoint is as it was.
    """
    target = run / f"step-{state.step:08}"
    if not target.exists():
        _remove_staged(run)
        staged = run / f"{_STAGED}{target.name}"
        before = last_checkpoint(run)
        kept = f"the checkpoint of step {_step(before)} is kept" if before else "there is no earlier one"
        try:
            with saying_disk_full(target.name):
                staged.mkdir(parents=True)
                save_file(_named(model), str(staged / _WEIGHTS))
                save_file(_contiguous(state_tensors(optimizer, model)), str(staged / _OPTIMIZER))
                hashes = {name: file_sha256(staged / name) for name in (_WEIGHTS, _OPTIMIZER)}
                values = {"schema": _SCHEMA, **asdict(state), "made_from": made_from, "files": hashes}
                (staged / _STATE).write_text(json.dumps(values, indent=1, sort_keys=True) + "\n", encoding="utf-8")
                _put_in_force(staged, target)
        except DiskFullError as error:
            raise DiskFullError(
                f"there is no space left for the checkpoint of step {state.step}; {kept}",
                file=str(run),
                remedy="Free some, and run again with --resume",
            ) from error
        finally:
            shutil.rmtree(staged, ignore_errors=True)
    for old in sorted(run.glob("step-*"))[:-keep]:
        shutil.rmtree(old, ignore_errors=True)
    return target


def load_checkpoint(
    folder: Path, model: nn.Module, optimizer: torch.optim.Optimizer, made_from: Mapping[str, Any]
) -> RunState:
    """Fill model and optimizer from a checkpoint; returns where the run stood.

    Raises:
        MateriaError: the checkpoint is damaged, or belongs to a run with other settings or inputs, which are named.
    """
    state, saved, files = _read_state(folder)
    if found := list(_differences(saved, made_from)):
        more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        raise MateriaError(
            f"is a checkpoint of another configuration: {'; '.join(found[:_NAMED])}{more}",
            file=str(folder),
            remedy="Go on with the settings and inputs of that run, or begin a new one with another --out",
        )
    for name, sha256 in files.items():
        if not (folder / name).exists() or file_sha256(folder / name) != sha256:
            raise _damaged(folder, f"{name} is not as it was written")
    load_weights(folder / _WEIGHTS, model)
    load_state(optimizer, model, load_file(str(folder / _OPTIMIZER)))
    return state


def save_weights(path: Path, model: nn.Module) -> None:
    """Write parameters and buffers into one file, staged and renamed."""
    staged = path.with_name(f"{_STAGED}{path.name}")
    with saying_disk_full(str(path)):
        save_file(_named(model), str(staged))
        staged.replace(path)


@torch.no_grad()
def load_weights(path: Path, model: nn.Module) -> None:
    """Copy the tensors of a file into the parameters and buffers of the same names."""
    tensors, own = load_file(str(path)), dict(_tensors(model))
    if tensors.keys() != own.keys():
        odd = sorted(tensors.keys() ^ own.keys())[0]
        raise MateriaError(
            f"holds the weights of another model ({odd} is in one of the two only)",
            file=str(path),
            remedy="Begin a new run with another --out",
        )
    for name, tensor in own.items():
        tensor.copy_(tensors[name])


def _read_state(folder: Path) -> tuple[RunState, dict[str, Any], dict[str, str]]:
    """Where the run stood, what it was made from, and the hashes of the other files."""
    try:
        state = json.loads((folder / _STATE).read_text(encoding="utf-8"))
        if state.pop("schema") != _SCHEMA:
            raise _damaged(folder, "its schema is one that this version does not read")
        saved, files = dict(state.pop("made_from")), dict(state.pop("files"))
        position, looks = Position(*state.pop("position")), [(step, loss) for step, loss in state.pop("looks")]
        return RunState(position=position, looks=looks, **state), saved, files
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise _damaged(folder, f"{_STATE} cannot be read") from error


def _damaged(folder: Path, why: str) -> MateriaError:
    return MateriaError(
        f"is no sound checkpoint: {why}",
        file=str(folder),
        remedy="Delete this folder: the run then goes on from an earlier checkpoint, or begins anew",
    )


def _tensors(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Parameters and buffers, each once: tied weights are one."""
    yield from model.named_parameters()
    yield from model.named_buffers()


def _named(model: nn.Module) -> dict[str, Tensor]:
    return _contiguous(dict(_tensors(model)))


def _contiguous(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors that share no memory, as safetensors wants them."""
    return {name: tensor.detach().to("cpu").contiguous() for name, tensor in tensors.items()}


def _put_in_force(staged: Path, target: Path) -> None:
    """Rename a folder after its files and its own entry are on the disk, so that a loss of power leaves it whole or absent."""
    for path in (*staged.iterdir(), staged):
        _sync(path)
    staged.rename(target)
    _sync(target.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_staged(run: Path) -> None:
    """What a killed run left half-written."""
    for path in run.glob(f"{_STAGED}*"):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with suppress(OSError):
                path.unlink()


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.rpartition("-")[2])


def _differences(saved: Any, now: Any, at: str = "") -> Iterator[str]:
    """What differs between two nested settings, as `key is A and was B`."""
    if isinstance(saved, Mapping) and isinstance(now, Mapping):
        for key in sorted({*saved, *now} - WITHOUT_EFFECT):
            place = f"{at}.{key}" if at else key
            yield from _differences(saved.get(key), now.get(key), place)
    elif json.dumps(saved) != json.dumps(now):
        yield f"{at} is {_short(now)} and was {_short(saved)}"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else f"{text[:37]}..."
