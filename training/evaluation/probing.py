"""What a masked language model knows of held-out triples."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa

from training.evaluation.config import ProbingConfig
from training.statistics.outcomes import Outcomes

__all__ = ["probe"]


def probe(folder: Path, triples: pa.Table, names: Mapping[str, str], config: ProbingConfig) -> dict[str, Outcomes]:
    """mrr, hits@1, hits@10; blind_mrr ... ; gain_mrr ... ; frequency_mrr ... : by name of the figure, over asked entities."""
    raise NotImplementedError
