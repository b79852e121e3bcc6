"""The loss of triples given as vectors: binary cross-entropy over true ones and their corruptions.

The distance scorers take sigma(gamma - d), high for true triples and low for corrupted ones. The other sign, sigma(d), which is
found in print, pushes true triples apart; a test pins this one.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from kg.embeddings.scorers import Scorer
from training.data.batches import IGNORE, LinkBatch

__all__ = ["Triples", "answers", "triple_loss"]


@dataclass(frozen=True)
class Triples:
    """True triples and their corruptions as rows of a table of vectors.

    Attributes:
        heads, tails: (triples,) rows.
        relations: (triples, width) vectors.
        corrupted_heads, corrupted_tails: (triples, negatives) rows.
        valid: (triples, negatives) whether a corruption counts.
        weights: (triples,) what each triple counts in the mean.
    """

    heads: Tensor
    relations: Tensor
    tails: Tensor
    corrupted_heads: Tensor
    corrupted_tails: Tensor
    valid: Tensor
    weights: Tensor

    @classmethod
    def of(cls, links: LinkBatch, relations: Tensor, *, belief_weighted: bool) -> Triples:
        """The triples of a step, with vectors out of a table of relations; each weighs by its belief, or one."""
        return cls(
            links.heads,
            relations[links.relations],
            links.tails,
            links.corrupted_heads,
            links.corrupted_tails,
            links.valid,
            links.weights if belief_weighted else torch.ones_like(links.weights),
        )


def triple_loss(scorer: Scorer, vectors: Tensor, triples: Triples) -> tuple[Tensor, Tensor, Tensor]:
    """Half the weighted mean loss of the true triples and half that of the corrupted, each weighing as its triple.

    Args:
        scorer: the formula.
        vectors: (entities, dim) table that the rows of the triples point into.
        triples: what is asked.

    Returns:
        The loss; the log-odds of the true triples, (triples,), and of the corrupted, (triples, negatives).
    """
    relations, valid, weights = triples.relations, triples.valid, triples.weights
    true = scorer.logits(scorer.score(vectors[triples.heads], relations, vectors[triples.tails]))
    corrupted = scorer.logits(
        scorer.score(vectors[triples.corrupted_heads], relations[:, None], vectors[triples.corrupted_tails])
    )
    # -log sigma(logit) of the true, -log(1 - sigma(logit)) of the corrupted
    counted = valid * weights[:, None]
    low = (functional.softplus(-true) * weights).sum() / weights.sum().clamp_min(1e-9)
    high = (functional.softplus(corrupted) * counted).sum() / counted.sum().clamp_min(1e-9)
    return 0.5 * (low + high), true, corrupted


def answers(true: Tensor, corrupted: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
    """Log-odds of all triples, the true ones first, and whether each is true: 1, 0, or IGNORE where it does not count."""
    labels = torch.cat([torch.ones_like(true, dtype=torch.int64), torch.where(valid, 0, IGNORE).flatten()])
    return torch.cat([true, corrupted.flatten()]).detach(), labels
