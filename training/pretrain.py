"""Pretrain a language model on text and graph together: one backbone, one loss, one step for all objectives.

Here the parts are put together: tokenizer, backbone, objectives, stream, triples; the loop is in `training.trainer`.

    RUN/tokenizer/, RUN/step-.../   what a stopped run goes on from; gone when the model is written
    RUN/trace.csv, tensorboard/     losses step by step; event files
    RUN/report.json                 what `pretrain` returned
    OUT/                            the model

Rejected: the transformers Trainer, which takes one loss from one model output and one data set, and would be bent twice to
take four losses from two streams; and whose resume reads an epoch again to find its place.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from kg.embeddings.determinism import deterministic
from kg.embeddings.encode import EncodedTriples, encode_triples
from kg.staging import staging
from pipeline.content import model_folder
from pipeline.errors import MateriaError, saying_disk_full
from pipeline.storage import write_atomically
from training.combination import check_combination
from training.corpus_tokenizer import train_corpus_tokenizer
from training.data.builder import RowBuilder
from training.data.graph import GraphIndex
from training.data.links import LinkSampler
from training.data.loader import TextLoader
from training.data.names import EncodedNames
from training.data.shards import predicates_of
from training.data.tokenizers import load_tokenizer
from training.evaluation.objectives import evaluate_links, evaluate_text
from training.manifest import CODE_VERSION, make_manifest, write_record
from training.model import PretrainingModel, make_model, save_model
from training.model_card import model_card
from training.objectives.config import GRAPH_OBJECTIVES, LINK_OBJECTIVES
from training.sources import Sources
from training.trainer.loop import Trainer
from training.trainer.machine import make_accelerator
from training.trainer.reports import Fitted, StepReport
from training.trainer.run_folder import remove_checkpoints, run_folder
from training.trainer.trace import ends, write_plot, write_windows

if TYPE_CHECKING:
    from accelerate import Accelerator
    from transformers import PreTrainedTokenizerFast

    from training.config import PretrainingConfig

__all__ = ["pretrain"]

Progress = Callable[[str], None]


def pretrain(
    sources: Sources,
    config: PretrainingConfig,
    *,
    out: Path,
    run: Path,
    resume: bool = False,
    on_step: Callable[[StepReport], None] = lambda _: None,
    progress: Progress = lambda _: None,
) -> dict[str, Any]:
    """Train a tokenizer and a model, and write both with the record of what they were made from.

    In several processes each calls this; the first one evaluates and writes, and has the report.

    Args:
        sources: shards, triples, names.
        config: see `PretrainingConfig`.
        out: folder to write, replaced as a whole: the model as `AutoModel` and `AutoTokenizer` load it, heads, losses.csv,
            losses.png, README.md (the model card), training_config.json, materia_manifest.json.
        run: folder of checkpoints, trace and event files.
        resume: go on from the last checkpoint in `run`, where there is one.
        on_step: told of each step, for a progress bar.
        progress: told what is being done beside the steps.

    Returns:
        steps, epochs, rows, tokens, parameters, losses (mean of the first and last tenth of the steps, by objective), validation
        (figures on the validation shards and triples), looks (step, validation loss), stopped_early; and tokens_per_second
        and waiting, which are of this machine and enter no record. Empty in all processes but the first.

    Raises:
        StoppedError: a signal came; the state is saved in `run`.
        MateriaError: the settings make no sense together or with the sources, a checkpoint is in the way or of another
            configuration, or the loss is no number.
        DiskFullError: there is no space; the last checkpoint is as it was.
    """
    config = config.model_copy(update={"backbone": config.backbone.resolved()})
    weights = check_combination(config)
    judged = bool(sources.validation) and not set(weights) <= set(LINK_OBJECTIVES)
    if config.trainer.patience and not judged:
        why = "every objective is over triples" if sources.validation else "there is no shard of the validation split"
        raise MateriaError(
            f"trainer.patience waits for the loss on held-out passages, and {why}", remedy="Set trainer.patience to 0"
        )
    accelerator = make_accelerator(config.trainer)
    with ExitStack() as stack:
        if accelerator.is_main_process:
            stack.enter_context(run_folder(run, resume=resume))
        stack.enter_context(saying_disk_full(str(run)))
        stack.enter_context(deterministic(config.seed, config.trainer.threads))
        triples = _triples(sources, weights)
        tokenizer = _tokenizer(sources, triples, config, run=run, accelerator=accelerator, progress=progress)
        progress("making the model")
        classes = ["no relation", *predicates_of(sources.train)]
        graph = GraphIndex(triples) if triples is not None else None
        builder = RowBuilder(
            tokenizer,
            config.data,
            language=config.backbone.language,
            classes=classes[1:],
            graph=graph,
            has_next="next_sentence" in weights,
        )
        ranks = {"rank": accelerator.process_index, "ranks": accelerator.num_processes}
        loader = TextLoader(sources.train, builder, seed=config.seed, **ranks)
        torch.manual_seed(config.seed)
        model = make_model(
            sources.placed(config), tokenizer, triples=triples, classes=classes, passages=loader.order.passages
        )
        sampler = _sampler(model, sources, graph, tokenizer=tokenizer, config=config, ranks=ranks)
        trainer = Trainer(
            model,
            config.trainer,
            accelerator,
            run=run,
            made_from={
                "config": config.model_dump(mode="json", exclude={"preset", "evaluation"}),
                "inputs": sources.hashes(config),
                "code_version": CODE_VERSION,
            },
            seed=config.seed,
            on_step=on_step,
        )

        def validate() -> float:
            """The losses on the validation shards, weighed as the configuration does."""
            figures = evaluate_text(model, tokenizer, sources.validation, config)
            return sum(weights[name] * values["loss"] for name, values in figures.items())

        fitted = trainer.fit(
            loader.batches,
            (lambda number, text: sampler.batch(number, text.mention_entities.numpy())) if sampler else lambda *_: None,
            validate=validate if judged else None,
            resume=resume,
        )
        if not accelerator.is_main_process:
            return {}
        progress("evaluating")
        model.to("cpu").eval()
        validation = evaluate_text(model, tokenizer, sources.validation, config)
        if triples is not None:
            validation |= evaluate_links(model, tokenizer, triples, sources.names, config, split="validation")
        report = _report(fitted, model, validation)
        progress("writing")
        with staging(out) as staged:
            _write(staged, fitted, model, tokenizer=tokenizer, sources=sources, config=config, report=report)
            shutil.rmtree(out, ignore_errors=True)
            staged.rename(out)
        write_atomically(run / "report.json", json.dumps(report, indent=1) + "\n")
        remove_checkpoints(run)
    return report


def _triples(sources: Sources, weights: dict[str, float]) -> EncodedTriples | None:
    """The numbered triples, where an objective knows the graph and there are any to learn from."""
    train = "train" in set(sources.triples["split"].to_pylist())
    return encode_triples(sources.triples) if train and any(name in weights for name in GRAPH_OBJECTIVES) else None


def _tokenizer(
    sources: Sources,
    triples: EncodedTriples | None,
    config: PretrainingConfig,
    *,
    run: Path,
    accelerator: Accelerator,
    progress: Progress,
) -> PreTrainedTokenizerFast:
    """The tokenizer that settings name, else the backbone's own, else one trained on the corpus, once a run."""
    named = config.tokenizer.pretrained or config.backbone.pretrained
    if named:
        return load_tokenizer(str(model_folder(named)))
    folder = run / "tokenizer"
    if accelerator.is_main_process and not folder.exists():
        progress("training the tokenizer")
        entities = triples.entities if triples is not None else []
        train_corpus_tokenizer(sources, entities, config, folder=folder)
    accelerator.wait_for_everyone()
    return load_tokenizer(str(folder))


def _sampler(
    model: PretrainingModel,
    sources: Sources,
    graph: GraphIndex | None,
    *,
    tokenizer: PreTrainedTokenizerFast,
    config: PretrainingConfig,
    ranks: dict[str, int],
) -> LinkSampler | None:
    """Triples for each step, where an objective asks for them."""
    if graph is None or not any(name in model.objectives for name in LINK_OBJECTIVES):
        return None
    names = None
    if any(model.objective(name).reads_names for name in model.objectives):
        texts = [sources.names.get(curie) or curie for curie in graph.triples.entities]
        names = EncodedNames(texts, tokenizer, language=config.backbone.language, length=config.data.name_length)
    return LinkSampler(graph, config.data, seed=config.seed, names=names, **ranks)


def _report(fitted: Fitted, model: PretrainingModel, validation: dict[str, dict[str, float]]) -> dict[str, Any]:
    state = fitted.state
    return {
        "steps": state.step,
        "epochs": state.position.epoch,
        "rows": state.rows,
        "tokens": state.tokens,
        "parameters": sum(p.numel() for p in model.parameters()),
        "losses": ends(fitted.trace),
        "validation": validation,
        "looks": [list(look) for look in state.looks],
        "stopped_early": fitted.stopped_early,
        "tokens_per_second": round(fitted.tokens_per_second, 1),
        "waiting": round(fitted.waiting, 4),
    }


def _write(
    out: Path,
    fitted: Fitted,
    model: PretrainingModel,
    *,
    tokenizer: PreTrainedTokenizerFast,
    sources: Sources,
    config: PretrainingConfig,
    report: dict[str, Any],
) -> None:
    """The model's folder."""
    out.mkdir(parents=True, exist_ok=True)
    save_model(model, tokenizer, out)
    every = config.trainer.log_every
    write_windows(fitted.trace, out / "losses.csv", every)
    write_plot(fitted.trace, out / "losses.png", every, fitted.state.looks)
    manifest = make_manifest(sources, config, model)
    write_record(out, manifest)
    card = model_card(manifest, report, sources.licences)
    (out / "README.md").write_text(card, encoding="utf-8")
