"""The mutation run itself: a few hundred spoiled files of each family, and that it tells what it must."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.readers import READERS
from pipeline.readers.base import Document

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.mark.slow
@pytest.mark.parametrize("family", ["readers", "vocabularies", "graphs"])
def test_no_spoiled_file_crashes_a_reader(family, tmp_path):
    command = [
        sys.executable,
        str(BENCHMARKS / "mutations.py"),
        "--family",
        family,
        "--files",
        "300",
        "--keep",
        str(tmp_path),
    ]
    environment = {**os.environ, "PYTHONPATH": str(BENCHMARKS.parent), "MATERIA_DATA": ""}  # the fixtures alone
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{family}: 300 files" in done.stdout


@pytest.fixture
def mutations(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("mutations")


class Flawed:
    """A reader with the flaw that its file names."""

    name, one_document = "flawed.v1", False

    def recognises(self, head, name):
        return name == "flawed"

    def read(self, stream, file):
        kind = stream.read()
        if kind == b"raises":
            raise KeyError("x")
        if kind == b"recursion":
            yield from self.deep(0)
        if kind == b"identifier":
            yield Document("../../etc/passwd", title="T")
        if kind == b"secret":
            yield Document("PMID:1", title="the text of a file that nobody may read")
        yield Document("PMID:1", title="T")

    def deep(self, level):
        yield from self.deep(level + 1)


@pytest.mark.parametrize(
    ("content", "crash"),
    [
        (b"fine", ""), (b"raises", "KeyError at test_mutations.py"), (b"recursion", "RecursionError"),
        (b"identifier", "no CURIE"), (b"secret", "gives out a secret"),
    ],
)  # fmt: skip
def test_a_flaw_is_seen(content, crash, mutations, monkeypatch, tmp_path):
    monkeypatch.setitem(READERS, "flawed.v1", Flawed())
    path = tmp_path / "flawed"
    path.write_bytes(content)
    report = mutations.attempt(mutations.read_literature, path, "flawed.v1")
    assert (crash in report.crash) if crash else (report.crash, report.records) == ("", 1)


def test_a_file_is_made_again_from_its_number(mutations, tmp_path):
    seeds = [("a.v1", "a", b"<a>some text 12</a>\n" * 50), ("b.v1", "b", b"other\tlines\n" * 50)]
    first = [mutations.make(seeds, 3, number, tmp_path / "secret") for number in range(60)]
    assert first == [mutations.make(seeds, 3, number, tmp_path / "secret") for number in range(60)]
    assert [one[0] for one in first[:4]] == ["a.v1", "b.v1", "a.v1", "b.v1"]
    assert len({one[2] for one in first}) > 50
