"""The law of live documents, against a model of forty lines."""

from __future__ import annotations

import itertools
import os
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
    doc_id: str, position: str, record: int = 0, version: int = 1, status: str = "active", aliases=(),
    full_text: bool = False, retracts=(),
) -> dict[str, Any]:  # fmt: skip
    empty = {"title": "", "text": "", "sections": [], "language": "en", "subjects": [], "publication_types": []}
    empty |= {"full_text": full_text, "retracts": list(retracts)}
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
    years = defaultdict(set)
    for r in rows:
        if r["position"].startswith("0/"):
            years[r["position"].split("/")[1]].add(int(r["position"].split("/")[2]))
    baseline = max((year for year, numbers in years.items() if len(numbers) == max(numbers)), default="")
    old = [r for r in rows if r["position"].startswith("0/") and r["position"].split("/")[1] < baseline]
    now = [r for r in rows if r not in old]
    ids, better = {r["doc_id"] for r in now}, {}
    for r in now:
        for alias in r["aliases"]:
            if alias in ids and rank(r["doc_id"])[0] < rank(alias)[0]:
                better[alias] = min(better.get(alias, r["doc_id"]), r["doc_id"], key=rank)

    def document(name: str) -> str:
        while name in better:
            name = better[name]
        return name

    groups = defaultdict(list)
    for r in sorted(now, key=lambda r: (r["position"], r["record"])):
        alive = [w for w in groups[document(r["doc_id"])] if w["status"] != "deleted"]
        groups[document(r["doc_id"])] = [r] if r["status"] == "deleted" else [*alive, r]
    chosen, retracted = {}, set()
    for name, writes in groups.items():
        last_words, latest = {source(w): w["status"] for w in writes}, {}
        for w in sorted(writes, key=lambda w: (w["version"], writes.index(w))):
            latest[w["doc_id"], source(w)] = w
        chosen[name] = min(
            latest.values(), key=lambda w: (not w["full_text"], rank(w["doc_id"]), -w["version"], -writes.index(w))
        )
        if "retracted" in last_words.values() or chosen[name]["status"] == "retracted":
            retracted.add(name)
    for name, notice in chosen.items():
        named = {document(r["doc_id"]) for r in now for a in [r["doc_id"], *r["aliases"]] if a in notice["retracts"]}
        retracted |= named - {name} if notice["status"] != "deleted" else set()
    for r in sorted(old, key=lambda r: (r["position"], r["record"])):
        if document(r["doc_id"]) not in groups:
            chosen[document(r["doc_id"])] = {**r, "status": "deleted"}
    return {
        w["doc_id"]: (w["text_hash"], "retracted" if name in retracted and w["status"] != "deleted" else w["status"])
        for name, w in chosen.items()
    }


def source(write: dict[str, Any]) -> str:
    return "0/" if write["position"].startswith("0/") else write["file"]


NAMES = ["PMID:1", "PMID:2", "PMC:1", "DOI:10.1000/a", "materia:x"]
#: A release of two files and its update, the next year's baseline and its update, and files of the user's own.
FILES = [
    "0/2026/00000001/p1", "0/2026/00000002/p2", "0/2026/00000003/p3",
    "0/2027/00000001/q1", "0/2027/00000002/q2", "1/a.jsonl", "1/b.jsonl",
]  # fmt: skip
#: One write: add, revise, re-add (a higher, equal or lower version later), retract, delete, or a notice that retracts others.
WRITE = st.fixed_dictionaries(
    {
        "doc_id": st.sampled_from(NAMES),
        "position": st.sampled_from(FILES),
        "version": st.integers(1, 3),
        "status": st.sampled_from(["active", "active", "active", "retracted", "deleted"]),
        "aliases": st.lists(st.sampled_from(NAMES), max_size=2, unique=True),
        "full_text": st.booleans(),
        "retracts": st.one_of(st.just([]), st.lists(st.sampled_from(NAMES), max_size=1)),
    }
)


@settings(max_examples=int(os.environ.get("MATERIA_LIVE_EXAMPLES", "40")))
@given(st.lists(WRITE, min_size=1, max_size=14), st.integers(1, 1000), st.booleans())
def test_any_sequence_of_writes_gives_what_the_model_gives_in_any_order_of_arrival(writes, shuffle, twice):
    counters = defaultdict(itertools.count)
    rows = []
    for write in writes * 2 if twice else writes:  # twice: every record stands in its file again
        deleted = write["status"] == "deleted"
        aliases = [] if deleted else [a for a in write["aliases"] if a != write["doc_id"]]
        kept = {} if deleted else {"full_text": write["full_text"], "retracts": write["retracts"]}
        place = (write["position"], next(counters[write["position"]]))
        rows.append(row(write["doc_id"], *place, write["version"], write["status"], aliases, **kept))
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
    (found,) = live([row("PMID:1", "0/2026/00000001/p", status="retracted"), row("PMID:1", "1/mine.jsonl")], tmp_path)
    assert (found["position"], found["status"]) == ("1/mine.jsonl", "retracted")


def test_a_later_pubmed_update_takes_a_retraction_back(tmp_path):
    (found,) = live(
        [row("PMID:1", "0/2026/00000001/p", status="retracted"), row("PMID:1", "0/2026/00000002/q")], tmp_path
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


def test_the_full_text_of_a_paper_counts_before_its_abstract_whatever_its_name(tmp_path):
    rows = [
        row("PMID:1", "0/2026/00000001/p", version=2, aliases=["PMC:7"]),
        row("PMC:7", "1/oa.tar", aliases=["DOI:10.1000/a"], full_text=True),
        row("DOI:10.1000/a", "1/preprints.jsonl"),
    ]
    (found,) = live(rows, tmp_path)
    assert (found["doc_id"], found["reason"], found["superseded"]) == ("PMC:7", "fullest-text", 2)


def test_a_later_version_in_the_same_source_may_take_the_full_text_back(tmp_path):
    rows = [row("PMC:7", "1/a.jsonl", full_text=True), row("PMC:7", "1/a.jsonl", 1, version=2)]
    (found,) = live(rows, tmp_path)
    assert (found["version"], found["reason"]) == (2, "highest-version")


def test_a_new_baseline_leaves_out_what_it_does_not_hold(tmp_path):
    rows = [
        row("PMID:1", "0/2026/00000001/p"), row("PMID:2", "0/2026/00000002/q"),
        row("PMID:1", "0/2027/00000001/r"), row("PMID:3", "1/mine.jsonl"),
    ]  # fmt: skip
    found = {r["doc_id"]: (r["position"], r["status"], r["reason"]) for r in live(rows, tmp_path)}
    assert found == {
        "PMID:1": ("0/2027/00000001/r", "active", "latest-write"),
        "PMID:2": ("0/2026/00000002/q", "deleted", "not-in-baseline"),
        "PMID:3": ("1/mine.jsonl", "active", "only"),
    }


def test_a_baseline_that_is_still_arriving_replaces_nothing(tmp_path):
    rows = [
        row("PMID:1", "0/2026/00000001/p"), row("PMID:2", "0/2026/00000001/p", 1),
        row("PMID:1", "0/2027/00000001/r"), row("PMID:9", "0/2027/00000003/t"),
    ]  # fmt: skip
    found = {r["doc_id"]: r["status"] for r in live(rows, tmp_path)}
    assert found == {"PMID:1": "active", "PMID:2": "active", "PMID:9": "active"}


def test_what_an_old_release_deleted_a_new_baseline_may_hold_again(tmp_path):
    rows = [row("PMID:1", "0/2026/00000001/p", status="deleted"), row("PMID:1", "0/2027/00000001/r")]
    (found,) = live(rows, tmp_path)
    assert (found["status"], found["reason"]) == ("active", "latest-write")


def test_a_notice_retracts_the_paper_it_names_by_any_of_its_names(tmp_path):
    rows = [
        row("PMID:1", "1/a", aliases=["DOI:10.1000/a"]),
        row("PMID:2", "1/b", retracts=["DOI:10.1000/a"]),
        row("PMID:3", "1/c", retracts=["PMID:99"]),
    ]
    assert {r["doc_id"]: r["status"] for r in live(rows, tmp_path)} == {
        "PMID:1": "retracted", "PMID:2": "active", "PMID:3": "active",
    }  # fmt: skip


def test_a_notice_that_was_deleted_retracts_nothing(tmp_path):
    rows = [
        row("PMID:1", "1/a"), row("PMID:2", "1/b", retracts=["PMID:1"]), row("PMID:2", "1/c", status="deleted"),
    ]  # fmt: skip
    assert {r["doc_id"]: r["status"] for r in live(rows, tmp_path)} == {"PMID:1": "active", "PMID:2": "deleted"}


def test_one_paper_from_pubmed_and_from_pubmed_central_is_one_document_with_its_full_text(tmp_path):
    from upath import UPath

    from pipeline.documents import read_documents
    from pipeline.inventory import list_files, take_inventory

    citation = "<PubmedArticle><MedlineCitation><PMID Version='3'>101</PMID><Article><ArticleTitle>Aspirin</ArticleTitle></Article>"
    citation += "</MedlineCitation><PubmedData><ArticleIdList><ArticleId IdType='pmc'>PMC55</ArticleId></ArticleIdList></PubmedData>"
    article = "<article><front><article-meta><article-id pub-id-type='pmc'>55</article-id></article-meta></front><body><p>All.</p></body>"
    folder = tmp_path / "papers"
    folder.mkdir()
    (folder / "pubmed26n0001.xml").write_text(f"<PubmedArticleSet>{citation}</PubmedArticle></PubmedArticleSet>")
    (folder / "PMC55.nxml").write_text(f"{article}</article>")
    files = list_files([str(folder)])
    inventory = {row["file"]: row for row in take_inventory(files, set_aside=print).to_pylist()}
    batch = [(file, inventory[file.name]["position"], inventory[file.name]["format"]) for file in files]
    pq.write_table(pa.Table.from_batches(list(read_documents(batch, print))), tmp_path / "documents.parquet")
    (rows,) = live_documents({"a": [str(UPath(tmp_path / "documents.parquet"))]}, threads=1)
    (found,) = rows.to_pylist()
    assert (found["file"], found["reason"], found["superseded"]) == ("papers/PMC55.nxml", "fullest-text", 1)
