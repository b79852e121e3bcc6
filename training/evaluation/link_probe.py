"""Link prediction from frozen encodings of names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa

from training.evaluation.config import LinkProbeConfig
from training.statistics.outcomes import Outcomes

__all__ = ["control", "link_probe"]


def link_probe(
    folder: Path, triples: pa.Table, names: Mapping[str, str], config: LinkProbeConfig
) -> dict[str, Outcomes]:
    """mrr, hits@1, hits@10, over the subjects of the ranked triples."""
    raise NotImplementedError


def control(
    kind: str, folder: Path, triples: pa.Table, names: Mapping[str, str], config: LinkProbeConfig
) -> dict[str, Outcomes]:
    """The same of encodings that know no text: kind `random`, or `bag_of_wordpieces` of the folder's tokenizer."""
    raise NotImplementedError
