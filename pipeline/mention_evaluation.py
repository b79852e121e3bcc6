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

from pipeline.documents import read_documents
from pipeline.errors import SetAside
from pipeline.inventory import list_files, take_inventory
from pipeline.mentions import find_mentions, mention_workers
from pipeline.score_mentions import score
from pipeline.vocabularies import load_vocabulary

__all__ = ["evaluate_mentions"]


def evaluate_mentions(gold: str, vocabulary: Sequence[str], *, workers: int = 1) -> dict[str, Any]:
    """Span and identifier both right, for diseases and chemicals, on one gold file.

    Args:
        gold: a file with annotations, in any format that keeps them: PubTator, BioC.
        vocabulary: vocabulary files.
        workers: processes to read with.

    Returns:
        precision, recall, f1, and the same by_type, with counts; `set_aside`, the records and annotations of the gold file
        that could not be used.

    Raises:
        MateriaError: a file is missing, empty, or in no known format.
    """
    table = load_vocabulary(list(vocabulary), lambda _: None)
    files = list_files([gold])
    inventory = take_inventory(files, set_aside=lambda _: None).to_pylist()
    formats = {row["file"]: (row["position"], row["format"]) for row in inventory}
    batch = [(file, *formats[file.name]) for file in files if file.name in formats]
    aside: list[SetAside] = []
    documents = list(read_documents(batch, aside.append))
    with tempfile.TemporaryDirectory(prefix="materia.") as folder:
        path = Path(folder) / "vocabulary.parquet"
        pq.write_table(table, path)
        with mention_workers([str(path)], workers) as pool:
            found: list[pa.RecordBatch] = list(find_mentions(documents, pool))
    return {**score(documents, found), "set_aside": len(aside)}
