"""Hashes of files that are remembered, and when they are not."""

import hashlib
import os
import time
from pathlib import Path

import pytest

from pipeline import file_hashes
from pipeline.file_hashes import FileHashes


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def asked(memory: Path, path: Path) -> str:
    with FileHashes(memory) as hashes:
        return hashes.sha256(path)


@pytest.fixture
def paper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that has rested for long enough to be remembered."""
    monkeypatch.setattr(file_hashes, "_RESTED_NS", 20_000_000)
    path = tmp_path / "paper.txt"
    path.write_text("one")
    time.sleep(0.05)
    return path


def test_a_file_at_rest_is_not_read_again(paper: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = tmp_path / "memory" / "literature.json"
    assert asked(memory, paper) == sha256("one")

    def unread(path: Path) -> str:
        raise AssertionError(path)

    monkeypatch.setattr(file_hashes, "file_sha256", unread)
    assert asked(memory, paper) == sha256("one")


def test_another_text_of_the_same_size_and_time_of_change_is_seen(paper: Path, tmp_path: Path) -> None:
    memory = tmp_path / "memory.json"
    before = paper.stat()
    asked(memory, paper)
    paper.write_text("two")
    os.utime(paper, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert asked(memory, paper) == sha256("two")


def test_a_file_that_was_just_written_is_not_remembered(tmp_path: Path) -> None:
    memory, paper = tmp_path / "memory.json", tmp_path / "paper.txt"
    paper.write_text("one")
    assert asked(memory, paper) == sha256("one")
    assert not memory.exists()


def test_files_that_are_gone_are_forgotten(paper: Path, tmp_path: Path) -> None:
    memory, other = tmp_path / "memory.json", tmp_path / "other.txt"
    asked(memory, paper)
    other.write_text("other")
    time.sleep(0.05)
    asked(memory, other)
    assert "paper.txt" not in memory.read_text() and "other.txt" in memory.read_text()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": "another", "files": {}}'])
def test_a_damaged_memory_costs_a_reading_and_nothing_else(paper: Path, tmp_path: Path, text: str) -> None:
    memory = tmp_path / "memory.json"
    memory.write_text(text)
    assert asked(memory, paper) == sha256("one")


def test_a_memory_that_cannot_be_written_does_not_matter(paper: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert asked(tmp_path / "file" / "memory.json", paper) == sha256("one")
