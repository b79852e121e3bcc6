"""Pseudo-perplexity of held-out literature."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from training.data.shards import Shard
from training.evaluation.config import PerplexityConfig
from training.statistics.outcomes import Outcomes

__all__ = ["pseudo_perplexity"]


def pseudo_perplexity(folder: Path, shards: Sequence[Shard], config: PerplexityConfig) -> dict[str, Outcomes]:
    """perplexity: per word, over documents."""
    raise NotImplementedError
