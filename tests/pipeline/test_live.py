"""The law of live documents, against a model of twenty lines."""

from __future__ import annotations

import itertools
import random
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.live import live_documents
from pipeline.tables import DOCUMENTS, LIVE_DOCUMENTS

RANKS = ("PMID", "PMC", "DOI")


def row(
    doc_id: str, position: str, record: int = 0, version: int = 1, status: str = "active", aliases=()
) -> dict[str, Any]:
    empty = {"title": "", "text": "", "sections": [], "language": "en", "subjects": [], "publication_types": []}
    return {
        "doc_id": doc_id, "version": version, "position": position, "record": record, "file": position.rpartition("/")[2],
        "status": status, "aliases": list(aliases), "text_hash": f"{position}#{record}", "metadata_hash": "", **empty,
    }  # fmt: skip


def live(rows: list[dict[str, Any]], folder: Path, retracted=(), shuffle: int = 0) -> list[dict[str, Any]]:
    """Write each file's rows to a Parquet file of its batch, in an order drawn from `shuffle`, and ask which count."""
    parts = defaultdict(list)
    for r in rows:
        parts[r["file"]].append(r)
    names = sorted(parts)
    random.Random(shuffle).shuffle(names)
    documents = {}
    for place, name in enumerate(names):
        random.Random(shuffle).shuffle(parts[name])
        path = folder / f"{place}-{shuffle}.parquet"
        pq.write_table(pa.Table.from_pylist(parts[name], DOCUMENTS), path)
        documents[f"batch-{name}"] = [str(path)]
    batches = list(live_documents(documents, retracted, threads=1))
    assert all(b.schema.equals(LIVE_DOCUMENTS) for b in batches)
    return [r for b in batches for r in b.to_pylist()]


def rank(curie: str) -> tuple[int, str]:
    prefix = curie.split(":", maxsplit=1)[0]
    return (RANKS.index(prefix) if prefix in RANKS else len(RANKS), curie)


def model(rows: list[dict[str, Any]]) -> dict[str, tuple[str, str]]:
    """What counts for each document: text hash of the row, and its status."""
    ids, better = {r["doc_id"] for r in rows}, {}
    for r in rows:
        for alias in r["aliases"]:
            if alias in ids and rank(r["doc_id"])[0] < rank(alias)[0]:
                better[alias] = min(better.get(alias, r["doc_id"]), r["doc_id"], key=rank)
    groups = defaultdict(list)
    for r in sorted(rows, key=lambda r: (r["position"], r["record"])):
        name = r["doc_id"]
        while name in better:
            name = better[name]
        if r["status"] == "deleted":
            groups[name] = [r]
        else:
            groups[name] = [w for w in groups[name] if w["status"] != "deleted"] + [r]
    result = {}
    for writes in groups.values():
        words = {("0/" if w["position"].startswith("0/") else w["file"]): w["status"] for w in writes}
        best = min(writes, key=lambda w: (rank(w["doc_id"]), -w["version"], -writes.index(w)))
        retracted = "retracted" in words.values() and best["status"] != "deleted"
        result[best["doc_id"]] = (best["text_hash"], "retracted" if retracted else best["status"])
    return result


NAMES = ["PMID:1", "PMID:2", "PMC:1", "DOI:10.1000/a", "materia:x"]
POSITIONS = ["0/0026/00000001/p1", "0/0026/00000002/p2", "1/a.jsonl", "1/b.jsonl"]
WRITES = st.lists(
    st.tuples(
        st.sampled_from(NAMES),
        st.sampled_from(POSITIONS),
        st.integers(1, 3),
        st.sampled_from(["active", "active", "retracted", "deleted"]),
        st.lists(st.sampled_from(NAMES), max_size=2, unique=True),
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=40, deadline=None)
@given(WRITES, st.integers(1, 1000))
def test_any_sequence_of_writes_gives_what_the_model_gives_in_any_order_of_arrival(writes, shuffle):
    counters = defaultdict(itertools.count)
    rows = [
        row(
            name,
            position,
            next(counters[position]),
            version,
            status,
            [a for a in aliases if a != name and status != "deleted"],
        )
        for name, position, version, status, aliases in writes
    ]
    with tempfile.TemporaryDirectory() as folder:
        found = live(rows, Path(folder))
        assert live(rows, Path(folder), shuffle=shuffle) == found
    assert {r["doc_id"]: (r["text_hash"], r["status"]) for r in found} == model(rows)
    assert [r["doc_id"] for r in found] == sorted(r["doc_id"] for r in found)
    assert sum(r["superseded"] + 1 for r in found) == len(rows)


def test_reasons_name_why_a_row_counts(tmp_path):
    found = live(
        [
            row("PMID:1", "1/a"),
            row("PMID:2", "1/a", 1), row("PMID:2", "1/b"),
            row("PMID:3", "1/a", 2, version=2), row("PMID:3", "1/b", 1, version=1),
            row("PMID:4", "1/a", 3), row("PMID:4", "1/b", 2, status="deleted"),
            row("PMID:5", "1/a", 4, status="retracted"),
        ],
        tmp_path,
    )  # fmt: skip
    assert [(r["doc_id"], r["reason"], r["position"], r["superseded"]) for r in found] == [
        ("PMID:1", "only", "1/a", 0),
        ("PMID:2", "latest-write", "1/b", 1),
        ("PMID:3", "highest-version", "1/a", 1),
        ("PMID:4", "deleted", "1/b", 1),
        ("PMID:5", "retracted", "1/a", 0),
    ]
    assert found[0]["batch"] == "batch-a"


def test_a_document_written_again_after_its_deletion_is_back_also_in_a_lower_version(tmp_path):
    rows = [row("PMID:1", "1/a", version=3), row("PMID:1", "1/b", status="deleted"), row("PMID:1", "1/c")]
    (found,) = live(rows, tmp_path)
    assert (found["version"], found["status"], found["reason"]) == (1, "active", "latest-write")


def test_a_source_that_knows_no_retractions_does_not_wash_one_out(tmp_path):
    (found,) = live([row("PMID:1", "0/0026/00000001/p", status="retracted"), row("PMID:1", "1/mine.jsonl")], tmp_path)
    assert (found["position"], found["status"]) == ("1/mine.jsonl", "retracted")


def test_a_later_pubmed_update_takes_a_retraction_back(tmp_path):
    (found,) = live(
        [row("PMID:1", "0/0026/00000001/p", status="retracted"), row("PMID:1", "0/0026/00000002/q")], tmp_path
    )
    assert found["status"] == "active"


def test_a_paper_known_under_three_names_is_one_document(tmp_path):
    rows = [
        row("DOI:10.1000/a", "1/a"),
        row("PMC:7", "1/b", aliases=["DOI:10.1000/a"]),
        row("PMID:9", "1/c", aliases=["PMC:7"]),
    ]
    (found,) = live(rows, tmp_path)
    assert (found["doc_id"], found["superseded"]) == ("PMID:9", 2)


def test_one_doi_on_two_papers_joins_neither_to_the_other(tmp_path):
    rows = [row("PMID:1", "1/a", aliases=["DOI:10.1000/a"]), row("PMID:2", "1/a", 1, aliases=["DOI:10.1000/a"])]
    assert [r["doc_id"] for r in live(rows, tmp_path)] == ["PMID:1", "PMID:2"]


@pytest.mark.parametrize("name", ["PMID:1", "pmid:1", "PMC:7", "PMC7", "https://doi.org/10.1000/A"])
def test_the_users_list_retracts_by_any_name(tmp_path, name):
    rows = [
        row("PMID:1", "1/a", aliases=["DOI:10.1000/a"]),
        row("PMC:7", "1/b", aliases=["PMID:1"]),
        row("PMID:2", "1/a", 1),
    ]
    rows[0]["aliases"].append("PMC:7")
    found = {r["doc_id"]: r["status"] for r in live(rows, tmp_path, [name])}
    assert found == {"PMID:1": "retracted", "PMID:2": "active"}


def test_a_listed_document_that_was_deleted_stays_deleted(tmp_path):
    (found,) = live([row("PMID:1", "1/a", status="deleted")], tmp_path, ["PMID:1"])
    assert found["status"] == "deleted"


def test_nothing_in_gives_nothing_out():
    assert list(live_documents({})) == []


def test_tables_in_an_object_store_are_read(tmp_path):
    from upath import UPath

    path = UPath("memory://live-test/part.parquet")
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist([row("PMID:1", "1/a")], DOCUMENTS), tmp_path / "x")
    path.write_bytes((tmp_path / "x").read_bytes())
    (batch,) = live_documents({"a": [str(path)]}, threads=1)
    assert batch["doc_id"].to_pylist() == ["PMID:1"]
