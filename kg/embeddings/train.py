"""Train one embedding by 1-vs-all cross-entropy with reciprocal relations, and rank the held-out triples.

Every training triple asks two questions: which tail for (h, r), and which head for (r, t), the second as the tail of
the reciprocal relation r' (Lacroix et al., ICML 2018; Ruffinelli et al., ICLR 2020). Each is a softmax over all
entities, so there is no negative sampling to tune, and a batch is one matrix operation. Beyond `candidates` entities
each step draws that many at random instead of all. N3 is the cube of the factors' moduli (Lacroix et al.).

Rejected: a margin loss over sampled negatives, which on UMLS needs many times the steps for a lower MRR.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from kg.embeddings.classification import classify_triples
from kg.embeddings.config import EmbeddingConfig
from kg.embeddings.determinism import deterministic
from kg.embeddings.encode import EncodedTriples, encode_triples
from kg.embeddings.ranking import filtered_ranks, rank_metrics
from kg.embeddings.scorers import Scorer, make_scorer
from kg.embeddings.tables import Embeddings

__all__ = ["EmbeddingModel", "evaluate_model", "train_embeddings", "train_model"]

#: Called after each epoch with its number from 1, the number of epochs, and the mean loss.
OnEpoch = Callable[[int, int, float], None]


class EmbeddingModel(nn.Module):
    """Tables of vectors and the scorer that compares them. Relation r + R is the reciprocal of relation r."""

    def __init__(self, entities: int, relations: int, config: EmbeddingConfig) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(config.seed)
        self.config = config
        self.scorer: Scorer = make_scorer(config)
        self.relations = relations
        self.entity = nn.Parameter(self.scorer.initial_entities(entities, config.dim, generator))
        self.relation = nn.Parameter(self.scorer.initial_relations(2 * relations, config.dim, generator))

    def score(self, heads: Tensor, relations: Tensor, tails: Tensor) -> Tensor:
        """Score of triples given by number, (n,) each: gives (n,)."""
        return self.scorer.score(self.entity[heads], self.relation[relations], self.entity[tails])

    def score_tails(self, heads: Tensor, relations: Tensor) -> Tensor:
        """Score of every entity as tail, (n, entities)."""
        return self.scorer.score_tails(self.entity[heads], self.relation[relations], self.entity)

    def score_heads(self, tails: Tensor, relations: Tensor) -> Tensor:
        """Score of every entity as head, asked as the tail of the reciprocal relation, (n, entities)."""
        return self.score_tails(tails, relations + self.relations)


def train_embeddings(
    triples: pa.Table,
    concepts_is_a: pa.Table | None = None,
    config: EmbeddingConfig | None = None,
    *,
    on_epoch: OnEpoch | None = None,
) -> Embeddings:
    """Learn vectors for the entities and relations of a graph.

    Args:
        triples: rows with subject, predicate, object, split and optionally belief (kg.tables.TRIPLES).
        concepts_is_a: further triples for training only (subject, predicate, object).
        config: see `EmbeddingConfig`; defaults of TransE where not given.
        on_epoch: called after each epoch, for a progress bar.

    Returns:
        Vectors by CURIE, and filtered MRR and hits@1, 3, 10 on validation and test.

    Raises:
        MateriaError: where there is no training triple.
    """
    config = config or EmbeddingConfig()
    encoded = encode_triples(triples, concepts_is_a)
    with deterministic(config.seed, config.threads):
        model, losses = train_model(encoded, config, on_epoch=on_epoch)
        metrics = evaluate_model(model, encoded)
        threshold, accuracies = classify_triples(model.score, encoded, config.seed)
    for split, accuracy in accuracies.items():
        metrics[split]["accuracy"] = accuracy
    return Embeddings(
        config=config,
        scorer=model.scorer.name,
        entities=encoded.entities,
        relations=encoded.relations,
        entity_vectors=model.entity.detach().numpy(),
        relation_vectors=model.relation.detach()[: len(encoded.relations)].numpy(),
        reciprocal_vectors=model.relation.detach()[len(encoded.relations) :].numpy(),
        degrees=encoded.degrees(),
        losses=losses,
        metrics=metrics,
        threshold=threshold,
        counts={name: len(getattr(encoded, name)) for name in ("train", "validation", "test", "entities", "relations")},
        triples=encoded.digests(),
    )


def train_model(
    encoded: EncodedTriples, config: EmbeddingConfig, *, on_epoch: OnEpoch | None = None
) -> tuple[EmbeddingModel, list[float]]:
    """Fit a model to the training triples; returns it with the mean loss of each epoch. Deterministic from the seed."""
    model = EmbeddingModel(len(encoded.entities), len(encoded.relations), config)
    generator = torch.Generator().manual_seed(config.seed + 1)
    triples = torch.from_numpy(encoded.train)
    weights = torch.from_numpy(encoded.weights) if config.belief_weighted else None
    steps = -(-len(triples) // config.batch) * config.epochs
    optimizer = torch.optim.Adam(model.parameters(), lr=config.learning_rate, foreach=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    losses = []
    for epoch in range(config.epochs):
        order = torch.randperm(len(triples), generator=generator)
        total = 0.0
        for chosen in torch.split(order, config.batch):
            loss = _one_vs_all(model, triples[chosen], None if weights is None else weights[chosen], generator)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            total += loss.item() * len(chosen)
        losses.append(total / len(triples))
        if on_epoch is not None:
            on_epoch(epoch + 1, config.epochs, losses[-1])
    return model, losses


def _one_vs_all(model: EmbeddingModel, triples: Tensor, weights: Tensor | None, generator: torch.Generator) -> Tensor:
    """Cross-entropy of the true tail, and of the true head by the reciprocal relation, plus the N3 penalty."""
    config, scorer = model.config, model.scorer
    heads, relations, tails = triples.unbind(1)
    asked = model.entity[torch.cat([heads, tails])]
    relation = model.relation[torch.cat([relations, relations + model.relations])]
    answers = torch.cat([tails, heads])
    queries = scorer.tail_query(asked, relation)
    if config.dropout:
        kept = torch.rand(queries.shape, generator=generator) >= config.dropout
        queries = queries * kept / (1 - config.dropout)
    entities = len(model.entity)
    if entities <= config.candidates:
        scores = scorer.compare_all(queries, model.entity)
        targets = answers
    else:
        drawn = torch.randint(entities, (config.candidates,), generator=generator)
        own, targets = torch.unique(answers, return_inverse=True)
        scores = scorer.compare_all(queries, model.entity[torch.cat([own, drawn])])
        again = functional.pad(drawn[None] == answers[:, None], (len(own), 0))
        scores = scores.masked_fill(again, -torch.inf)
    loss = functional.cross_entropy(scores, targets, reduction="none")
    loss = loss.mean() if weights is None else (loss * weights.repeat(2)).sum() / (2 * weights.sum()).clamp_min(1e-9)
    if config.regularisation:
        cubes = asked.abs().pow(3).sum() + relation.abs().pow(3).sum() + model.entity[answers].abs().pow(3).sum()
        loss = loss + config.regularisation * cubes / (3 * len(answers))
    return loss


def evaluate_model(model: EmbeddingModel, encoded: EncodedTriples) -> dict[str, dict[str, float]]:
    """Figures on validation (filtered by train and validation) and on test (filtered by all three)."""
    seen_entities = _seen(encoded.train[:, [0, 2]], len(encoded.entities))
    seen_relations = _seen(encoded.train[:, 1], len(encoded.relations))
    through_validation = np.concatenate([encoded.train, encoded.validation])
    everything = np.concatenate([through_validation, encoded.test])
    metrics: dict[str, dict[str, float]] = {}
    for name, triples, known in (
        ("validation", encoded.validation, through_validation),
        ("test", encoded.test, everything),
    ):
        if not len(triples):
            continue
        with torch.no_grad():
            ranks = filtered_ranks(
                triples,
                known,
                model.score_tails,
                model.score_heads,
                relations=len(encoded.relations),
                seen_entities=seen_entities,
                seen_relations=seen_relations,
            )
        unseen = ~(seen_entities[triples[:, [0, 2]]].all(1) & seen_relations[triples[:, 1]])
        metrics[name] = rank_metrics(ranks) | {"triples": len(triples), "unseen": int(unseen.sum())}
    return metrics


def _seen(numbers: NDArray[np.int64], count: int) -> NDArray[np.bool_]:
    seen = np.zeros(count, dtype=bool)
    seen[numbers.ravel()] = True
    return seen
