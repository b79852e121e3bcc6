"""Extraction judged end to end against gold files: the same readers, vocabulary, matcher and linker as a build.

Only the texts of the gold files are read for finding mentions; their annotations are used for scoring alone.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.gold_corpus import read_gold_corpus
from pipeline.mentions import find_mentions, mention_workers
from pipeline.score_mentions import score
from pipeline.vocabularies import load_vocabulary

__all__ = ["evaluate_mentions"]


def evaluate_mentions(
    gold: Sequence[str], vocabulary: Sequence[str], *, train: Sequence[str] = (), workers: int = 1
) -> dict[str, Any]:
    """Span and identifier both right, for diseases and chemicals, on gold files.

    Args:
        gold: files with annotations, in any format that keeps them: PubTator, BioC.
        vocabulary: vocabulary files.
        workers: processes to read with.

    Returns:
        precision, recall, f1, and the same by_type, with counts; `set_aside`, the records and annotations of the gold files
        that could not be used.

    Raises:
        MateriaError: a file is missing, empty, or in no known format.
    """
    table = load_vocabulary(list(vocabulary), lambda _: None)
    corpus = read_gold_corpus(gold)
    with tempfile.TemporaryDirectory(prefix="materia.") as folder:
        path = Path(folder) / "vocabulary.parquet"
        pq.write_table(table, path)
        with mention_workers([str(path)], workers) as pool:
            found: list[pa.RecordBatch] = list(find_mentions(corpus.documents, pool))
    return {**score(corpus.documents, found), "set_aside": len(corpus.set_aside)}
