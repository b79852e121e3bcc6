"""Link prediction from frozen encodings of names: what an encoder has put into them of how the graph goes on.

The encoder reads each name once and learns nothing. On top, two linear maps and a vector for each relation, a bilinear form
(DistMult of Yang et al. 2015 with a map for each end, so that a relation need not be symmetric): score(s, r, o) =
sum(A s * w_r * B o) + a log(b + how often training triples have o at that end of r), so that an encoding is asked for what it
adds to frequency. (Random encodings have an MRR of 0.06. An earlier design without that term had 0.02, but differed in more
than the term; how much is its doing was not measured.) It is trained alike for each model: same seed, batches and steps, over
encodings brought to mean 0 and variance 1, against all entities as wrong answers. Then
held-out triples are ranked among all entities, filtered, both ends.

Controls, through the same probe: `random` encodings of the same width (what the training triples tell without any names:
frequent answers, and neighbours), and `bag_of_wordpieces` (what words that names share tell). A model knows something where
it is above both. Steps, step size and decay are the cheapest that came
within 0.002 of the best of five on validation triples, for a small BERT and bag_of_wordpieces together.

Cost: 5 s of processor time for 5,398 training triples and 1,885 entities. Rejected: TransE (one answer fits a relation of many to
many), and a deeper probe, which learns the graph by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal, get_args

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kg.embeddings.determinism import deterministic
from kg.embeddings.encode import EncodedTriples, encode_triples
from kg.embeddings.ranking import filtered_ranks
from pipeline.errors import MateriaError
from training.evaluation.config import LinkProbeConfig
from training.evaluation.encodings import encode_names, random_encodings, wordpiece_encodings
from training.statistics.outcomes import Outcomes, count_means

__all__ = ["CONTROLS", "Control", "link_probe", "probe_encodings"]

Control = Literal["random", "bag_of_wordpieces"]
CONTROLS: Final[tuple[Control, ...]] = get_args(Control)


def link_probe(
    folder: Path,
    triples: pa.Table,
    names: Mapping[str, str],
    config: LinkProbeConfig,
    *,
    control: Control | None = None,
) -> dict[str, Outcomes]:
    """Filtered ranks of held-out triples by a probe on a model's encodings of names.

    Args:
        folder: any Hugging Face encoder with its tokenizer.
        triples: subject, predicate, object, split (kg.tables.TRIPLES).
        names: name of each entity by CURIE; an entity without one is read as its CURIE.
        control: random encodings as wide as the model's, or bags of its tokenizer's pieces, in place of the model's.

    Returns:
        mrr, hits@1, hits@10; the units are the subjects of the ranked triples.

    Raises:
        MateriaError: the folder holds no encoder, or there are no triples to learn from or to rank.
    """
    encoded = _among(encode_triples(triples), config)
    texts = [names.get(curie) or curie for curie in encoded.entities]
    with deterministic(config.seed, 1):
        if control is None:
            vectors = encode_names(folder, texts)
        else:
            hidden = _width(folder)
            vectors = (
                random_encodings(len(texts), hidden, config.seed)
                if control == "random"
                else wordpiece_encodings(folder, texts, hidden, config.seed)
            )
    return probe_encodings(vectors, encoded, config)


def probe_encodings(vectors: Tensor, triples: EncodedTriples, config: LinkProbeConfig) -> dict[str, Outcomes]:
    """The same from encodings of the entities, (entities, hidden), in the order of `triples.entities`."""
    ranked = getattr(triples, config.split)
    known = np.concatenate([triples.train, triples.validation, *([triples.test] if config.split == "test" else [])])
    with deterministic(config.seed, 1):
        probe = _Probe(_standardised(vectors), triples, config.dimension)
        _fit(probe, torch.from_numpy(triples.train), config)
        with torch.no_grad():
            subjects, objects = probe.ends()
            ranks = filtered_ranks(
                ranked,
                known,
                lambda heads, kinds: probe.scores(subjects[heads], kinds, objects, probe.as_object[kinds]),
                lambda tails, kinds: probe.scores(objects[tails], kinds, subjects, probe.as_subject[kinds]),
                relations=len(triples.relations),
            )
    units = [triples.entities[number] for number in ranked[:, 0]]
    figures = {"mrr": 1 / ranks, "hits@1": ranks <= 1, "hits@10": ranks <= 10}
    two = [2.0] * len(units)
    return {
        name: count_means("mean", units, values.astype(float).sum(axis=1).tolist(), two)
        for name, values in figures.items()
    }


class _Probe(nn.Module):
    """A bilinear form over encodings (entities, hidden) that stay as they are."""

    def __init__(self, vectors: Tensor, triples: EncodedTriples, dimension: int) -> None:
        super().__init__()
        relations, self.entities = len(triples.relations), len(vectors)
        self.as_subject, self.as_object = (
            _counts(triples.train[:, [1, end]], relations, self.entities) for end in (0, 2)
        )
        self.weight = nn.Parameter(torch.ones(()))
        self.smoothing = nn.Parameter(torch.zeros(()))
        self.vectors = vectors
        self.subject = nn.Linear(vectors.shape[1], dimension, bias=True)
        self.object = nn.Linear(vectors.shape[1], dimension, bias=True)
        self.relation = nn.Parameter(torch.ones(relations, dimension) + 0.1 * torch.randn(relations, dimension))

    def ends(self) -> tuple[Tensor, Tensor]:
        """Every entity as subject and as object, (entities, dimension) both."""
        return self.subject(self.vectors), self.object(self.vectors)

    def scores(self, given: Tensor, relations: Tensor, others: Tensor, counts: Tensor) -> Tensor:
        """Scores of all entities: (rows, dimension), (rows,), (entities, dimension), (rows, entities) to (rows, entities)."""
        return (given * self.relation[relations]) @ others.T + self.weight * (counts + self.smoothing.exp()).log()


def _fit(probe: _Probe, train: Tensor, config: LinkProbeConfig) -> None:
    """Cross-entropy of the true object, and of the true subject, among all entities."""
    optimizer = torch.optim.AdamW(probe.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=config.steps)
    one = torch.ones(min(config.batch, len(train)), 1)  # a triple does not count for itself
    draw = torch.Generator().manual_seed(config.seed)
    for _ in range(config.steps):
        rows = train[torch.randint(len(train), (min(config.batch, len(train)),), generator=draw)]
        subjects, objects = probe.ends()
        head, kind, tail = rows.T
        loss = nn.functional.cross_entropy(
            probe.scores(subjects[head], kind, objects, probe.as_object[kind].scatter_add(1, tail[:, None], -one)), tail
        ) + nn.functional.cross_entropy(
            probe.scores(objects[tail], kind, subjects, probe.as_subject[kind].scatter_add(1, head[:, None], -one)),
            head,
        )
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()


def _counts(pairs: NDArray[np.int64], relations: int, entities: int) -> Tensor:
    """How often training triples have each entity at an end of each relation, (relations, entities)."""
    flat = np.bincount(pairs[:, 0] * entities + pairs[:, 1], minlength=relations * entities)
    return torch.from_numpy(flat.reshape(relations, entities)).float()


def _standardised(vectors: Tensor) -> Tensor:
    """Each dimension at mean 0 and variance 1 over the entities, so that no model gains by the size of its states."""
    deviation = vectors.std(0)
    return (vectors - vectors.mean(0)) / torch.where(deviation > 1e-6, deviation, torch.ones_like(deviation))


def _among(triples: EncodedTriples, config: LinkProbeConfig) -> EncodedTriples:
    """Triples among so many entities as may be: those of the ranked ones, then the most frequent in train.

    Raises:
        MateriaError: there is nothing to rank, or to learn from.
    """
    ranked: NDArray[np.int64] = getattr(triples, config.split)
    if not len(ranked):
        raise MateriaError(
            f"there are no triples of the {config.split} split to rank",
            remedy="Build with a share of held-out triples (splits), or set link_probe: null in the suite",
        )
    own = np.unique(ranked[:, [0, 2]])
    degrees = triples.degrees()
    rest = np.setdiff1d(np.arange(len(triples.entities)), own)
    rest = rest[np.lexsort((rest, -degrees[rest]))][: max(0, config.entities - len(own))]
    kept = np.sort(np.concatenate([own, rest]))
    parts = {}
    for name in ("train", "validation", "test"):
        part = getattr(triples, name)
        inside = np.isin(part[:, 0], kept) & np.isin(part[:, 2], kept)
        parts[name] = part[inside].copy()
        parts[name][:, [0, 2]] = np.searchsorted(kept, parts[name][:, [0, 2]])
        if name == "train":
            weights = triples.weights[inside]
    if not len(parts["train"]):
        raise MateriaError(
            f"there is no training triple among {len(kept):,} entities", remedy="Raise link_probe.entities in the suite"
        )
    return EncodedTriples([triples.entities[n] for n in kept], triples.relations, **parts, weights=weights)


def _width(folder: Path) -> int:
    """Width of a model's states. Raises MateriaError where the folder holds none."""
    from transformers import AutoConfig

    try:
        return int(AutoConfig.from_pretrained(folder, local_files_only=True).hidden_size)
    except (OSError, ValueError, AttributeError) as error:
        raise MateriaError(
            "holds no model", file=str(folder), remedy="Give the folder of a pretrained model"
        ) from error
