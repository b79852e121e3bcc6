"""Fine-tune an encoder for a task: read the examples, split them by document, train, judge, write."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from training.finetuning.config import FinetuningConfig
    from training.finetuning.folder import Finetuned

__all__ = ["finetune", "train"]


def finetune(
    config: FinetuningConfig,
    *,
    model: Path,
    out: Path | None,
    graph: Mapping[str, Path] | None = None,
    on_step: Callable[[int, int], None] = lambda step, steps: None,
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Fine-tune an encoder, and write the model with its record and card.

    Args:
        config: see `FinetuningConfig`.
        model: folder of the encoder: one that `materia pretrain` wrote, or any Hugging Face one with its tokenizer.
        out: folder to write, replaced as a whole; None: the figures only.
        graph: with `config.graph`: folders of what its settings may name in place of a path.
        on_step: told of each optimizer step: its number, and how many there are at most.
        progress: told what is being done.

    Returns:
        task, labels, examples (train, validation, test: examples, documents), set_aside (reason: number), epochs, steps,
        validation and test (figures).

    Raises:
        MateriaError: the settings make no sense together, or the files hold nothing to learn.
    """
    raise NotImplementedError


def train(
    config: FinetuningConfig,
    parts: Any,
    *,
    model: Path,
    graph: Mapping[str, Path] | None = None,
    on_step: Callable[[int, int], None] = lambda step, steps: None,
) -> Finetuned[Any]:
    """The trained model, in memory: what an ablation or folds need of `finetune`."""
    raise NotImplementedError
