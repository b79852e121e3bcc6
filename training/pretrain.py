"""Pretrain a language model on text and graph together: one encoder, one weighted sum of losses, one step for all.

Each step draws passages and triples; the sequences go through the encoder once for three objectives, the names of the
triples' entities once for link prediction. AdamW (Loshchilov and Hutter, ICLR 2019) with a linear warm-up and decay.

Cost: with the defaults about 0.1 s a step on two cores. Rejected: the transformers Trainer, which takes one loss from
one model output and one data set, and would be bent twice to take four losses from two streams.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import torch

from kg.embeddings.determinism import deterministic
from kg.embeddings.encode import EncodedTriples, encode_triples
from pipeline.errors import MateriaError
from pipeline.hashing import hash_json
from training.data.batches import NO_RELATION, TextBatch, make_text_batch
from training.data.encoding import encode_passages
from training.evaluate import evaluate_links, evaluate_text
from training.data.links import LinkSampler
from training.loss_log import LossLog
from training.model import PretrainingModel, make_backbone, save_model
from training.objectives import OBJECTIVES, HeadSpec
from training.data.shards import Shard, predicates_of, read_passages, shuffled_passages
from training.data.tokenizers.wordpiece import train_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

    from training.config import PretrainingConfig

__all__ = ["CODE_VERSION", "pretrain"]

#: Raise it where the same inputs give another model.
CODE_VERSION = "pretrain.v1"

#: Called after each step with its number from 1, the number of steps, and the losses of that step.
OnStep = Callable[[int, int, Mapping[str, float]], None]


def pretrain(
    train_shards: Sequence[Shard],
    validation_shards: Sequence[Shard],
    triples: pa.Table,
    names: Mapping[str, str],
    config: PretrainingConfig,
    *,
    out: Path,
    on_step: OnStep | None = None,
) -> dict[str, Any]:
    """Train a tokenizer and a model, and write both with the record of what they were made from.

    Args:
        train_shards, validation_shards: passages (kg.tables.PASSAGES).
        triples: kg.tables.TRIPLES; those of the train split are learned from.
        names: name of each entity by CURIE.
        config: see `PretrainingConfig`.
        out: folder to write: the model as `AutoModel` and `AutoTokenizer` load it, heads.safetensors, heads.json,
            losses.csv, losses.png, training_config.json, materia_manifest.json.
        on_step: called after each step, for a progress bar.

    Returns:
        steps, passages, tokens, parameters, losses (mean of the first and last tenth of the steps, by objective) and
        validation (figures on the validation shards and the validation triples).

    Raises:
        MateriaError: where there is no passage, no training triple or no relation, and an objective needs one; or the
        loss
            is no number.
    """
    weights = config.weights.model_dump()
    if not any(weights.values()):
        raise MateriaError("every objective has weight 0", remedy="Give at least one objective a positive weight")
    encoded = _triples(triples, weights["link_prediction"])
    classes = _classes(train_shards, weights["relation_classification"], config.no_relation)
    read_names = [names.get(curie) or curie for curie in encoded.entities] if encoded else []
    with deterministic(config.seed, config.threads):
        tokenizer = train_tokenizer(
            lambda: _texts(train_shards, read_names),
            vocabulary=config.vocabulary,
            alphabet=config.alphabet,
            max_length=config.max_length,
        )
        relations = tuple(encoded.relations) if encoded else ()
        spec = HeadSpec(config.backbone.hidden, relations, tuple(classes), config.gamma)
        model = PretrainingModel(make_backbone(config, tokenizer), spec, weights)
        sampler = LinkSampler(encoded, names, tokenizer, config) if encoded else None
        log, counts = _fit(model, tokenizer, train_shards, sampler, config, on_step=on_step)
        model.eval()
        validation = evaluate_text(model, tokenizer, validation_shards, config)
        if encoded is not None:
            validation |= evaluate_links(model, tokenizer, encoded, names, config, split="validation")
    save_model(model, tokenizer, out)
    log.write_csv(out / "losses.csv", config.log_every)
    log.write_plot(out / "losses.png", config.log_every)
    _write_record(out, train_shards, validation_shards, triples, config, spec=spec)
    parameters = sum(p.numel() for p in model.parameters())
    return {**counts, "steps": config.steps, "parameters": parameters, "losses": log.ends(), "validation": validation}


def _fit(
    model: PretrainingModel,
    tokenizer: PreTrainedTokenizerFast,
    shards: Sequence[Shard],
    sampler: LinkSampler | None,
    config: PretrainingConfig,
    *,
    on_step: OnStep | None,
) -> tuple[LossLog, dict[str, int]]:
    """The training loop; the model is changed in place."""
    optimizer = torch.optim.AdamW(_groups(model, config.weight_decay), lr=config.learning_rate)
    rise = max(1, round(config.warmup * config.steps))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / rise, max(0.0, (config.steps - step) / max(1, config.steps - rise)))
    )
    log = LossLog(list(model.objectives))
    counts = {"passages": 0, "tokens": 0}
    model.train()
    batches = _text_batches(model.spec, tokenizer, shards, config)
    for step, text in enumerate(islice(batches, config.steps)):
        outcomes = model.outcomes(text, sampler.batch(step) if sampler else None)
        total = model.total(outcomes)
        if not torch.isfinite(total):
            raise MateriaError(
                f"the loss of step {step + 1} is no number", remedy="Lower learning_rate or raise warmup"
            )
        optimizer.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), config.clip)
        rate = schedule.get_last_lr()[0]
        optimizer.step()
        schedule.step()
        losses = {name: o.loss.item() if o.examples else None for name, o in outcomes.items()}
        log.add(step + 1, losses, total.item(), float(rate), norm.item())
        counts["passages"] += len(text.input_ids)
        counts["tokens"] += text.tokens
        if on_step is not None:
            on_step(step + 1, config.steps, {name: loss for name, loss in losses.items() if loss is not None})
    return log, counts


def _text_batches(
    spec: HeadSpec, tokenizer: PreTrainedTokenizerFast, shards: Sequence[Shard], config: PretrainingConfig
) -> Iterator[TextBatch]:
    """Batches without end. Passages without a token are passed over."""
    classes = {name: i for i, name in enumerate(spec.classes) if i != NO_RELATION}
    passages = (p for p in shuffled_passages(shards, seed=config.seed, buffer=config.shuffle) if p["text"].strip())
    step = 0
    while True:
        drawn = list(islice(passages, config.batch))
        encoded = encode_passages(drawn, tokenizer, classes, whole_entities=config.whole_entities)
        yield make_text_batch(encoded, tokenizer, config, step=step)
        step += 1


def _triples(triples: pa.Table, weight: float) -> EncodedTriples | None:
    if not weight:
        return None
    try:
        return encode_triples(triples)
    except MateriaError as error:
        raise MateriaError(
            error.problem, remedy=f"{error.remedy}, or set weights.link_prediction to 0 to train without the graph"
        ) from error


def _classes(shards: Sequence[Shard], weight: float, no_relation: float) -> list[str]:
    """The class of pairs without a relation, then the predicates of the train shards."""
    predicates = predicates_of(shards)
    if weight and (not predicates or (len(predicates) == 1 and not no_relation)):
        found = "no relation" if not predicates else f"only the relation {predicates[0]}, and no_relation is 0"
        raise MateriaError(
            f"the train passages state {found}, so there is nothing to classify",
            remedy="Add literature that makes claims, or set weights.relation_classification to 0",
        )
    return ["no relation", *predicates]


def _texts(shards: Sequence[Shard], names: Sequence[str]) -> Iterator[str]:
    """What the tokenizer is trained on: the passages, and the names that link prediction reads."""
    for batch in read_passages(shards, ("text",)):
        yield from batch.column("text").to_pylist()
    yield from names


def _groups(model: torch.nn.Module, decay: float) -> list[dict[str, Any]]:
    """Matrices decay; biases, normalisation and single vectors do not."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]


def _write_record(
    out: Path,
    train: Sequence[Shard],
    validation: Sequence[Shard],
    triples: pa.Table,
    config: PretrainingConfig,
    *,
    spec: HeadSpec,
) -> None:
    """training_config.json, and materia_manifest.json: what was read, by name and hash, and with which code."""
    shards = [
        {"name": shard.name, "sha256": shard.sha256, "split": split}
        for split, part in (("train", train), ("validation", validation))
        for shard in sorted(part, key=lambda s: s.name)
    ]
    values = config.model_dump()
    manifest = {
        "schema": "materia.model.v1",
        "code_version": CODE_VERSION,
        "objectives": sorted(OBJECTIVES[name].name for name, weight in values["weights"].items() if weight),
        "shards": shards,
        "triples": {"rows": triples.num_rows, "sha256": _table_hash(triples)},
        "relations": list(spec.relations),
        "classes": list(spec.classes),
        "config": values,
        "config_sha256": hash_json(values),
        "versions": {name: version(name) for name in ("tokenizers", "torch", "transformers")},
    }
    for name, content in (("training_config.json", values), ("materia_manifest.json", manifest)):
        text = json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        (out / name).write_text(text, encoding="utf-8")


def _table_hash(triples: pa.Table) -> str:
    """SHA-256 over subject, predicate, object and split of the rows in their order."""
    digest = hashlib.sha256()
    columns = [c for c in ("subject", "predicate", "object", "split") if c in triples.column_names]
    for batch in triples.select(columns).to_batches(max_chunksize=10_000):
        for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            digest.update(("\x1f".join(map(str, row)) + "\n").encode())
    return digest.hexdigest()
