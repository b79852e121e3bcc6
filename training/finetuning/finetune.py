"""Fine-tune an encoder for a task: read the examples, split them by document, train, judge, write.

    OUT/   the model as `AutoModelFor...` loads it, its tokenizer, materia_task.json (what it was made from, figures), README.md

Rejected: bootstrap intervals in here. The figures of a training and how sure they are (`training.statistics`) are two things.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kg.staging import staging
from pipeline.content import folder_hash, model_folder
from pipeline.errors import MateriaError, saying_disk_full
from pipeline.storage import file_sha256
from training.data.tokenizers import load_tokenizer
from training.finetuning.adapters import add_adapters, merge_adapters
from training.finetuning.card import task_card
from training.finetuning.examples import Parts, learn_task, read_parts
from training.finetuning.fit import Fitted, OnStep, fit, reproducible
from training.finetuning.folder import Finetuned, save_finetuned
from training.finetuning.fusion.coverage import coverage
from training.finetuning.wide import check_wide, fit_wide
from training.library_versions import library_versions
from training.tasks.table import TASKS

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

    from training.finetuning.config import FinetuningConfig
    from training.finetuning.fusion.fusion import GraphFusion
    from training.finetuning.fusion.sources import GraphSources

__all__ = ["CODE_VERSION", "finetune", "train"]

#: Raise it where the same inputs give another model.
CODE_VERSION = "finetune.v1"


def finetune(
    config: FinetuningConfig,
    *,
    model: Path,
    out: Path | None,
    graph: GraphSources | None = None,
    on_step: OnStep = lambda step, steps: None,
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Fine-tune an encoder, and write the model with its record and card.

    Args:
        config: see `FinetuningConfig`.
        model: folder of the encoder: one that `materia pretrain` wrote, or any Hugging Face one with its tokenizer.
        out: folder to write, replaced as a whole; None: the figures only.
        graph: what `config.graph` is made from.
        on_step: told of each optimizer step: its number, and how many there are at most.
        progress: told what is being done.

    Returns:
        task, labels, examples (examples and documents of train, validation, test), set_aside and unlearned (numbers by
        reason), set_aside_rows (the first of each reason), what `Fitted` has, metric (its name), validation and test
        (figures), with a linear model the test figures of it alone (wide), and with graph vectors how much of the training examples
        they reach (graph).

    Raises:
        MateriaError: the settings make no sense together, or with the encoder; or the files hold nothing to learn, or mistakes.
    """
    progress("reading")
    parts = read_parts(TASKS[config.task], config.data)
    if out is not None:
        with staging(out):  # a place that cannot be written to is refused before the training
            pass
    finetuned, fitted = train(config, parts, model=model, graph=graph, on_step=on_step, progress=progress)
    progress("judging")
    with reproducible(config):
        judged = {"validation": finetuned.figures(parts.validation), "test": finetuned.figures(parts.test)}
    report: dict[str, Any] = {
        "task": finetuned.task.name,
        "labels": list(finetuned.task.labels),
        "examples": parts.counts(),
        "set_aside": parts.aside(),
        "set_aside_rows": parts.aside_rows(),
        "unlearned": finetuned.task.unlearned(parts.train, finetuned.tokenizer),
        **asdict(fitted),
        "metric": finetuned.task.metric,
        **judged,
    }
    if finetuned.wide is not None:
        report["wide"] = _of_wide(finetuned, parts.test)
    if finetuned.fusion is not None:
        report["graph"] = coverage(finetuned.features(parts.train))
    if out is not None:
        progress("writing")
        record = {
            "code_version": CODE_VERSION,
            "settings": config.model_dump(mode="json"),
            "encoder": {"name": model.name, "sha256": folder_hash(model_folder(str(model)))},
            "data": {
                name: [{"name": Path(file).name, "sha256": _hash(Path(file))} for file in files]
                for name in ("train", "validation", "test")
                if (files := getattr(config.data, name))
            },
            "examples": report["examples"],
            "set_aside": report["set_aside"],
            "unlearned": report["unlearned"],
            "training": asdict(fitted),
            "metric": report["metric"],
            "metrics": judged | ({"wide alone, test": report["wide"]} if "wide" in report else {}),
            "versions": library_versions(),
        }
        with saying_disk_full(str(out)), staging(out) as staged:
            save_finetuned(finetuned, staged, record, task_card(finetuned, record))
            if out.exists():
                out.rename(staged.with_name("before"))  # goes away with the place it is moved to
            staged.rename(out)
    return report


def train(
    config: FinetuningConfig,
    parts: Parts[Any],
    *,
    model: Path,
    graph: GraphSources | None = None,
    on_step: OnStep = lambda step, steps: None,
    progress: Callable[[str], None] = lambda _: None,
) -> tuple[Finetuned[Any], Fitted]:
    """A trained model in memory, and how its training went; arguments as `finetune` has them."""
    task = learn_task(TASKS[config.task], parts)
    if config.wide:
        check_wide(task, parts)
    progress("making the model")
    folder = model_folder(str(model))
    tokenizer = load_tokenizer(str(folder))
    with reproducible(config):
        made = task.make_model(folder, tokenizer)
        _let_pad(made, tokenizer, str(model))
        _check_length(made, tokenizer, config, str(model))
        tuner = add_adapters(made, config.adapters) if config.adapters is not None else None
        fusion = _fuse(made, config, graph)
        finetuned = Finetuned(task, made, tokenizer, config.max_length, fusion)
        rows, watched = finetuned.features(parts.train), finetuned.features(parts.validation)
        finetuned.features(parts.test)  # rows that it refuses are refused before hours of training, not after

        def validate() -> float:
            return task.outcomes(parts.validation, finetuned.predict_features(parts.validation, watched)).value()

        progress("training")
        fitted = fit(finetuned, rows, config, validate=validate if watched else None, on_step=on_step)
        if tuner is not None:
            merge_adapters(tuner)
        if config.wide:
            deep = finetuned.logits(parts.validation, watched)
            finetuned = replace(finetuned, wide=fit_wide(task, parts.train, parts.validation, deep))
        if watched:
            task.calibrate(parts.validation, watched, finetuned.logits(parts.validation, watched))
    return finetuned, fitted


def _fuse(model: Any, config: FinetuningConfig, graph: GraphSources | None) -> GraphFusion | None:
    """Graph vectors in a model, where settings ask for them."""
    if config.graph is None:
        return None
    from training.finetuning.fusion.fusion import make_fusion
    from training.finetuning.fusion.sources import GraphSources

    hidden = model.get_input_embeddings().embedding_dim
    fusion = make_fusion(config.graph, graph or GraphSources(), hidden=hidden, seed=config.seed)
    fusion.attach(model)
    return fusion


def _of_wide(finetuned: Finetuned[Any], examples: Sequence[Any]) -> dict[str, float]:
    """Figures of the linear model without the encoder."""
    if not examples:
        return {}
    features, scores = finetuned.features(examples), list(finetuned.wide_scores(examples))
    return finetuned.task.figures(examples, finetuned.task.predict(examples, features, scores))


def _let_pad(model: Any, tokenizer: PreTrainedTokenizerFast, name: str) -> None:
    """Padding for models that were pretrained without any (GPT-2): the token that ends a text, which is masked."""
    if tokenizer.pad_token_id is None:
        if tokenizer.eos_token is None:
            problem = "its tokenizer has neither a token for padding nor one that ends a text"
            raise MateriaError(problem, file=name, remedy="Use the tokenizer the model was trained with")
        tokenizer.pad_token = tokenizer.eos_token
    if model.config.pad_token_id is None:
        model.config.pad_token_id = tokenizer.pad_token_id


def _hash(path: Path) -> str:
    """SHA-256 of a file, or of what a folder holds."""
    return folder_hash(path) if path.is_dir() else file_sha256(path)


def _check_length(model: Any, tokenizer: PreTrainedTokenizerFast, config: FinetuningConfig, name: str) -> None:
    """Refuse rows longer than the encoder has positions for, and a tokenizer with more tokens than it has vectors for."""
    longest = getattr(model.config, "max_position_embeddings", 0) or 0  # below 1 where distances are computed
    if model.config.model_type in ("roberta", "xlm-roberta", "camembert"):
        longest -= 2  # their positions begin after that of padding
    if longest > 0 and config.max_length > longest:
        raise MateriaError(
            f"has positions for {longest} tokens, and max_length is {config.max_length}",
            file=name,
            remedy=f"Set max_length to at most {longest}",
        )
    room = model.get_input_embeddings().weight.shape[0]
    if len(tokenizer) > room:
        raise MateriaError(
            f"the tokenizer has {len(tokenizer)} tokens and the model vectors for {room}",
            file=name,
            remedy="Use the tokenizer the model was trained with",
        )
