"""Figures of a pretrained model on held-out passages and triples, one set for each objective.

Masking and pairing are drawn from the seed as in training, so the figures of two models are over the same questions.
Link prediction ranks all entities in the filtered setting: by what the encoder makes of their names, each read once, or by
their vectors in the table.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from kg.embeddings.determinism import deterministic
from kg.embeddings.encode import EncodedTriples, encode_triples
from kg.embeddings.ranking import ScoreAll, filtered_ranks, rank_metrics
from training.config import PretrainingConfig
from training.data.builder import RowBuilder
from training.data.loader import held_out_batches
from training.data.names import EncodedNames
from training.data.shards import Shard
from training.model import PretrainingModel, load_model
from training.objectives.config import LANGUAGE_OBJECTIVES, LINK_OBJECTIVES
from training.objectives.link_prediction import LinkPrediction
from training.objectives.link_prediction_table import LinkPredictionTable

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

__all__ = ["evaluate", "evaluate_links", "evaluate_text", "macro_f1"]

_NAMES_AT_ONCE = 256


def evaluate(
    folder: Path,
    shards: Mapping[str, Sequence[Shard]],
    triples: pa.Table,
    names: Mapping[str, str],
    config: PretrainingConfig,
    *,
    embeddings: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """Held-out figures of the model in a folder.

    Args:
        folder: as `pretrain` wrote it.
        shards: passages by split: validation and test.
        triples: kg.tables.TRIPLES.
        names: name of each entity by CURIE.
        config: what the model was trained with.
        embeddings: figures of graph embeddings, passed through under the key `embeddings`.

    Returns:
        For each split and objective: examples; loss and accuracy of objectives over text, for those of language also
        perplexity, for relation_classification also macro_f1; for link prediction mrr, hits@1, hits@3, hits@10 and candidates.
        What a split has no example of is absent.

    Raises:
        MateriaError: where the folder holds no model.
    """
    model, tokenizer = load_model(folder)
    model.eval()
    has_links = any(name in model.objectives for name in LINK_OBJECTIVES)
    encoded = encode_triples(triples) if has_links else None
    figures: dict[str, Any] = {}
    with deterministic(config.seed, config.trainer.threads):
        for split, part in shards.items():
            figures[split] = evaluate_text(model, tokenizer, part, config)
            if encoded is not None and split in ("validation", "test"):
                figures[split] |= evaluate_links(model, tokenizer, encoded, names, config, split=split)
    if embeddings is not None:
        figures["embeddings"] = {name: dict(values) for name, values in embeddings.items()}
    return figures


@torch.no_grad()
def evaluate_text(
    model: PretrainingModel, tokenizer: PreTrainedTokenizerFast, shards: Sequence[Shard], config: PretrainingConfig
) -> dict[str, dict[str, float]]:
    """Figures of the objectives over text, on the first `config.evaluation.passages` passages of the shards."""
    active = [name for name in model.objectives if not model.objective(name).uses_graph]
    if not shards or not active:
        return {}
    builder = RowBuilder(
        tokenizer,
        config.data,
        language=model.backbone.language,
        classes=model.spec.classes[1:],
        has_next="next_sentence" in model.objectives,
    )
    device = next(model.parameters()).device
    gathered: dict[str, list[_Read]] = {}
    for text in held_out_batches(shards, builder, seed=config.seed, passages=config.evaluation.passages):
        for name, outcome in model.outcomes(text.to(device), None, active).items():
            if outcome.examples:
                predictions, labels = outcome.predictions.cpu().numpy(), outcome.labels.cpu().numpy()
                gathered.setdefault(name, []).append(_Read(outcome.loss.item(), predictions, labels))
    return {name: _figures(name, read, len(model.spec.classes)) for name, read in gathered.items()}


class _Read(NamedTuple):
    """What is kept of a batch: its mean loss, predictions and labels."""

    loss: float
    predictions: np.ndarray[Any, Any]
    labels: np.ndarray[Any, Any]


def _figures(name: str, read: Sequence[_Read], classes: int) -> dict[str, float]:
    predictions, labels = (np.concatenate([part[place] for part in read]) for place in (1, 2))
    examples = len(labels)
    loss = sum(part.loss * len(part.labels) for part in read) / examples
    figures: dict[str, float] = {"loss": loss, "examples": examples, "accuracy": float((predictions == labels).mean())}
    if name in LANGUAGE_OBJECTIVES.values():
        figures["perplexity"] = math.exp(min(loss, 700.0))
    if name == "relation_classification":
        figures["macro_f1"] = macro_f1(predictions, labels, classes)
    return figures


def macro_f1(predictions: np.ndarray[Any, Any], labels: np.ndarray[Any, Any], classes: int) -> float:
    """Mean F1 of the classes that occur among labels or predictions, "no relation" included.

    >>> macro_f1(np.array([0, 1, 1]), np.array([0, 1, 2]), 4)  # F1 of 1, 2/3 and 0
    0.5555555555555555
    """
    true = np.bincount(labels[predictions == labels], minlength=classes)
    total = np.bincount(labels, minlength=classes) + np.bincount(predictions, minlength=classes)
    occurs = total > 0
    return float((2 * true[occurs] / total[occurs]).mean())


@torch.no_grad()
def evaluate_links(
    model: PretrainingModel,
    tokenizer: PreTrainedTokenizerFast,
    triples: EncodedTriples,
    names: Mapping[str, str],
    config: PretrainingConfig,
    *,
    split: str,
) -> dict[str, dict[str, float]]:
    """Filtered ranks of a split's triples, by each objective of link prediction; no figures where the split has none.

    Candidates are all entities, or where they are more than `config.evaluation.entities` those of the ranked triples
    and then the first by CURIE. Validation is filtered by train and validation, test by all. A triple takes the worst rank
    whose relation the model does not know, or of whose entities the table has no vector.
    """
    ranked: np.ndarray[Any, Any] = triples.validation if split == "validation" else triples.test
    if not len(ranked):
        return {}
    own = np.unique(ranked[:, [0, 2]])
    rest = np.setdiff1d(np.arange(len(triples.entities)), own)
    candidates = np.sort(np.concatenate([own, rest[: max(0, config.evaluation.entities - len(own))]]))
    curies = [triples.entities[number] for number in candidates]
    known = [triples.train, triples.validation, *([triples.test] if split == "test" else [])]
    place = {relation: row for row, relation in enumerate(model.spec.relations)}
    numbers = torch.tensor([place.get(relation, 0) for relation in triples.relations])
    figures = {}
    for name in model.objectives:
        objective = model.objective(name)
        if isinstance(objective, LinkPredictionTable):
            vectors, seen = _vectors_of_table(objective, curies)
        elif isinstance(objective, LinkPrediction):
            texts = [names.get(curie) or curie for curie in curies]
            vectors, seen = _vectors_of_names(model, objective, texts, tokenizer, config), None
        else:
            continue
        ranks = filtered_ranks(
            _among(ranked, candidates),
            _among(np.concatenate(known), candidates),
            *_scores(objective, vectors, objective.relation.cpu()[numbers]),
            relations=len(triples.relations),
            seen_entities=seen,
            seen_relations=np.array([relation in place for relation in triples.relations]),
        )
        figures[name] = rank_metrics(ranks) | {"examples": len(ranked), "candidates": len(candidates)}
    return figures


def _scores(
    objective: LinkPrediction | LinkPredictionTable, vectors: Tensor, relations: Tensor
) -> tuple[ScoreAll, ScoreAll]:
    """Scores of all tails for (heads, relations), and of all heads for (tails, relations)."""
    scorer = objective.scorer
    return (
        lambda heads, kinds: scorer.score_tails(vectors[heads], relations[kinds], vectors),
        lambda tails, kinds: scorer.score_heads(relations[kinds], vectors[tails], vectors),
    )


def _vectors_of_names(
    model: PretrainingModel,
    objective: LinkPrediction,
    texts: Sequence[str],
    tokenizer: PreTrainedTokenizerFast,
    config: PretrainingConfig,
) -> Tensor:
    """What the encoder makes of names, (names, dim)."""
    encoded = EncodedNames(texts, tokenizer, language=model.backbone.language, length=config.data.name_length)
    device = next(model.parameters()).device
    states = []
    for start in range(0, len(texts), _NAMES_AT_ONCE):
        ids, mask = encoded.batch(np.arange(start, min(start + _NAMES_AT_ONCE, len(texts))))
        states.append(model.backbone.encode_names(ids.to(device), mask.to(device)))
    return objective.vectors(torch.cat(states)).cpu()


def _vectors_of_table(objective: LinkPredictionTable, curies: Sequence[str]) -> tuple[Tensor, np.ndarray[Any, Any]]:
    """Vectors of entities, (entities, dim), zero where the table has none; and whether it has one."""
    place = {curie: row for row, curie in enumerate(objective.spec.entities)}
    rows = torch.tensor([place.get(curie, -1) for curie in curies])
    vectors = objective.entity.detach().cpu()[rows.clamp_min(0)] * (rows >= 0)[:, None]
    return vectors, np.asarray((rows >= 0).numpy())


def _among(triples: np.ndarray[Any, Any], candidates: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Triples whose ends are candidates, numbered by their place among them."""
    kept = triples[np.isin(triples[:, 0], candidates) & np.isin(triples[:, 2], candidates)].copy()
    kept[:, [0, 2]] = np.searchsorted(candidates, kept[:, [0, 2]])
    return kept
