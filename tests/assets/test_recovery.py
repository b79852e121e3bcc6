"""A home after a crash: the next build is right and leaves nothing lying about; doctor shows the rest and mends it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from assets.build import build
from assets.config import Config
from assets.doctor import examine
from assets.home import SAMPLE, Home, open_home
from assets.recovery import mend, trouble
from cli.main import main

ROOT = Path(__file__).parents[2]


def outputs(home: Home) -> dict[str, bytes]:
    return {name: data for name, data in files(home).items() if not name.startswith("history/")}


def as_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built")
    home = open_home(str(folder / "home")).configure(
        [str(SAMPLE / "literature" / "notes.jsonl")], [str(SAMPLE / "vocabulary")], Config(buckets=2, workers=1)
    )
    build(home, ["triples"])
    return home.path


@pytest.fixture
def home(built: Path, tmp_path: Path) -> Home:
    shutil.copytree(built, tmp_path / "home")
    return open_home(str(tmp_path / "home"))


def files(home: Home) -> dict[str, bytes]:
    return {str(path.relative_to(home.path)): path.read_bytes() for path in home.path.glob("*/**/*") if path.is_file()}


def test_a_sound_home_has_no_trouble(home: Home) -> None:
    assert trouble(home, deep=True) == {}
    assert mend(home) == {}


def test_a_build_takes_away_what_a_killed_one_left(home: Home) -> None:
    before = files(home)
    shutil.copy(home.dataset("triples").paths("0")[0], home.path / "triples" / "0" / "triples-0123456789abcdef.parquet")
    (home.path / "triples" / "_staging" / "0.abc").mkdir(parents=True)
    assert set(trouble(home)) == {"unfinished writes", "files that no manifest names"}
    assert build(home, ["triples"]) == {}
    assert files(home) == before


def test_what_doctor_mends_the_next_build_makes_again_to_the_byte(home: Home) -> None:
    before = files(home)
    Path(home.dataset("documents").paths(next(iter(home.dataset("documents").manifests())))[0]).unlink()
    triples = Path(home.dataset("triples").paths("1")[0])
    triples.write_bytes(triples.read_bytes()[:-10])
    (home.path / "evidence_by_bucket" / "_manifests" / "0.json").write_text("{ half a mani")
    (home.path / "home.json.staged").write_text("{")
    (home.path / "graph_index" / "store" / "7" / "index").mkdir(parents=True)
    found = trouble(home)
    assert {kind: len(names) for kind, names in found.items()} == {
        "damaged partitions": 3,
        "unfinished writes": 1,
        "unfinished states of the index": 1,
    }
    assert main(["doctor", "--home", str(home.path), "--json"]) == 1
    assert main(["doctor", "--home", str(home.path), "--mend"]) == 0
    assert trouble(home, deep=True) == {}
    build(home, ["triples"])
    assert files(home) == before


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(path.read_bytes()[:40]),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_text('{"a":1}'),
        as_folder,
    ],
    ids=["cut short", "empty", "another object", "a folder"],
)
def test_doctor_tells_and_mends_a_damaged_manifest(
    home: Home, spoil: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    before = outputs(home)
    spoil(home.path / "triples" / "_manifests" / "1.json")
    spoil(home.path / "vocabulary" / "_manifests" / "all.json")
    assert main(["doctor", "--home", str(home.path), "--json"]) == 1
    wrong = [finding for finding in json.loads(capsys.readouterr().out) if not finding["ok"]]
    assert [finding["what"] for finding in wrong] == ["damaged partitions"]
    assert "triples/1: its manifest cannot be read (" in wrong[0]["found"]
    assert wrong[0]["remedy"] == "Run: materia doctor --mend, then materia build"
    findings = examine(str(home.path), repair=True)
    assert all(finding.ok for finding in findings)
    (build_found,) = [finding.found for finding in findings if finding.what == "build"]
    assert "vocabulary" in build_found  # what was removed is told as not built
    assert trouble(home, deep=True) == {}
    build(home, ["triples"])
    assert outputs(home) == before


def test_other_bytes_of_the_same_length_are_found_by_their_hash(home: Home) -> None:
    path = Path(home.dataset("triples").paths("1")[0])
    path.write_bytes(b"X" + path.read_bytes()[1:])
    assert trouble(home) == {}
    assert list(trouble(home, deep=True)) == ["damaged partitions"]
    mend(home, deep=True)
    assert build(home, ["triples"]) == {"triples": 1}


def test_doctor_names_who_builds_and_mends_nothing_meanwhile(home: Home) -> None:
    code = f"import time; from assets.home import open_home\nwith open_home({str(home.path)!r}).lock(): print(1, flush=True); time.sleep(60)"
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(ROOT)}
    )
    assert process.stdout is not None
    process.stdout.readline()
    try:
        (finding,) = [finding for finding in examine(str(home.path), repair=True) if finding.what == "lock"]
        assert (finding.ok, f"held by process {process.pid} " in finding.found) == (False, True)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.slow
def test_builds_killed_at_random_moments_are_finished_by_the_next(tmp_path: Path) -> None:
    """A longer run: `python benchmarks/kills.py --kills 200`."""
    command = [sys.executable, str(ROOT / "benchmarks" / "kills.py"), "--kills", "2", "--seed", "5", "--states", "2"]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith(("2 kills, ", "3 kills, "))
