"""The training loop: steps of one model over one stream, on a CPU, a GPU, or in several processes, all by accelerate.

It knows that a model turns a batch into losses by name and one total, and that a batch knows where the stream stands after
it; no backbone, objective or schedule. Torch's generators are seeded before each batch from (seed, step, batch of the step,
process), so a run that goes on from a checkpoint draws what the uninterrupted run drew, to the bit.

On CPUs losses and signals are looked at after each step. On a GPU that would make the processor wait for the device, so they
are kept there and looked at every `log_every` steps, at the latest before a checkpoint: no checkpoint holds a loss that is no
number. In several processes the gradient is the mean of theirs, and so are the losses shown, weighted by their examples.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from pipeline.errors import MateriaError, StoppedError
from training.data.batches import LinkBatch, Position, TextBatch
from training.trainer.checkpoint import (
    RunState,
    last_checkpoint,
    load_checkpoint,
    load_weights,
    save_checkpoint,
    save_weights,
)
from training.trainer.config import TrainerConfig
from training.trainer.learning_rates import learning_rate
from training.trainer.optimizer import make_optimizer
from training.trainer.reports import Fitted, StepReport
from training.trainer.signals import StopSignal
from training.trainer.sums import StepSums
from training.trainer.tensorboard import EventLog
from training.trainer.trace import Trace

if TYPE_CHECKING:
    from accelerate import Accelerator

    from training.model import PretrainingModel

__all__ = ["Trainer"]

_TRACE, _BEST = "trace.csv", "best.safetensors"
#: Columns of a step that TensorBoard shows beside its losses.
_NO_LOSS = ("learning_rate", "gradient_norm")


class _Losses(nn.Module):
    """The model as accelerate wants it: a module whose call gives the loss of a step, so that its gradients are shared."""

    def __init__(self, model: PretrainingModel) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, text: TextBatch, links: LinkBatch | None, active: Sequence[str], step: int
    ) -> tuple[Tensor, dict[str, Tensor], dict[str, int]]:
        outcomes = self.model.outcomes(text, links, active)
        total = self.model.schedule.total({name: outcome.loss for name, outcome in outcomes.items()}, step)
        if not total.requires_grad:  # no example of anything: a gradient of zeros, for the processes that have some
            total = total + 0.0 * next(p for p in self.parameters() if p.requires_grad).sum()
        losses = {name: outcome.loss.detach() for name, outcome in outcomes.items()}
        return total, losses, {name: outcome.examples for name, outcome in outcomes.items()}


class Trainer:
    """Trains a model in a folder of its own, and goes on there after a stop.

    Args:
        model: its weights are changed in place.
        config: steps, learning rates, precision.
        run: folder of checkpoints, trace and event files.
        made_from: settings and hashes of inputs that a checkpoint must share with this run to be gone on from.
        seed: of dropout.
        on_step: told of every step, in the first process.
    """

    def __init__(
        self,
        model: PretrainingModel,
        config: TrainerConfig,
        accelerator: Accelerator,
        *,
        run: Path,
        made_from: Mapping[str, Any],
        seed: int,
        on_step: Callable[[StepReport], None] = lambda _: None,
    ) -> None:
        self.model = model.to(accelerator.device)
        self.config = config
        self.accelerator = accelerator
        self.run = run
        self.made_from = made_from
        self.seed = seed
        self.on_step = on_step
        self.names = list(model.objectives)
        self.state = RunState()
        self.optimizer = make_optimizer(model, config)
        if config.compile:
            model.backbone.compile_encoder()
        self._losses = accelerator.prepare_model(_Losses(model))
        # Step, learning rate, and sums.
        self._unseen: list[tuple[int, float, Tensor]] = []
        self._busy = self._waited = 0.0
        self._tokens_before = 0

    def fit(
        self,
        stream: Callable[[Position], Iterator[TextBatch]],
        links: Callable[[int, TextBatch], LinkBatch | None],
        *,
        validate: Callable[[], float] | None = None,
        resume: bool = False,
    ) -> Fitted:
        """Train to the last step, to the end of patience, or until told to stop.

        Args:
            stream: batches of this process from a position on, without end.
            links: the triples of a batch, by its number and its text; None where no objective asks for them.
            validate: the validation loss of the model as it is; called in the first process only.
            resume: go on from the last checkpoint in the folder of the run, if there is one.

        Raises:
            StoppedError: a signal came; the state is saved.
            MateriaError: a checkpoint does not fit, a loss is no number, or a batch cannot be made.
            DiskFullError: no space for a checkpoint or the trace. The last checkpoint is as it was in any case.
        """
        checkpoint = last_checkpoint(self.run) if resume else None
        if checkpoint is not None:
            self.state = load_checkpoint(checkpoint, self.model, self.optimizer, self.made_from)
        self._tokens_before = self.state.tokens
        first = self.accelerator.is_main_process
        trace = Trace(self.run / _TRACE, self.names, self.state.trace_bytes) if first else None
        events = EventLog(self.run / "tensorboard", self.state.step) if first and self.config.tensorboard else None
        source = stream(self.state.position)
        # The first window is read before any step can begin: that is no waiting of a step.
        batches = chain([next(source)], source) if self.state.step < self.config.steps else source
        stopping, out_of_patience = False, self._out_of_patience()
        try:
            with StopSignal() as signal:
                while self.state.step < self.config.steps and not stopping and not out_of_patience:
                    self._step(batches, links)
                    step = self.state.step
                    looks = self._due(self.config.evaluate_every) and validate is not None
                    saves = self._due(self.config.checkpoint_every) or step == self.config.steps
                    if self._sees_each_step() or looks or saves or self._due(self.config.log_every):
                        loss = self._look(validate) if looks else None
                        stopping = self._settle(signal, trace, events, loss)
                        out_of_patience = self._out_of_patience()
                        if saves or stopping or out_of_patience:
                            self._save(trace)
        finally:
            if hasattr(source, "close"):
                source.close()
            for log in (trace, events):
                if log is not None:
                    log.close()
        if self.state.step < self.config.steps and not out_of_patience:
            raise StoppedError(
                f"was told to stop and did, after step {self.state.step} of {self.config.steps}; all of it is saved",
                file=str(self.run),
                remedy="Go on with --resume (a build goes on by itself)",
            )
        if self.config.patience and self.state.best_loss is not None:
            load_weights(self.run / _BEST, self.model)
        speed, waiting = self._speed()
        return Fitted(self.state, self.run / _TRACE, out_of_patience, speed, waiting)

    def _step(self, batches: Iterator[TextBatch], links: Callable[[int, TextBatch], LinkBatch | None]) -> None:
        """One step of the optimizer; its losses stay on the device."""
        began = time.perf_counter()
        state, config, device = self.state, self.config, self.accelerator.device
        self.model.train()
        rate = learning_rate(config, state.step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["factor"]
        sums = StepSums(self.names, device)
        active = self.model.schedule.active(state.step, state.position.epoch)
        for part in range(config.accumulation):
            asked = time.perf_counter()
            text, number = next(batches), state.step * config.accumulation + part
            triples = links(number, text)
            self._waited += time.perf_counter() - asked
            text, triples = text.to(device), None if triples is None else triples.to(device)
            torch.manual_seed(_seed(self.seed, number, self.accelerator.process_index))
            last = part + 1 == config.accumulation
            with nullcontext() if last else self.accelerator.no_sync(self._losses):
                total, losses, examples = self._losses(text, triples, active, state.step)
                self.accelerator.backward(total / config.accumulation)
            sums.add(total, losses, examples, text, batches=config.accumulation)
            state.position = text.position
        sums.set_norm(nn.utils.clip_grad_norm_(self.model.parameters(), config.clip or torch.inf))
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        state.step += 1
        self._unseen.append((state.step, rate, sums.row))
        self._busy += time.perf_counter() - began

    def _settle(self, signal: StopSignal, trace: Trace | None, events: EventLog | None, look: float | None) -> bool:
        """Look at the steps not looked at yet: are their losses numbers, what do logs and the bar show; whether to stop."""
        began = time.perf_counter()
        table = torch.stack([row for _, _, row in self._unseen])
        wish = torch.full_like(table[:1], float(signal.wished))
        table = self.accelerator.reduce(torch.cat([table, wish]), reduction="sum").cpu()
        self._busy += time.perf_counter() - began
        for (step, rate, _), row in zip(self._unseen, table.tolist(), strict=False):
            figures = StepSums.figures(row, self.names, self.accelerator.num_processes)
            if (what := figures.not_finite()) is not None:
                before = last_checkpoint(self.run)
                kept = f"the checkpoint {before.name} is kept" if before else "there is no checkpoint before it"
                raise MateriaError(
                    f"the {what} of step {step} is no number; {kept}",
                    remedy="Lower trainer.learning_rate, raise trainer.warmup, or set trainer.clip",
                )
            self.state.tokens += figures.tokens
            self.state.rows += figures.rows
            if trace is not None:
                values = {"total": figures.total, **figures.losses}
                last = {"learning_rate": rate, "gradient_norm": figures.norm, "tokens": figures.tokens}
                trace.add({"step": step, **values, **last})
                self._show(step, values | {"learning_rate": rate, "gradient_norm": figures.norm}, events, look)
        self._unseen.clear()
        return bool(table[-1, 0] > 0)

    def _show(self, step: int, values: Mapping[str, float | None], events: EventLog | None, look: float | None) -> None:
        """Tell the progress bar, and every so many steps TensorBoard, of a step."""
        speed, waiting = self._speed()
        look = look if step == self.state.step else None
        losses = {name: loss for name in self.names if (loss := values[name]) is not None}
        self.on_step(StepReport(step, self.config.steps, losses, speed, waiting, look))
        if events is not None and (step % self.config.log_every == 0 or look is not None):
            shown = {name if name in _NO_LOSS else f"loss/{name}": value for name, value in values.items()}
            shown |= {"speed/tokens_per_second": speed, "speed/waiting_for_data": waiting, "validation/loss": look}
            events.add(step, {name: value for name, value in shown.items() if value is not None})

    def _look(self, validate: Callable[[], float] | None) -> float:
        """The validation loss, the same in every process; the best weights so far are kept."""
        loss = torch.zeros(1, dtype=torch.float64, device=self.accelerator.device)
        if self.accelerator.is_main_process and validate is not None:
            self.model.eval()
            loss += validate()
        from accelerate.utils import broadcast

        value = float(broadcast(loss)) if self.accelerator.num_processes > 1 else float(loss)
        better = self.state.note_look(value, self.config.minimum_gain)
        if better and self.config.patience and self.accelerator.is_main_process:
            save_weights(self.run / _BEST, self.model)
        return value

    def _out_of_patience(self) -> bool:
        return bool(self.config.patience) and self.state.looks_since_best() >= self.config.patience

    def _save(self, trace: Trace | None) -> None:
        if trace is not None:
            self.state.trace_bytes = trace.length()
            save_checkpoint(
                self.run, self.state, self.model, self.optimizer, self.made_from, keep=self.config.keep_checkpoints
            )
        self.accelerator.wait_for_everyone()

    def _due(self, every: int) -> bool:
        return bool(every) and self.state.step % every == 0

    def _sees_each_step(self) -> bool:
        return bool(self.accelerator.device.type == "cpu")

    def _speed(self) -> tuple[float, float]:
        """Tokens a second of all processes, and the share of the time spent waiting for batches."""
        if not self._busy:
            return 0.0, 0.0
        return (self.state.tokens - self._tokens_before) / self._busy, self._waited / self._busy


def _seed(seed: int, number: int, process: int) -> int:
    """Seed of torch's generators for a batch: unlike for any other batch, process or seed."""
    return int.from_bytes(hashlib.sha256(f"dropout {seed} {number} {process}".encode()).digest()[:8], "big") >> 1
