"""All of cleaning in one pass over the candidates of a corpus: one verdict for each passage that stays out.

A passage is judged alone first (quality), then beside the tests it must not hold, then beside the others; what an earlier rule
leaves out is nobody's original. Memory: one batch, the runs of the tests, and what `duplicates.py` holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyarrow as pa

from kg.cleaning.config import CleaningConfig
from kg.cleaning.downstream import DownstreamTests

__all__ = ["COLUMNS", "clean"]

#: The columns of PASSAGES that cleaning reads.
COLUMNS = ("passage_id", "kind", "language", "text", "doc_ids", "split")


def clean(
    passages: Iterable[pa.RecordBatch], config: CleaningConfig, tests: DownstreamTests | None = None
) -> Iterator[pa.RecordBatch]:
    """Why passages stay out of the corpus.

    Args:
        passages: batches of PASSAGES (of COLUMNS at least) of both kinds and every split, in any order: the verdicts depend on
            the set of passages alone. They are read once.
        tests: what `read_downstream_tests` gives; None where there are none.

    Yields:
        batches of VERDICTS in no particular order, one row a passage that is left out.
    """
    raise NotImplementedError
