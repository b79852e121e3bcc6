"""Train one embedding, and rank the held-out triples.

Every training triple asks two questions: which tail for (h, r), and which head for (r, t), the second as the tail of
the reciprocal relation r' (Lacroix et al., ICML 2018; Ruffinelli et al., ICLR 2020). By default each is a softmax over all
entities, so there is no negative sampling to tune, and a batch is one matrix product; `losses`, `corruptions` and
`regularisers` hold the rest of what is published.

Cost on UMLS (5,216 triples, 128 numbers a vector), one core: 1.2 s for 100 epochs. Autograd's small operations are
most of it; questions that many triples ask are scored once (see `questions`).
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from kg.embeddings.checkpoint import Checkpoint
from kg.embeddings.choose import OnTrial, choose_config
from kg.embeddings.classification import classify_triples
from kg.embeddings.config import EmbeddingConfig
from kg.embeddings.determinism import deterministic
from kg.embeddings.encode import EncodedTriples, encode_triples
from kg.embeddings.evaluation import evaluate_model
from kg.embeddings.fit import OnEpoch, fit
from kg.embeddings.model import EmbeddingModel
from kg.embeddings.tables import Embeddings

__all__ = ["EmbeddingModel", "train_embeddings", "train_encoded"]


def train_embeddings(
    triples: pa.Table,
    concepts_is_a: pa.Table | None = None,
    config: EmbeddingConfig | None = None,
    *,
    on_epoch: OnEpoch | None = None,
    on_trial: OnTrial | None = None,
    checkpoint: Path | None = None,
) -> Embeddings:
    """Learn vectors for the entities and relations of a graph.

    Args:
        triples: rows with subject, predicate, object, split and optionally belief (kg.tables.TRIPLES).
        concepts_is_a: further triples for training only (subject, predicate, object).
        config: see `EmbeddingConfig`; TransE where not given. What it leaves open is chosen for these triples.
        on_epoch: called after each epoch, for a progress bar.
        on_trial: called after each trial of the search, with how many there were and will be.
        checkpoint: file to keep the state of training in, and to go on from.

    Returns:
        Vectors by CURIE, and filtered MRR and hits@1, 3, 10 on validation and test.

    Raises:
        MateriaError: there is no training triple, the loss is not finite, or the checkpoint cannot be used or written.
    """
    encoded = encode_triples(triples, concepts_is_a)
    chosen = choose_config(encoded, config or EmbeddingConfig(), on_trial=on_trial)
    return train_encoded(encoded, chosen, on_epoch=on_epoch, checkpoint=checkpoint)


def train_encoded(
    encoded: EncodedTriples,
    config: EmbeddingConfig,
    *,
    on_epoch: OnEpoch | None = None,
    checkpoint: Path | None = None,
) -> Embeddings:
    """The same with numbered triples and a configuration in which nothing is open. Raises as `train_embeddings` does."""
    with deterministic(config.seed, config.threads):
        kept = Checkpoint(checkpoint, encoded, config) if checkpoint else None
        model, state = fit(encoded, config, on_epoch=on_epoch, checkpoint=kept)
        metrics = evaluate_model(model, encoded)
        threshold, accuracies = classify_triples(model.score, encoded, config.seed)
    for split, accuracy in accuracies.items():
        metrics[split]["accuracy"] = accuracy
    vectors = model.both_ways().detach()
    count = len(encoded.relations)
    return Embeddings(
        config=config,
        scorer=model.scorer.name,
        entities=encoded.entities,
        relations=encoded.relations,
        entity_vectors=model.entity.detach().numpy(),
        relation_vectors=vectors[:count].numpy(),
        reciprocal_vectors=vectors[count:].numpy(),
        degrees=encoded.degrees(),
        losses=state.losses,
        metrics=metrics,
        threshold=threshold,
        counts={name: len(getattr(encoded, name)) for name in ("train", "validation", "test", "entities", "relations")},
        triples=encoded.digests(),
    )
