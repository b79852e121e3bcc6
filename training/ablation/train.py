"""Train one arm with one seed, into a folder that is written whole and goes by all that went into it.

    models/ARM-seed=N-KEY/        the model, as `materia pretrain` writes it
    runs/ARM-seed=N-KEY.run/      checkpoints, trace.csv, report.json

KEY is a hash of shards, triples, names, tokenizer, settings and seed, and of nothing else: not of the other arms, nor of how
models are judged. What is there is done; what was killed goes on from its last checkpoint.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pipeline.content import folder_hash, model_folder
from pipeline.hashing import hash_json
from training.trainer.config import WITHOUT_EFFECT

if TYPE_CHECKING:
    from training.config import PretrainingConfig
    from training.sources import Sources
    from training.trainer.reports import StepReport

__all__ = ["Training", "train_arm"]

#: Settings that change no weight.
_WITHOUT_EFFECT: Final[dict[str, bool | set[str]]] = {
    "preset": True,
    "evaluation": True,
    "data": {"workers", "prefetch"},
    "trainer": {*WITHOUT_EFFECT, "log_every"},
}


@dataclass(frozen=True)
class Training:
    """An arm with a seed.

    Attributes:
        arm: its name.
        seed: of weights, order and shuffle.
        trained: else the first weights are written.
        sources: what it reads.
        settings: how it is trained.
        tokenizer: folder of the tokenizer that all arms share; None where the settings name one.
        out: folder of the ablation.
    """

    arm: str
    seed: int
    trained: bool
    sources: Sources
    settings: PretrainingConfig
    tokenizer: Path | None
    out: Path

    def name(self) -> str:
        """The name of its folder."""
        from training.manifest import CODE_VERSION

        # Defaults are left out, so that a later version with one more setting trains nothing again; where a default changes,
        # CODE_VERSION does.
        settings = self.settings.model_dump(mode="json", exclude=_WITHOUT_EFFECT, exclude_defaults=True)
        if not self.trained:
            settings.pop("trainer", None)
        tokenizer = folder_hash(self.tokenizer) if self.tokenizer else None
        key = hash_json([CODE_VERSION, self.trained, self.sources.hashes(self.settings), tokenizer, settings])
        return f"{self.arm}-seed={self.seed}-{key[:16]}"

    @property
    def model(self) -> Path:
        """The folder of the model."""
        return self.out / "models" / self.name()

    @property
    def run(self) -> Path:
        """The folder of its checkpoints and its report."""
        return self.out / "runs" / f"{self.name()}.run"

    def is_done(self) -> bool:
        """Whether the model is there, with its report."""
        return self.model.exists() and (self.run / "report.json").exists()

    def share_tokenizer(self) -> None:
        """Put the shared tokenizer where `pretrain` looks for the one of its run."""
        shared = self.run / "tokenizer"
        if self.tokenizer is not None and not shared.exists():
            staged = self.run / ".staged-tokenizer"
            shutil.rmtree(staged, ignore_errors=True)
            shutil.copytree(self.tokenizer, staged)
            staged.rename(shared)

    def report(self) -> dict[str, Any]:
        """What `pretrain` said of it; of an untrained one no steps and no tokens."""
        return dict(json.loads((self.run / "report.json").read_text(encoding="utf-8")))


def train_arm(training: Training, on_step: Callable[[StepReport], None] = lambda _: None) -> None:
    """Make the model of an arm where it is missing.

    Raises:
        StoppedError: a signal came; the state is saved.
        MateriaError: as `pretrain` does.
    """
    if training.is_done():
        return
    if not training.trained:
        _write_untrained(training)
        return
    from training.pretrain import pretrain

    training.share_tokenizer()
    pretrain(training.sources, training.settings, out=training.model, run=training.run, resume=True, on_step=on_step)


def _write_untrained(training: Training) -> None:
    """The model with its first weights, as `pretrain` would begin with it."""
    import torch

    from kg.embeddings.determinism import deterministic
    from kg.staging import staging
    from pipeline.files import write_atomically
    from training.data.tokenizers import load_tokenizer
    from training.manifest import make_manifest, write_record
    from training.model import make_model, save_model

    settings = training.settings.model_copy(update={"backbone": training.settings.backbone.resolved()})
    named = settings.tokenizer.pretrained or settings.backbone.pretrained
    folder = training.tokenizer or model_folder(str(named))
    with deterministic(settings.seed, settings.trainer.threads):
        tokenizer = load_tokenizer(str(folder))
        torch.manual_seed(settings.seed)
        model = make_model(settings, tokenizer, classes=["no relation"])
        with staging(training.model) as staged:
            staged.mkdir()
            save_model(model, tokenizer, staged)
            write_record(staged, make_manifest(training.sources, settings, model))
            shutil.rmtree(training.model, ignore_errors=True)
            staged.rename(training.model)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    report = {"steps": 0, "rows": 0, "tokens": 0, "parameters": parameters}
    write_atomically(training.run / "report.json", json.dumps(report, indent=1) + "\n")
