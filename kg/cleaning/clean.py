"""All of cleaning in one pass over the candidates of a corpus: one verdict for each passage that stays out.

A passage is judged alone first (quality), then beside the tests it must not hold, then beside the others; what an earlier rule
leaves out is nobody's original. Memory: one batch, the hashes of the tests, and what `duplicates.py` holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from kg.cleaning.config import CleaningConfig
from kg.cleaning.contamination import Contamination
from kg.cleaning.downstream import DownstreamTests
from kg.cleaning.duplicates import Duplicates
from kg.cleaning.quality import quality_verdicts
from kg.cleaning.words import Words, normal_form, words_of

__all__ = ["COLUMNS", "clean"]

#: The columns of PASSAGES that cleaning reads.
COLUMNS = ("passage_id", "kind", "language", "text", "doc_ids", "split")

_Judge = Callable[[pa.RecordBatch, CleaningConfig, pa.StringArray, Words], pa.RecordBatch]


def clean(
    passages: Iterable[pa.RecordBatch],
    config: CleaningConfig,
    tests: DownstreamTests | None = None,
    signed: Callable[[pa.RecordBatch], object] = lambda signs: None,
    database: Any = None,
) -> Iterator[pa.RecordBatch]:
    """Why passages stay out of the corpus.

    Args:
        passages: batches of PASSAGES (of COLUMNS at least) of both kinds and every split, in any order: the verdicts depend on
            the set of passages alone. They are read once; batches of 4,096 are a good size.
        tests: what `read_downstream_tests` gives; None where there are none.
        signed: told the SIGNS of a batch's passages, less those that are left out for themselves, before the next batch is read.
        database: a connection to a DuckDB database to work in; one is made where None.

    Yields:
        batches of VERDICTS in no particular order, one row a passage that is left out.
    """
    judges: list[_Judge] = [quality_verdicts]
    if tests is not None:
        judges.append(Contamination(tests, config).verdicts)
    with Duplicates(config, database) as duplicates:
        for batch in passages:
            left, normal = batch, normal_form(batch.column("text"))
            words = words_of(normal)
            for judge in judges:
                found = judge(left, config, normal, words)
                if found.num_rows:
                    yield found
                    fine = pc.invert(pc.is_in(left.column("passage_id"), found.column("passage_id")))
                    left, normal = left.filter(fine), normal.filter(fine)
                    words = words.of(fine.to_numpy(zero_copy_only=False))
            signed(duplicates.add(left, normal, words))
        yield from duplicates.verdicts()
