"""The training loop: epochs, learning rate, validation, early stopping, checkpoints."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from kg.embeddings.checkpoint import Checkpoint, TrainingState
from kg.embeddings.config import EmbeddingConfig
from kg.embeddings.encode import EncodedTriples
from kg.embeddings.evaluation import validation_mrr
from kg.embeddings.model import EmbeddingModel
from kg.embeddings.steps import Steps, make_steps
from pipeline.errors import MateriaError

__all__ = ["LossNotFiniteError", "OnEpoch", "fit"]

#: Called after each epoch with its number from 1, the number of epochs, and the mean loss.
OnEpoch = Callable[[int, int, float], None]


class LossNotFiniteError(MateriaError):
    """The loss or the vectors became infinite or not a number: the steps were too long."""


def fit(
    encoded: EncodedTriples,
    config: EmbeddingConfig,
    *,
    on_epoch: OnEpoch | None = None,
    checkpoint: Checkpoint | None = None,
) -> tuple[EmbeddingModel, TrainingState]:
    """Fit a model to the training triples, from where the checkpoint left it. Deterministic from the seed.

    Returns:
        The model after the last epoch, or after the best where there were validations; and what was seen on the way.

    Raises:
        LossNotFiniteError: names the epoch; the checkpoint keeps the state before.
        MateriaError: the checkpoint is damaged, of another configuration, or has no room; or memory has none.
    """
    with _saying_memory_full(encoded, config):
        return _fit(encoded, config, on_epoch, checkpoint)


def _fit(
    encoded: EncodedTriples, config: EmbeddingConfig, on_epoch: OnEpoch | None, checkpoint: Checkpoint | None
) -> tuple[EmbeddingModel, TrainingState]:
    model = EmbeddingModel(len(encoded.entities), len(encoded.relations), config)
    steps = make_steps(model, encoded)
    optimizer = _optimizer(model, config)
    state = checkpoint.restore(model, optimizer) if checkpoint else TrainingState()
    while len(state.losses) < config.epochs and not _stopped(state, config):
        loss = _epoch(steps, optimizer, config, len(state.losses))
        _check_finite(loss, model, len(state.losses) + 1)
        state.losses.append(loss)
        if config.validate_every and len(state.losses) % config.validate_every == 0:
            _validate(model, encoded, state)
        if checkpoint:
            last = len(state.losses) == config.epochs or _stopped(state, config)
            checkpoint.save(model, optimizer, state, last=last)
        if on_epoch is not None:
            on_epoch(len(state.losses), config.epochs, loss)
    if state.best:
        model.load_state_dict(state.best)
    return model, state


def _epoch(steps: Steps, optimizer: torch.optim.Optimizer, config: EmbeddingConfig, epoch: int) -> float:
    """One pass in an order that depends on (seed, epoch) alone; gives the mean loss."""
    generator = torch.Generator().manual_seed((config.seed << 20) + epoch + 1)
    batches = torch.split(torch.randperm(steps.count, generator=generator), config.batch)
    total = torch.zeros(())
    for number, chosen in enumerate(batches):
        done = (epoch + number / len(batches)) / config.epochs
        if config.schedule == "cosine":
            optimizer.param_groups[0]["lr"] = config.learning_rate * 0.5 * (1 + math.cos(math.pi * done))
        loss = steps(chosen, generator)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        total += loss.detach() * len(chosen)
    return total.item() / steps.count


@contextmanager
def _saying_memory_full(encoded: EncodedTriples, config: EmbeddingConfig) -> Iterator[None]:
    """What torch makes of a request that no memory holds (a RuntimeError) as one sentence."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if isinstance(error, RuntimeError) and "allocate memory" not in str(error):
            raise
        raise MateriaError(
            f"vectors of {config.dim} numbers for {len(encoded.entities)} entities, or a step of {config.batch} with "
            f"{config.negatives} negatives, need more memory than there is",
            remedy="Lower dim, batch, negatives or candidates",
        ) from error


def _check_finite(loss: float, model: EmbeddingModel, epoch: int) -> None:
    """Stop at a loss, or at vectors, that are not finite: the last step comes after the last loss."""
    problem = None
    if not math.isfinite(loss):
        problem = f"the loss is {loss} in epoch {epoch}"
    elif not all(bool(torch.isfinite(values).all()) for values in model.parameters()):
        problem = f"the vectors are not finite after epoch {epoch}"
    if problem:
        remedy = f"Lower learning_rate, which is {model.config.learning_rate:g}"
        raise LossNotFiniteError(problem, remedy=remedy)


def _optimizer(model: EmbeddingModel, config: EmbeddingConfig) -> torch.optim.Optimizer:
    if config.optimizer == "adagrad":
        return torch.optim.Adagrad(model.parameters(), lr=config.learning_rate, fused=True)
    return torch.optim.Adam(model.parameters(), lr=config.learning_rate, fused=True)


def _validate(model: EmbeddingModel, encoded: EncodedTriples, state: TrainingState) -> None:
    mrr = validation_mrr(model, encoded)
    if mrr > max((value for _, value in state.validations), default=-1.0):
        state.best = {name: value.detach().clone() for name, value in model.named_parameters()}
    state.validations.append((len(state.losses), mrr))


def _stopped(state: TrainingState, config: EmbeddingConfig) -> bool:
    """Whether the last `patience` validations brought nothing better."""
    values = [mrr for _, mrr in state.validations]
    return bool(config.patience and values) and len(values) - 1 - values.index(max(values)) >= config.patience
