"""Train a model for a task with Hugging Face's Trainer: AdamW, a linear schedule, batches padded to their longest row.

Nothing is added to the Trainer but what watches it: after each epoch the figure on the validation examples, of which the best
weights are kept in memory (those that learn, once) and put back at the end. Where there are no validation examples, the last
ones count. So without a validation set the weights are, bit for bit, those of a plain transformers script with the same settings.
Cost: 4 epochs of 2,076 abstracts of 128 tokens through 2 layers of 128, watched by 244 others: 50 s of one core.

Rejected: the Trainer's own `load_best_model_at_end`, which writes a checkpoint of model and optimizer an epoch.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from transformers import Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_callback import PrinterCallback

from kg.embeddings.determinism import deterministic
from pipeline.errors import MateriaError
from training.finetuning.class_weights import balanced_loss
from training.finetuning.collate import Collator
from training.tasks.base import Features

if TYPE_CHECKING:
    from torch import Tensor, nn

    from training.finetuning.config import FinetuningConfig
    from training.finetuning.folder import Finetuned

__all__ = ["Fitted", "fit", "reproducible", "training_arguments"]

OnStep = Callable[[int, int], None]


@dataclass
class Fitted:
    """How a training went.

    Attributes:
        steps: optimizer steps that were made.
        losses: of the epochs, each a mean over its steps.
        looks: the validation figure after each epoch.
        best: epoch whose weights were kept, from 1; the last where nothing was looked at.
    """

    steps: int = 0
    losses: list[float] = field(default_factory=list)
    looks: list[float] = field(default_factory=list)
    best: int = 0


@contextmanager
def reproducible(config: FinetuningConfig) -> Iterator[None]:
    """Seed, threads and kernels as settings have them; torch's own state is put back."""
    with deterministic(config.seed, config.threads):
        if torch.cuda.is_available():
            # Some kernels of GPUs have no deterministic form; they then sum in any order.
            torch.use_deterministic_algorithms(True, warn_only=True)
        yield


def training_arguments(config: FinetuningConfig) -> TrainingArguments:
    """The Trainer's arguments: the settings, and nothing written or reported anywhere."""
    arguments = TrainingArguments(
        output_dir=tempfile.gettempdir(),  # it must exist, and stays as it is
        num_train_epochs=config.epochs,
        per_device_train_batch_size=config.batch,
        learning_rate=config.learning_rate,
        warmup_steps=config.warmup,  # below 1 it is a share of the steps
        weight_decay=config.weight_decay,
        seed=config.seed,
        save_strategy="no",
        logging_strategy="epoch",
        logging_nan_inf_filter=False,
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=torch.cuda.is_available(),
    )
    arguments._n_gpu = min(arguments.n_gpu, 1)  # one device: split batches would sum in another order
    return arguments


def fit(
    finetuned: Finetuned[Any],
    features: Sequence[Features],
    config: FinetuningConfig,
    *,
    validate: Callable[[], float] | None = None,
    on_step: OnStep = lambda step, steps: None,
) -> Fitted:
    """Train a model in place; inside `reproducible`.

    Args:
        finetuned: the model, with new head, and what it is for.
        features: rows to learn from.
        config: see `FinetuningConfig`.
        validate: gives the figure that is watched after each epoch; None: nothing is watched.
        on_step: told of each step: its number, and how many there are at most.

    Raises:
        MateriaError: the loss is no number, or classes are to be weighed and the task has none.
    """
    model, fitted = finetuned.model, Fitted()
    watch = _Watch(model, fitted, validate, config.patience, on_step)
    weighted = balanced_loss(finetuned.task, features) if config.class_weights == "balanced" else None
    trainer = Trainer(
        model=model,
        args=training_arguments(config),
        train_dataset=list(features),
        data_collator=Collator(finetuned.tokenizer),
        compute_loss_func=weighted,
        callbacks=[watch],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    watch.put_back()
    model.to("cpu").eval()
    return fitted


class _Watch(TrainerCallback):  # type: ignore[misc]  # the library has no types
    """Looks at the validation figure after each epoch, keeps the best weights, and ends the training when it no longer rises."""

    def __init__(
        self,
        model: nn.Module,
        fitted: Fitted,
        validate: Callable[[], float] | None,
        patience: int,
        on_step: OnStep,
    ) -> None:
        self._model, self._fitted, self._validate = model, fitted, validate
        self._patience, self._on_step = patience, on_step
        self._kept: dict[str, Tensor] = {}

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._fitted.steps = state.global_step
        self._on_step(state.global_step, state.max_steps)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float], **_: Any) -> None:
        if "loss" in logs:
            if not math.isfinite(logs["loss"]):
                remedy = f"Set a learning_rate below {args.learning_rate:g}"
                raise MateriaError(f"the loss is no number after step {state.global_step}", remedy=remedy)
            self._fitted.losses.append(logs["loss"])

    def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        fitted = self._fitted
        epoch = round(state.epoch)
        if self._validate is None:
            fitted.best = epoch
            return
        figure = self._validate()
        if not fitted.looks or figure > max(fitted.looks):
            fitted.best = epoch
            self._kept = {name: tensor.detach().clone() for name, tensor in self._learning()}
        fitted.looks.append(figure)
        if self._patience and epoch - fitted.best >= self._patience:
            control.should_training_stop = True

    def put_back(self) -> None:
        """The weights of the best epoch into the model."""
        with torch.no_grad():
            for name, tensor in self._learning():
                if name in self._kept:
                    tensor.copy_(self._kept[name])

    def _learning(self) -> list[tuple[str, Tensor]]:
        return [(name, parameter) for name, parameter in self._model.named_parameters() if parameter.requires_grad]
