"""Small evidence tables, and a home made of them, written by hand for the tests of this floor."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kg.concepts import ConceptsByBucket
from kg.config import FusionConfig, SplitConfig
from kg.fusion import fuse
from kg.nquads import write_nquads
from kg.prov import paper_lines, write_sorted
from kg.tables import TRIPLES
from pipeline.duck import connect
from pipeline.hashing import bucket_name, bucket_of, hash_fields, text_hash
from pipeline.storage import Dataset
from pipeline.tables import EVIDENCE, VOCABULARY, VOCABULARY_MERGES
from tests.kg.corpus_home import write_corpus_home

BUCKETS = 4


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


@pytest.fixture(scope="session")
def make_home() -> Callable[..., Path]:
    """A function that makes a home with the tables of a finished build, up to the graph, in a second.

    It takes the folder, evidence (keyword arguments of `evidence_row`), concepts and merges (columns that are not null).
    """

    def make(
        home: Path,
        evidence: Sequence[dict[str, Any]],
        concepts: Sequence[dict[str, Any]] = (),
        merges: Sequence[dict[str, Any]] = (),
    ) -> Path:
        plain = {
            "category": "biolink:Disease",
            "sources": ["v.obo"],
            "synonyms": [],
            "parents": [],
            "xrefs": [],
            "matches": [],
        }
        filled = [plain | {"translations": []} | row for row in concepts]
        _write(home, "vocabulary", "all", VOCABULARY, sorted(filled, key=lambda row: row["curie"]))
        _write(home, "vocabulary_merges", "all", VOCABULARY_MERGES, sorted(merges, key=lambda row: row["curie"]))
        rows = [evidence_row(**row) for row in evidence]
        with connect() as connection:
            concepts_of = ConceptsByBucket(connection, Dataset(home, "vocabulary").paths(), BUCKETS)
            known = [concepts_of(number) for number in range(BUCKETS)]
        for number in range(BUCKETS):
            key = bucket_name(number, BUCKETS)
            own = [row for row in rows if bucket_of(row["subject"], BUCKETS) == number]
            _write(home, "evidence_by_bucket", key, EVIDENCE, sorted(own, key=lambda row: row["evidence_id"]))
            files = Dataset(home, "evidence_by_bucket").paths(key)
            triples = fuse(files, FusionConfig(), SplitConfig(validation=0.2, test=0.2))
            _write(home, "triples", key, TRIPLES, triples)
            with Dataset(home, "knowledge_graph").writer(key) as writer:
                write_nquads(writer.file(f"{key}/graph.nq"), triples, files, known[number])
                writer.commit(skip_key="test", code_version="1", inputs=_inputs(home, "triples", key))
        papers = sorted({(row["doc_id"], row["version"], "active", "papers.jsonl") for row in rows})
        with Dataset(home, "provenance").writer() as writer:
            write_sorted(paper_lines(papers), writer.file("papers/provenance.nq"))
            writer.commit(skip_key="test", code_version="1", inputs={})
        return home

    return make


@pytest.fixture(scope="session")
def corpus_home(tmp_path_factory: pytest.TempPathFactory, make_home: Callable[..., Path]) -> Path:
    """A home with a finished corpus of a few rows. Tests only read it."""
    return write_corpus_home(tmp_path_factory.mktemp("corpus-home"), make_home)


def _write(home: Path, asset: str, key: str, schema: pa.Schema, rows: Sequence[dict[str, Any]] | pa.Table) -> None:
    table = rows if isinstance(rows, pa.Table) else pa.Table.from_pylist(list(rows), schema)
    inputs = _inputs(home, "evidence_by_bucket", key) if asset == "triples" else {}
    with Dataset(home, asset).writer(key) as writer:
        writer.table(f"{key}/{asset}.parquet", schema).write(table)
        writer.commit(skip_key="test", code_version="1", inputs=inputs)


def _inputs(home: Path, asset: str, key: str) -> dict[str, str]:
    manifest = Dataset(home, asset).manifest(key)
    assert manifest is not None
    return {f"{asset}/{key}": manifest.data_version}
