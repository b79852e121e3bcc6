"""What reaches the buckets, and in which order."""

import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kg.claims import triple_id
from kg.shuffle import shuffle_evidence, shuffle_literature
from pipeline.errors import MateriaError
from pipeline.hashing import bucket_of, text_hash
from pipeline.tables import DOCUMENTS, EVIDENCE, LITERATURE_BY_BUCKET, LIVE_DOCUMENTS, MENTIONS

Write = Callable[[list[dict[str, Any]]], list[str]]
Rows = list[dict[str, Any]]


class Library:
    """Documents, the live ones among them, and their mentions, as Parquet files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._written = 0

    def _write(self, rows: Rows, schema: pa.Schema) -> list[str]:
        self._written += 1
        path = self.folder / f"{self._written}.parquet"
        pq.write_table(pa.Table.from_pylist(rows, schema), path)
        return [str(path)]

    def documents(self, *rows: dict[str, Any]) -> list[str]:
        return self._write([document(**row) for row in rows], DOCUMENTS)

    def live(self, *rows: dict[str, Any]) -> list[str]:
        names = LIVE_DOCUMENTS.names
        whole = [{"batch": "b", "reason": "only", "superseded": 0} | document(**row) for row in rows]
        return self._write([{k: v for k, v in row.items() if k in names} for row in whole], LIVE_DOCUMENTS)

    def mentions(self, *rows: dict[str, Any]) -> list[str]:
        plain = {
            "version": 1,
            "text": "x",
            "category": "biolink:Disease",
            "score": 1.0,
            "negated": False,
            "hedged": False,
        }
        plain |= {"sentence_start": 0, "sentence_end": 9, "curie": "MESH:1", "end": 9}
        return self._write([plain | {"text_hash": hash_of(row["doc_id"])} | row for row in rows], MENTIONS)


def hash_of(doc_id: str) -> str:
    return text_hash(f"{doc_id} text")


def document(doc_id: str = "PMID:1", **columns: Any) -> dict[str, Any]:
    row: dict[str, Any] = {"doc_id": doc_id, "version": 1, "position": "1/a", "record": int(doc_id.split(":")[1])}
    row |= {
        "file": "a",
        "status": "active",
        "text": f"{doc_id} text",
        "text_hash": hash_of(doc_id),
        "language": "en",
        "year": 2001,
    }
    row["sections"] = [{"label": "TITLE", "start": 0, "end": 4}]
    return row | columns


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path)


def evidence_pieces(evidence: list[str], live: list[str], **options: Any) -> list[tuple[int, pa.RecordBatch]]:
    with shuffle_evidence({"b": evidence}, live, 8, **options) as shuffle:
        return list(shuffle.rows)


def evidence_rows(evidence: list[str], live: list[str], **options: Any) -> Rows:
    return [row for _, batch in evidence_pieces(evidence, live, **options) for row in batch.to_pylist()]


def literature_pieces(*inputs: list[str], **options: Any) -> list[tuple[int, pa.RecordBatch]]:
    *batched, live = inputs
    with shuffle_literature(*({"b": paths} for paths in batched), live, 8, **options) as shuffle:  # type: ignore[misc,arg-type]
        return list(shuffle.rows)


def literature_rows(*inputs: list[str], **options: Any) -> Rows:
    return [row for _, batch in literature_pieces(*inputs, **options) for row in batch.to_pylist()]


def test_evidence_comes_by_bucket_of_its_subject_then_by_id(library: Library, write_evidence: Write) -> None:
    draw = random.Random(1)
    docs = [{"doc_id": f"PMID:{i}"} for i in range(20)]
    rows = [
        {"doc_id": draw.choice(docs)["doc_id"], "subject": f"MESH:{draw.randrange(40)}", "sentence": str(i)}
        for i in range(500)
    ]
    pieces = evidence_pieces(write_evidence(rows), library.live(*docs))
    assert all(batch.schema.equals(EVIDENCE) for _, batch in pieces)
    keys = [(bucket, row["evidence_id"]) for bucket, batch in pieces for row in batch.to_pylist()]
    assert keys == sorted(keys) and len(keys) == 500
    assert all(bucket_of(row["subject"], 8) == bucket for bucket, batch in pieces for row in batch.to_pylist())


@pytest.mark.parametrize("threads", [1, 3])
def test_evidence_does_not_depend_on_threads_or_on_the_files(
    library: Library, write_evidence: Write, threads: int
) -> None:
    docs = [{"doc_id": f"PMID:{i}"} for i in range(9)]
    rows = [{"doc_id": f"PMID:{i % 9}", "subject": f"MESH:{i % 13}", "sentence": str(i)} for i in range(900)]
    live = library.live(*docs)
    expected = evidence_rows(write_evidence(rows), live)
    halves = write_evidence(rows[500:]) + write_evidence(rows[:500])
    assert evidence_rows(halves, live, threads=threads) == expected


def test_evidence_of_a_superseded_text_is_left_behind(library: Library, write_evidence: Write) -> None:
    rows = [
        {"text_hash": hash_of("PMID:1")},
        {"text_hash": "an older text"},
        {"version": 2, "text_hash": hash_of("PMID:1")},
    ]
    kept = evidence_rows(write_evidence(rows), library.live({"doc_id": "PMID:1"}))
    assert [(row["version"], row["text_hash"]) for row in kept] == [(1, hash_of("PMID:1"))]


def test_evidence_of_deleted_and_unknown_papers_is_left_behind(library: Library, write_evidence: Write) -> None:
    evidence = write_evidence([{"doc_id": "PMID:1"}, {"doc_id": "PMID:2"}, {"doc_id": "PMID:3"}])
    live = library.live({"doc_id": "PMID:1"}, {"doc_id": "PMID:2", "status": "deleted"})
    assert [row["doc_id"] for row in evidence_rows(evidence, live)] == ["PMID:1"]


def test_evidence_learns_of_a_retraction_here(library: Library, write_evidence: Write) -> None:
    evidence = write_evidence([{"doc_id": "PMID:1"}, {"doc_id": "PMID:2", "retracted": True}])
    live = library.live({"doc_id": "PMID:1", "status": "retracted"}, {"doc_id": "PMID:2"})
    assert {row["doc_id"]: row["retracted"] for row in evidence_rows(evidence, live)} == {
        "PMID:1": True,
        "PMID:2": False,
    }


def test_what_a_graph_asserts_needs_no_live_document_but_learns_of_a_retraction(
    library: Library, write_evidence: Write
) -> None:
    graphs = write_evidence(
        [{"doc_id": f"PMID:{i}", "text_hash": "the edge", "extractor": "kgx_edges.v1"} for i in range(1, 5)]
    )
    live = library.live(
        {"doc_id": "PMID:1"}, {"doc_id": "PMID:2", "status": "retracted"}, {"doc_id": "PMID:3", "status": "deleted"}
    )
    rows = evidence_rows(write_evidence([{"doc_id": "PMID:1"}, {"doc_id": "PMID:3"}]), live, graphs=graphs)
    assert sorted((row["doc_id"], row["extractor"], row["retracted"]) for row in rows) == [
        ("PMID:1", "kgx_edges.v1", False),
        ("PMID:1", "trigger.v1", False),
        ("PMID:2", "kgx_edges.v1", True),
        ("PMID:3", "kgx_edges.v1", False),
        ("PMID:4", "kgx_edges.v1", False),
    ]
    assert evidence_rows([], [], graphs=graphs) != []


def test_a_text_delivered_twice_gives_its_evidence_once(library: Library, write_evidence: Write) -> None:
    """The same paper in two files: same text, same ids, though the sections may be labelled differently."""
    first = write_evidence([{"evidence_id": "e", "section": "ABSTRACT"}])
    second = write_evidence([{"evidence_id": "e", "section": "RESULTS"}])
    live = library.live({"doc_id": "PMID:1"})
    for paths in (first + second, second + first):
        (row,) = evidence_rows(paths, live)
        assert row["section"] == "ABSTRACT"


def test_a_text_that_two_batches_hold_takes_its_rows_from_the_live_one(library: Library, write_evidence: Write) -> None:
    evidence = {
        batch: write_evidence([{"evidence_id": "e", "section": section}])
        for batch, section in (("a", "ABSTRACT"), ("b", "RESULTS"))
    }
    with shuffle_evidence(evidence, library.live({"batch": "b"}), 8) as shuffle:
        ((_, rows),) = shuffle.rows
    assert rows["section"].to_pylist() == ["RESULTS"]


def test_a_digest_tells_whether_a_text_its_mentions_or_its_claims_are_others(
    library: Library, write_evidence: Write
) -> None:
    docs: Rows = [{"doc_id": f"PMID:{i}"} for i in range(4)]

    def digests(mentions: Rows, claims: Rows) -> list[int]:
        inputs = library.documents(*docs), library.mentions(*mentions), write_evidence(claims), library.live(*docs)
        rows = [row for _, batch in literature_pieces(*inputs) for row in batch.to_pylist()]
        return [row["digest"] for row in sorted(rows, key=lambda row: row["doc_id"])]

    mentions: Rows = [{"doc_id": f"PMID:{i}", "start": 3, "end": 5} for i in range(4)]
    claims: Rows = [{"doc_id": f"PMID:{i}", "evidence_id": f"e{i}"} for i in range(4)]
    before = digests(mentions, claims)
    assert digests(mentions[::-1], claims[::-1]) == before
    after = digests(
        [mentions[0] | {"end": 6}, *mentions[1:]], [claims[0], claims[1] | {"polarity": False}, *claims[2:]]
    )
    assert [one == other for one, other in zip(before, after, strict=True)] == [False, False, True, True]


def test_literature_comes_by_bucket_with_its_mentions_and_claims_beside_it(
    library: Library, write_evidence: Write
) -> None:
    draw = random.Random(2)
    docs: Rows = [{"doc_id": f"PMID:{i}"} for i in range(70)]
    mentions: Rows = [{"doc_id": f"PMID:{draw.randrange(60)}", "start": i, "end": i + 2} for i in range(800)]
    claims: Rows = [{"doc_id": f"PMID:{draw.randrange(50)}", "sentence": str(i)} for i in range(300)]
    inputs = library.documents(*docs), library.mentions(*mentions), write_evidence(claims), library.live(*docs)
    pieces = literature_pieces(*inputs, rows=5)
    assert all(batch.schema.equals(LITERATURE_BY_BUCKET) and batch.num_rows <= 5 for _, batch in pieces)
    rows = [(bucket, row) for bucket, batch in pieces for row in batch.to_pylist()]
    keys = [(bucket, row["doc_id"]) for bucket, row in rows]
    assert keys == sorted(keys) and len(keys) == 70
    for bucket, row in rows:
        assert bucket == bucket_of(row["doc_id"], 8)
        assert row["text"] == f"{row['doc_id']} text"
        assert [m["start"] for m in row["mentions"]] == sorted(
            m["start"] for m in mentions if m["doc_id"] == row["doc_id"]
        )
        ids = [claim["evidence_id"] for claim in row["claims"]]
        assert ids == sorted(ids) and len(ids) == sum(claim["doc_id"] == row["doc_id"] for claim in claims)
    claim = next(row["claims"][0] for _, row in rows if row["claims"])
    assert claim["triple_id"] == triple_id("MESH:D008687", "biolink:treats", "MESH:D003924")
    assert (claim["subject_start"], claim["object_end"], claim["polarity"]) == (0, 32, True)


def test_literature_does_not_depend_on_threads_pieces_or_files(library: Library, write_evidence: Write) -> None:
    docs: Rows = [{"doc_id": f"PMID:{i}"} for i in range(40)]
    mentions: Rows = [{"doc_id": f"PMID:{i % 31}", "start": i} for i in range(200)]
    evidence, live = (
        write_evidence([{"doc_id": f"PMID:{i % 7}", "sentence": str(i)} for i in range(50)]),
        library.live(*docs),
    )
    expected = literature_rows(library.documents(*docs), library.mentions(*mentions), evidence, live)
    halves = library.documents(*docs[25:]) + library.documents(*docs[:25])
    backwards = library.mentions(*mentions[::-1])
    assert literature_rows(halves, backwards, evidence, live, threads=1, rows=3) == expected


def test_literature_larger_than_memory_goes_through_files(
    library: Library, monkeypatch: pytest.MonkeyPatch, write_evidence: Write
) -> None:
    """Full texts do not fit into one sort: with parts of a few bytes, every part has a file of its own."""
    docs: Rows = [{"doc_id": f"PMID:{i}"} for i in range(40)]
    inputs = library.documents(*docs), library.mentions({"doc_id": "PMID:3", "start": 1}), [], library.live(*docs)
    expected = literature_rows(*inputs)
    monkeypatch.setattr("kg.shuffle._PART_BYTES", 8)
    assert literature_rows(*inputs, rows=3) == expected


def test_unlinked_mentions_and_repeated_ones_are_left_out(library: Library) -> None:
    twice = {"doc_id": "PMID:1", "start": 3}
    mentions = library.mentions(twice, {"doc_id": "PMID:1", "start": 1, "curie": None}, twice)
    (row,) = literature_rows(library.documents({}), mentions, [], library.live({}))
    assert row["mentions"] == [{"start": 3, "end": 9, "curie": "MESH:1", "category": "biolink:Disease"}]
    assert row["claims"] == []


def test_retracted_text_is_read_only_when_the_policy_says_so(library: Library) -> None:
    docs: Rows = [
        {"doc_id": "PMID:1"},
        {"doc_id": "PMID:2", "status": "retracted"},
        {"doc_id": "PMID:3", "status": "deleted"},
    ]
    inputs = library.documents(*docs), [], [], library.live(*docs)
    assert {row["doc_id"] for row in literature_rows(*inputs)} == {"PMID:1"}
    for policy in ("downweight", "keep"):
        assert {row["doc_id"] for row in literature_rows(*inputs, retracted=policy)} == {"PMID:1", "PMID:2"}


def test_only_the_live_version_of_a_text_is_read(library: Library) -> None:
    old, new = (
        {"text": "old", "text_hash": "old", "file": "b"},
        {"version": 2, "text": "new", "text_hash": "new", "file": "c"},
    )
    mentions = library.mentions(
        {"doc_id": "PMID:1", "start": 1, "text_hash": "old"},
        {"doc_id": "PMID:1", "version": 2, "start": 2, "text_hash": "new"},
    )
    (row,) = literature_rows(library.documents(old, new), mentions, [], library.live(new))
    assert (row["text"], row["version"], [m["start"] for m in row["mentions"]]) == ("new", 2, [2])


def test_a_stretch_of_texts_that_do_not_count_is_passed_over(library: Library) -> None:
    """Long texts are read 64 at a time."""
    docs: Rows = [{"doc_id": f"PMID:{i}", "text": f"{i} " * 4000} for i in range(200)]
    inputs = library.documents(*docs), [], [], library.live(docs[3], docs[190])
    assert {row["doc_id"] for row in literature_rows(*inputs)} == {"PMID:3", "PMID:190"}


def test_nothing_in_nothing_out(library: Library) -> None:
    assert evidence_rows([], []) == []
    assert literature_rows([], [], [], []) == []
    assert literature_rows(library.documents(), library.mentions(), [], library.live()) == []


def test_a_live_row_without_its_document_is_an_error_not_a_loss(library: Library) -> None:
    inputs = library.documents({"doc_id": "PMID:1"}), [], [], library.live({"doc_id": "PMID:2"})
    with pytest.raises(MateriaError, match="live_documents, PMID:2: is live, but its row is not among the documents"):
        literature_rows(*inputs)


def test_literature_without_any_documents_is_an_error_not_a_loss(library: Library) -> None:
    with pytest.raises(MateriaError, match="PMID:2: is live, but"):
        literature_rows([], [], [], library.live({"doc_id": "PMID:2"}))


def test_a_consumer_may_stop_early_and_nothing_is_left_behind(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    docs: Rows = [{"doc_id": f"PMID:{i}"} for i in range(40)]
    with shuffle_literature({"b": library.documents(*docs)}, {}, {}, library.live(*docs), 4, rows=2) as shuffle:
        bucket, batch = next(shuffle.rows)
        assert (bucket, batch.num_rows) == (0, 2)
        assert list(scratch.iterdir())
    assert not list(scratch.iterdir())
