"""Passages for the tests of cleaning."""

import pyarrow as pa

from kg.tables import PASSAGES
from pipeline.hashing import hash_fields

#: A text that no rule rejects.
ABSTRACT = (
    "In this randomized trial 240 patients with newly diagnosed hypertension received either a fixed low dose of amlodipine or "
    "matching placebo for twelve weeks. Blood pressure fell by nine millimetres of mercury on average, and the difference was "
    "significant at every visit after the second week. Oedema of the ankles was reported by six patients, none of whom had to stop."
)


def passage(text, *, id=None, kind="literature", split="train", language="en", doc_ids=("PMID:1",), triple_ids=()):
    """A row of PASSAGES; its id is a hash of what it is made from, as a rule."""
    return {
        "passage_id": id or hash_fields(kind, *doc_ids, text),
        "kind": kind,
        "language": language,
        "text": text,
        "sentences": [],
        "spans": [],
        "relations": [],
        "triple_ids": list(triple_ids),
        "evidence_ids": [],
        "doc_ids": list(doc_ids),
        "belief": None,
        "split": split,
    }


def batches(rows, size=4096):
    """Rows as batches of PASSAGES."""
    return pa.Table.from_pylist(list(rows), PASSAGES).to_batches(max_chunksize=size)


def rejected(found):
    """Verdicts by passage: reason, other and detail."""
    rows = [row for batch in found for row in batch.to_pylist()]
    by_id = {row["passage_id"]: (row["reason"], row["other"], row["detail"]) for row in rows}
    assert len(by_id) == len(rows), "one verdict a passage"
    return by_id
