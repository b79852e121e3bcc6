"""The literature is counted by reading a part of it, and the sample is the same for the same files."""

import gzip
import json
import random
import zipfile
from pathlib import Path

import fsspec
import pytest

from assets.plan import sample
from assets.plan.sample import read_literature, write_sample
from pipeline.errors import MateriaError
from pipeline.inventory import list_files


def papers(first: int, number: int, words: int = 120) -> str:
    """So many papers as JSON Lines, of words that no compression makes nothing of."""
    draw = random.Random(first)
    text = lambda: " ".join(f"word{draw.randrange(10**6)}" for _ in range(words))  # noqa: E731
    return "".join(
        json.dumps({"pmid": str(i), "title": f"Paper {i}", "abstract": text()}) + "\n"
        for i in range(first, first + number)
    )


def test_what_is_read_to_its_end_is_counted_exactly(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(papers(1, 40))
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(papers(1000, 60).encode()))
    found = read_literature(list_files([str(tmp_path)]))
    assert (found.documents, found.low, found.high, found.read) == (100, 100, 100, 100)
    assert found.files == 2


def test_deleted_records_are_no_documents(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(papers(1, 5) + '{"pmid": "7", "deleted": true}\n')
    assert read_literature(list_files([str(tmp_path)])).documents == 5


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.zip"])
def test_a_file_that_is_read_in_part_is_counted_by_its_bytes(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = papers(1, 6000, 60)
    if name.endswith(".zip"):
        with zipfile.ZipFile(tmp_path / name, "w", zipfile.ZIP_DEFLATED) as archive:
            for i in range(6):
                archive.writestr(f"part{i}.jsonl", "".join(text.splitlines(keepends=True)[i * 1000 : (i + 1) * 1000]))
    else:
        (tmp_path / name).write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    monkeypatch.setattr(sample, "_DOCUMENTS", 1500)
    found = read_literature(list_files([str(tmp_path)]))
    assert found.read == 1536  # three batches
    assert found.documents == pytest.approx(6000, rel=0.15)


def test_files_that_are_not_read_count_like_those_of_their_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for i in range(12):
        (tmp_path / f"{i}.jsonl").write_text(papers(1000 * i, 20 + i))
    (tmp_path / "only.txt").write_text("Aspirin relieves headache.\n")
    monkeypatch.setattr(sample, "_FILES", 8)
    found = read_literature(list_files([str(tmp_path)]))
    there = sum(20 + i for i in range(12)) + 1
    assert found.read < there
    assert found.low <= there <= found.high
    assert found.documents == pytest.approx(there, rel=0.05)


def test_the_sample_is_the_same_for_the_same_files_and_takes_of_each_kind_its_share(tmp_path: Path) -> None:
    (tmp_path / "lit").mkdir()
    (tmp_path / "lit" / "a.jsonl").write_text(papers(1, 90))
    (tmp_path / "lit" / "b.jsonl.gz").write_bytes(gzip.compress(papers(1000, 10).encode()))
    written = []
    for name in ("one", "two"):
        found = read_literature(list_files([str(tmp_path / "lit")]))
        assert write_sample(found, 20, tmp_path / name) == 20
        written.append((tmp_path / name).read_text())
    assert written[0] == written[1]
    ids = [int(json.loads(line)["id"].removeprefix("PMID:")) for line in written[0].splitlines()]
    assert sum(i >= 1000 for i in ids) == 2
    # Read again, they are the documents they were.
    (tmp_path / "one").rename(tmp_path / "one.jsonl")
    assert read_literature(list_files([str(tmp_path / "one.jsonl")])).documents == 20


def test_literature_behind_a_url_is_read_where_it_is() -> None:
    store = fsspec.filesystem("memory")
    store.pipe_file("/plan/lit/a.jsonl.gz", gzip.compress(papers(1, 30).encode()))
    try:
        assert read_literature(list_files(["memory://plan/lit"])).documents == 30
    finally:
        store.rm("/plan", recursive=True)


def test_literature_without_a_document_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"pmid": "1"}\n')
    with pytest.raises(MateriaError, match=r"no document can be read of the literature; the first is .*a\.jsonl"):
        read_literature(list_files([str(tmp_path)]))
