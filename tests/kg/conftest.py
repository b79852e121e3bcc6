"""Small evidence tables written by hand, for the tests of this floor."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.hashing import hash_fields, text_hash
from pipeline.tables import EVIDENCE


def evidence_row(**columns: Any) -> dict[str, Any]:
    """One row of evidence: what a test does not say is filled with a plain affirmed claim of PMID:1."""
    sentence = columns.get("sentence", "Metformin treats type 2 diabetes.")
    doc_id = columns.get("doc_id", "PMID:1")
    row: dict[str, Any] = {
        "doc_id": doc_id,
        "version": 1,
        "text_hash": text_hash(f"{doc_id} text"),
        "sentence_start": 0,
        "sentence_end": len(sentence),
        "sentence": sentence,
        "section": "ABSTRACT",
        "subject": "MESH:D008687",
        "subject_category": "biolink:SmallMolecule",
        "subject_start": 0,
        "subject_end": 9,
        "predicate": "biolink:treats",
        "object": "MESH:D003924",
        "object_category": "biolink:Disease",
        "object_start": 17,
        "object_end": 32,
        "trigger": "treats",
        "direction": None,
        "polarity": True,
        "certainty": 1.0,
        "hypothetical": False,
        "extractor": "trigger.v1",
        "probability": 0.8,
        "retracted": False,
    } | columns
    row.setdefault(
        "evidence_id", hash_fields(*(row[name] for name in EVIDENCE.names if name not in ("evidence_id", "retracted")))
    )
    return row


@pytest.fixture
def write_evidence(tmp_path: Path) -> Callable[..., list[str]]:
    """A function that writes rows (keyword arguments of `evidence_row`) to a Parquet file and gives its path in a list."""
    written = 0

    def write(rows: list[dict[str, Any]]) -> list[str]:
        nonlocal written
        written += 1
        path = tmp_path / f"evidence-{written}.parquet"
        pq.write_table(pa.Table.from_pylist([evidence_row(**row) for row in rows], EVIDENCE), path)
        return [str(path)]

    return write
