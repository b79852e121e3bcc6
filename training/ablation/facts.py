"""What an ablation says of itself: what trainings took, and how wrong and how alike the shuffled corpora are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow.compute as pc

from training.ablation.arms import CorpusSpec, arm_of
from training.ablation.config import AblationConfig
from training.ablation.corpora import Corpora
from training.ablation.shuffled_graph import true_by_chance, true_triples
from training.ablation.train import Training

__all__ = ["shuffles", "spent"]


def spent(trainings: Sequence[Training]) -> tuple[int, int, float]:
    """Tokens of passages (the mean), parameters, and seconds of one training of an arm (the mean)."""
    reports = [training.report() for training in trainings]
    seconds = [one["tokens"] / one["tokens_per_second"] for one in reports if one.get("tokens_per_second")]
    tokens = round(sum(one["tokens"] for one in reports) / len(reports))
    return tokens, reports[0]["parameters"], round(sum(seconds) / len(reports), 1)


def shuffles(config: AblationConfig, corpora: Corpora) -> list[dict[str, Any]]:
    """Of each shuffled corpus: seed, training triples, how many are still true, how many would be by chance, and words of it and
    of the one that tells the true graph.
    """
    found = []
    for name in config.arms:
        arm = arm_of(name)
        for seed in config.seeds if arm.corpus == "shuffled" else ():
            spec, graph, true = arm.spec(config, seed), corpora.graph(seed).triples, corpora.sources.triples
            found.append(
                {
                    "arm": name,
                    "seed": seed,
                    "triples": graph.filter(pc.equal(graph["split"], "train")).num_rows,
                    "true": true_triples(graph, true),
                    "true_by_chance": true_by_chance(true, seed=seed),
                    "words": _words(corpora, spec),
                    "words_of_told": _words(corpora, spec._replace(name="told", seed=None)),
                }
            )
    return found


def _words(corpora: Corpora, spec: CorpusSpec) -> int:
    corpora.shard(spec)
    return corpora.counts(spec)["words"]
