"""Figures of a pretrained model on held-out passages and triples, one set for each objective.

Masking and pairing are drawn from the seed as in training, so the figures of two models are over the same questions.
Link prediction ranks all entities, each encoded once from its name; batch by batch, in the filtered setting.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import torch

from kg.embeddings.determinism import deterministic
from kg.embeddings.encode import EncodedTriples, encode_triples
from kg.embeddings.ranking import filtered_ranks, rank_metrics
from training.config import PretrainingConfig
from training.data.batches import NO_RELATION, make_text_batch
from training.data.encoding import encode_passages
from training.data.links import encode_names
from training.data.shards import Shard, read_passages
from training.model import PretrainingModel, load_model
from training.objectives import Outcome
from training.objectives.link_prediction import LinkPrediction

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

__all__ = ["evaluate", "evaluate_links", "evaluate_text", "macro_f1"]


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
        For each split and objective: loss and examples; for masked_lm also perplexity and accuracy, for next_sentence
        accuracy, for relation_classification accuracy and macro_f1, for link_prediction mrr, hits@1, hits@3, hits@10.
        What a split has no example of is absent.

    Raises:
        MateriaError: where the folder holds no model.
    """
    model, tokenizer = load_model(folder)
    model.eval()
    has_links = "link_prediction" in model.objectives
    encoded = encode_triples(triples) if has_links else None
    figures: dict[str, Any] = {}
    with deterministic(config.seed, config.threads):
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
    """Figures of the objectives over text, on the first `config.evaluation_passages` passages of the shards."""
    classes = {name: i for i, name in enumerate(model.spec.classes) if i != NO_RELATION}
    rows = (p for batch in read_passages(shards) for p in batch.to_pylist() if p["text"].strip())
    held_out = islice(rows, config.evaluation_passages)
    gathered: dict[str, list[Outcome]] = {}
    step = 0
    while drawn := list(islice(held_out, config.batch)):
        encoded = encode_passages(drawn, tokenizer, classes, whole_entities=config.whole_entities)
        text = make_text_batch(encoded, tokenizer, config, step=step)
        for name, outcome in model.outcomes(text, None).items():
            if outcome.examples:
                gathered.setdefault(name, []).append(outcome)
        step += 1
    return {name: _figures(name, outcomes, len(model.spec.classes)) for name, outcomes in gathered.items()}


def _figures(name: str, outcomes: Sequence[Outcome], classes: int) -> dict[str, float]:
    examples = sum(o.examples for o in outcomes)
    loss = sum(o.loss.item() * o.examples for o in outcomes) / examples
    predictions = torch.cat([o.predictions for o in outcomes]).numpy()
    labels = torch.cat([o.labels for o in outcomes]).numpy()
    figures: dict[str, float] = {"loss": loss, "examples": examples, "accuracy": float((predictions == labels).mean())}
    if name == "masked_lm":
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
    """Filtered ranks of a split's triples by the vectors of entity names; no figures where the split has none.

    Candidates are all entities, or where they are more than `config.evaluation_entities` those of the ranked triples
    and then the first by CURIE. Validation is filtered by train and validation, test by all. A triple whose relation
    the model does not know takes the worst rank.
    """
    ranked: np.ndarray[Any, Any] = triples.validation if split == "validation" else triples.test
    objective = model.objective("link_prediction")
    assert isinstance(objective, LinkPrediction)
    if not len(ranked):
        return {}
    own = np.unique(ranked[:, [0, 2]])
    rest = np.setdiff1d(np.arange(len(triples.entities)), own)
    candidates = np.sort(np.concatenate([own, rest[: max(0, config.evaluation_entities - len(own))]]))
    texts = [names.get(triples.entities[e]) or triples.entities[e] for e in candidates]
    states = [
        model.entity_vectors(*encode_names(texts[i : i + 256], tokenizer, config.name_length))
        for i in range(0, len(texts), 256)
    ]
    vectors = objective.vectors(torch.cat(states))
    place = {relation: i for i, relation in enumerate(model.spec.relations)}
    numbers = torch.tensor([place.get(relation, 0) for relation in triples.relations])
    relations = objective.relation[numbers]
    known = (
        [triples.train, triples.validation]
        if split == "validation"
        else [triples.train, triples.validation, triples.test]
    )
    scorer = objective.scorer
    ranks = filtered_ranks(
        _among(ranked, candidates),
        _among(np.concatenate(known), candidates),
        lambda heads, kinds: scorer.score_tails(vectors[heads], relations[kinds], vectors),
        lambda tails, kinds: scorer.score_heads(relations[kinds], vectors[tails], vectors),
        relations=len(triples.relations),
        seen_relations=np.array([relation in place for relation in triples.relations]),
    )
    return {"link_prediction": rank_metrics(ranks) | {"examples": len(ranked), "candidates": len(candidates)}}


def _among(triples: np.ndarray[Any, Any], candidates: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Triples whose ends are candidates, numbered by their place among them."""
    kept = triples[np.isin(triples[:, 0], candidates) & np.isin(triples[:, 2], candidates)].copy()
    kept[:, [0, 2]] = np.searchsorted(candidates, kept[:, [0, 2]])
    return kept
