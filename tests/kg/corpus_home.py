"""A home with a finished corpus of a few rows, written by hand: two languages, three splits, a copy, a denied claim."""

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import pyarrow as pa

from kg.tables import CORPUS_PASSAGES, MIXTURE, PASSAGES
from pipeline.hashing import hash_fields, text_hash
from pipeline.storage import Dataset
from pipeline.tables import LITERATURE_BY_BUCKET, LITERATURE_INVENTORY, LIVE_DOCUMENTS

METFORMIN, DIABETES, ASPIRIN, ASTHMA = "MESH:D008687", "MESH:D003924", "MESH:D001241", "MESH:D001249"
NAMES = {
    "Metformin": METFORMIN,
    "二甲双胍": METFORMIN,
    "type 2 diabetes": DIABETES,
    "2型糖尿病": DIABETES,
    "Aspirin": ASPIRIN,
    "asthma": ASTHMA,
}
CLASSES = {
    METFORMIN: "biolink:SmallMolecule",
    ASPIRIN: "biolink:SmallMolecule",
    DIABETES: "biolink:Disease",
    ASTHMA: "biolink:Disease",
}
TREATS = hash_fields(METFORMIN, "biolink:treats", DIABETES)
CAUSES = hash_fields(ASPIRIN, "biolink:causes", ASTHMA)
EVIDENCE_ROWS = [
    {"evidence_id": "e1", "doc_id": "PMID:1", "sentence": "Metformin treats type 2 diabetes."},
    {
        "evidence_id": "e2",
        "doc_id": "PMID:2",
        "subject": ASPIRIN,
        "predicate": "biolink:causes",
        "object": ASTHMA,
        "sentence": "Aspirin_x causes *asthma*.",
    },
    {
        "evidence_id": "e3",
        "doc_id": "PMID:2",
        "subject": ASPIRIN,
        "predicate": "biolink:causes",
        "object": ASTHMA,
        "sentence": "Aspirin did not cause asthma.",
        "polarity": False,
        "probability": 0.3,
    },
]
#: Literature files, with the documents that are read from them.
FILES = {"a.jsonl": ["PMID:1"], "b|c/notes.jsonl": ["PMID:2"]}
YEARS = {"PMID:1": 1999, "PMID:2": None}


def passage(text: str, **columns: Any) -> dict[str, Any]:
    """One row: spans are found by name, the first two of different concepts are related where a predicate is given."""
    spans = sorted((at, at + len(name), curie) for name, curie in NAMES.items() if (at := text.find(name)) >= 0)
    predicate = columns.pop("predicate", None)
    triple = columns.pop("triple", None)
    related = [{"subject": 0, "predicate": predicate, "object": 1, "source": triple}] if predicate else []
    kind = columns.get("kind", "literature")
    return {
        "passage_id": hash_fields(kind, text),
        "kind": kind,
        "language": "en",
        "text": text,
        "sentences": [{"start": 0, "end": len(text)}],
        "spans": [{"start": s, "end": e, "curie": c, "category": CLASSES[c]} for s, e, c in spans],
        "relations": related,
        "triple_ids": [triple] if triple else [],
        "evidence_ids": {TREATS: ["e1"], CAUSES: ["e2", "e3"]}.get(triple, []),
        "doc_ids": ["PMID:1"],
        "belief": None,
        "split": "train",
        "form": "text" if kind == "literature" else "fact",
        "source": "papers",
        "tokens": len(text.split()),
        "repeat": 0,
    } | columns


#: The rows of the corpus.
ROWS = [
    passage("Metformin treats type 2 diabetes.", predicate="biolink:treats", triple=TREATS),
    passage("Aspirin_x causes *asthma*.", doc_ids=["PMID:2"], predicate="biolink:causes", triple=CAUSES),
    passage("Nothing is named here."),
    passage("Held out for validation.", split="validation", doc_ids=["PMID:2"]),
    passage(
        "Metformin is used to treat type 2 diabetes.",
        kind="verbalized",
        belief=0.75,
        predicate="biolink:treats",
        triple=TREATS,
    ),
    passage(
        "二甲双胍治疗2型糖尿病。",
        kind="verbalized",
        language="zh",
        belief=0.75,
        predicate="biolink:treats",
        triple=TREATS,
        tokens=9,
    ),
    passage(
        "Aspirin is said to cause asthma.",
        kind="verbalized",
        belief=0.5,
        predicate="biolink:causes",
        triple=CAUSES,
        doc_ids=["PMID:2"],
    ),
    passage(
        "Asthma may be caused by Aspirin, not asthma by it.",
        kind="verbalized",
        belief=0.02,
        split="test",
        triple=CAUSES,
        doc_ids=["PMID:2"],
    ),
]
#: One of them stands in the corpus twice.
COPIED = ROWS[4]["passage_id"]


def write_corpus_home(
    home: Path,
    make_home: Callable[..., Path],
    rows: list[dict[str, Any]] | None = None,
    clinical: Collection[str] = (),
) -> Path:
    """Write the tables that a corpus is described from; `rows` instead of ROWS; `clinical` files hold records of patients."""
    concepts = [
        {"curie": METFORMIN, "name": "Metformin", "category": CLASSES[METFORMIN]},
        {"curie": DIABETES, "name": "Diabetes | type 2", "synonyms": [{"name": "type 2 diabetes", "scope": "exact"}]},
        {"curie": ASPIRIN, "name": "Aspirin", "category": CLASSES[ASPIRIN]},
        {"curie": ASTHMA, "name": "Asthma"},
    ]
    make_home(home, EVIDENCE_ROWS, concepts)
    shards = [*ROWS, ROWS[4] | {"repeat": 1}] if rows is None else rows
    for key in ("00", "01"):
        mine = [row for row in shards if int(row["passage_id"], 16) % 2 == int(key)]
        with Dataset(home, "corpus_shards").writer(key) as writer:
            for split in ("train", "validation", "test"):
                table = pa.Table.from_pylist([row for row in mine if row["split"] == split], CORPUS_PASSAGES)
                writer.table(f"split={split}/bucket={key}/passages.parquet", CORPUS_PASSAGES).write(table)
            writer.commit(skip_key="k", code_version="1", inputs={})
    _write(home, "corpus_selection", "mixture.parquet", MIXTURE, _mixture())
    files = [_file(name) | {"records": name in clinical} for name in FILES]
    _write(home, "literature_inventory", "inventory.parquet", LITERATURE_INVENTORY, files)
    live = [_live(doc_id, name) for name, doc_ids in FILES.items() for doc_id in doc_ids]
    _write(home, "live_documents", "live.parquet", LIVE_DOCUMENTS, live)
    papers = [{"doc_id": doc_id, "year": year, "mentions": [], "claims": []} for doc_id, year in YEARS.items()]
    _write(home, "literature_by_bucket", "papers.parquet", LITERATURE_BY_BUCKET, papers)
    _write(home, "verbalized_corpus", "v.parquet", PASSAGES, [], {"told": {"told-high": 1, "told-denied": 1}})
    candidates = [{name: row.get(name) for name in PASSAGES.names} for row in ROWS if row["kind"] == "literature"]
    kept = [row for row in candidates if row["split"] == "train"]
    _write(home, "literature_corpus", "split=train/bucket=all/l.parquet", PASSAGES, kept, {"withheld_sentences": 1})
    return home


def _mixture() -> list[dict[str, Any]]:
    taken = {"split": "train", "kind": "literature", "language": "en", "candidates": 8, "candidate_tokens": 80}
    doubles = taken | {"kind": "verbalized", "reason": "duplicate", "candidates": 3, "candidate_tokens": 21}
    return [taken | {"rows": 9, "tokens": 90}, doubles | {"rows": 0, "tokens": 0}]


def _file(name: str) -> dict[str, Any]:
    return {"file": name, "sha256": text_hash(name), "bytes": 1, "format": "jsonl.v1", "batch": "b"}


def _live(doc_id: str, name: str) -> dict[str, Any]:
    return {
        "doc_id": doc_id,
        "version": 1,
        "batch": "b",
        "file": name,
        "record": 0,
        "status": "active",
        "reason": "only",
    }


def _write(
    home: Path,
    asset: str,
    path: str,
    schema: pa.Schema,
    rows: list[dict[str, Any]],
    summary: dict[str, Any] | None = None,
) -> None:
    with Dataset(home, asset).writer() as writer:
        writer.table(path, schema).write(pa.Table.from_pylist(rows, schema))
        writer.summary.update(summary or {})
        writer.commit(skip_key="k", code_version="1", inputs={})
